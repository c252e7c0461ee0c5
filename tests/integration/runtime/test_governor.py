"""The governor over real replicas and simulated engines, in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from tests.integration.runtime.simulated import Crowd, SimulatedEngine, pages

from ocrgate.control.limit.choice import AutoLaw, EngineLaw, FixedLaw, LimitLaw
from ocrgate.errors import EngineFailed
from ocrgate.runtime.governor import Governor, GovernorEvent, LimitMoved, Preempted
from ocrgate.runtime.replica import ReplicaEvent
from ocrgate.runtime.replicas import Replicas
from ocrgate.runtime.seats import Seats
from ocrgate.simulate.profile import Profile
from ocrgate.simulate.profiles import profile
from ocrgate.simulate.workload import OCR
from ocrgate.testing import ManualClock, ScriptedEngine

PLENTY = 150
ROOMY = replace(profile("f-model"), kv_tokens=400_000, max_num_seqs=48)


@dataclass
class House:
    """Replicas, who governs them, and all that was told."""

    clock: ManualClock
    engines: list[SimulatedEngine]
    law: LimitLaw = field(default_factory=AutoLaw)
    events: list[GovernorEvent] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        def relay(event: ReplicaEvent) -> None:
            self.governor.replica(event)

        def changed() -> None:
            self.totals.append(self.governor.total)
            self.seats.refresh()

        self.replicas = Replicas(self.engines, self.clock, observe=relay)
        self.governor = Governor(
            self.replicas, self.clock, self.law, changed=changed, observe=self.events.append
        )
        self.seats = Seats(lambda: self.governor.total)

    @property
    def limits(self) -> list[int]:
        return [state.limit for state in self.governor.snapshot()]


def house(shape: Profile, count: int = 1, law: LimitLaw | None = None) -> House:
    clock = ManualClock()
    source = pages(OCR)
    engines = [SimulatedEngine(clock, shape, source, seed) for seed in range(count)]
    return House(clock, engines, law or AutoLaw())


@asynccontextmanager
async def busy(at: House, crowd: int = PLENTY) -> AsyncIterator[None]:
    await at.replicas.start()
    at.governor.start()
    callers = Crowd(at.replicas, at.seats, crowd)
    try:
        yield
    finally:
        await callers.leave()
        await at.governor.close()
        await at.replicas.close()


async def test_the_limit_is_found_from_the_engines_own_signals() -> None:
    """From 8 places to the engine's 48 within ten seconds, and it stays about there."""
    at = house(ROOMY)
    async with busy(at):
        assert at.limits == [8]
        await at.clock.run(10.0)
        assert at.limits[0] == pytest.approx(48, rel=0.15)
        await at.clock.run(20.0)
        assert at.limits[0] == pytest.approx(48, rel=0.15)
        assert at.governor.total == at.limits[0] == at.totals[-1]
    moved = [event for event in at.events if isinstance(event, LimitMoved)]
    assert {"slow_start", "waiting"} <= {event.reason for event in moved}


async def test_without_metrics_the_answers_are_enough() -> None:
    """The law `latency` is chosen by itself, nothing is polled, and it gets as far."""
    at = house(ROOMY)
    at.engines[0].metrics = False
    async with busy(at):
        await at.clock.run(15.0)
        assert at.engines[0].polls == 0
        assert at.limits[0] == pytest.approx(48, rel=0.2)


async def test_an_idle_engine_proves_nothing() -> None:
    """Three callers never fill eight places, so the limit does not grow."""
    at = house(ROOMY)
    async with busy(at, crowd=3):
        await at.clock.run(10.0)
        assert at.limits == [8]
        assert at.governor.snapshot()[0].reason == "app_limited"


async def test_what_the_engine_was_started_for_is_never_exceeded() -> None:
    """A vLLM that we started with --max-num-seqs 20 is not given more."""
    at = house(ROOMY)
    at.engines[0].most = 20
    async with busy(at):
        await at.clock.run(12.0)
        assert max(at.totals) == 20


async def test_a_small_cache_is_seen_in_preemptions_and_counted() -> None:
    """The ledger knows the capacity, preemptions are told, and the limit stays under the slots."""
    at = house(replace(ROOMY, kv_tokens=12_000))
    async with busy(at):
        await at.clock.run(30.0)
        state = at.governor.snapshot()[0]
        assert state.limit < 40
        assert state.capacity == 12_000
        assert 0 < state.held <= state.promised
    assert sum(event.pages for event in at.events if isinstance(event, Preempted)) == (
        at.engines[0].model.snapshot(at.clock.now()).preemptions
    )


async def test_the_share_of_a_dead_replica_leaves_the_sum_and_begins_anew() -> None:
    """Two find their limits; one dies; back, it starts from the safe first value."""
    at = house(ROOMY, count=2)
    async with busy(at):
        await at.clock.run(10.0)
        assert sum(at.limits) == at.governor.total > 60
        at.engines[1].alive = False
        at.replicas.replica_down(1)
        await at.clock.run(0.1)
        assert at.governor.total == at.limits[0]
        assert not at.governor.snapshot()[1].usable
        at.engines[1].alive = True
        at.replicas.replica_up(1)
        assert at.limits[1] == 8
        assert at.governor.total == at.limits[0] + 8
        await at.clock.run(10.0)
        assert at.limits[1] > 30


async def test_with_nobody_up_the_sum_stays() -> None:
    """So pages come through at once to hear why there is no engine, and do not queue for it."""
    at = house(ROOMY)
    async with busy(at):
        await at.clock.run(5.0)
        before = at.governor.total
        at.replicas.replica_down(0)
        assert at.governor.total == before


async def test_a_hot_gpu_takes_a_part_of_the_sum() -> None:
    """Never all of it."""
    at = house(ROOMY, law=FixedLaw(32))
    at.governor.cool(0.5)
    assert at.governor.total == 16
    at.governor.cool(0.001)
    assert at.governor.total == 1
    at.governor.cool(1.0)
    assert at.totals == [16, 1, 32]


async def test_another_law_takes_over_while_it_runs() -> None:
    """The same law with the same parameters goes on undisturbed."""
    at = house(ROOMY, law=EngineLaw())
    async with busy(at):
        await at.clock.run(10.0)
        found = at.limits[0]
        at.governor.retune(EngineLaw())
        assert at.limits[0] == found > 30
        at.governor.retune(FixedLaw(5))
        assert at.governor.total == 5


async def test_polls_fail_without_harm_and_never_overlap() -> None:
    """An exporter that hangs, then breaks: the limit falls back and never below 1."""
    at = house(ROOMY)
    engine = at.engines[0]
    inside = most = calls = 0
    answer = engine.signals

    async def hang() -> None:
        nonlocal inside, most, calls
        inside, calls = inside + 1, calls + 1
        most = max(most, inside)
        try:
            await asyncio.Event().wait()
        finally:
            inside -= 1

    async def fail() -> None:
        raise EngineFailed("500")

    async with busy(at):
        await at.clock.run(8.0)
        for broken in (hang, fail):
            engine.signals = broken  # type: ignore[method-assign]
            await at.clock.run(8.0)
            assert at.governor.snapshot()[0].reason in {"stale", "decay"}
            assert at.limits[0] >= 1
        engine.signals = answer  # type: ignore[method-assign]
        await at.clock.run(15.0)
        assert at.governor.snapshot()[0].reason not in {"stale", "decay"}
    assert most == 1
    assert calls >= 5


@pytest.mark.parametrize("law", [AutoLaw(), EngineLaw(), FixedLaw(99)])
async def test_an_engine_that_counts_its_places_keeps_them(law: LimitLaw) -> None:
    """The embedded engine has as many workers as it has, and nothing runs beside it."""
    clock = ManualClock()
    replicas = Replicas([ScriptedEngine(clock=clock, slots=3)], clock)
    governor = Governor(replicas, clock, law)
    await replicas.start()
    governor.start()
    assert governor.total == 3
    assert clock.next_timer() is None
    await governor.close()


async def test_lengths_are_learned_from_the_pages_that_end() -> None:
    """After some hundred pages a new one's promise lies near what they had."""
    at = house(ROOMY)
    async with busy(at):
        await at.clock.run(20.0)
    assert at.engines[0].done > 50
    assert len(at.governor.lengths) == 1

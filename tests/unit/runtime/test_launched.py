"""Engines whose servers are started here follow those servers."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from ocrgate.control.guard import Load
from ocrgate.domain.document import Encoding, PageImage
from ocrgate.domain.recognition import PageRequest
from ocrgate.engines.launch.diagnosis import Cause, Diagnosis
from ocrgate.engines.launch.facts import LaunchFacts
from ocrgate.engines.launch.pace import Change, Hooks, Observer, State
from ocrgate.engines.openai.faults import EngineBusy
from ocrgate.errors import EngineFailed, EngineUnavailable
from ocrgate.ports import Awaited, Coming
from ocrgate.runtime.launched import Launch
from ocrgate.testing import ManualClock, ScriptedEngine

PAGE = PageImage(b"\xff", Encoding.RAW, 1, 1, 1, 1, 1)
BROKEN = Diagnosis(Cause.UNKNOWN, "a flag is not known", heals=False)


class Patient(ScriptedEngine):
    """Starts when it may."""

    def __init__(self, may: asyncio.Event, **options: Any) -> None:
        super().__init__(**options)
        self._may = may

    def fail(self, *errors: Exception) -> None:
        """What the next calls raise."""
        self._errors = iter(errors)

    async def start(self) -> None:
        await self._may.wait()
        await super().start()


class Servers:
    """Stands for the supervisor, and for whoever sends the pages; a test plays the servers."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.failure: Exception | None = None
        self.told: list[tuple[str, int]] = []
        self.made: list[tuple[str, Load, Patient]] = []
        self.closed = 0
        self.observe: Observer | None = None
        self.hooks = Hooks()
        self.started = asyncio.Event()
        self.broken: list[Exception] = []
        self.slow = asyncio.Event()
        self.slow.set()
        urls = ["http://a", "http://b"]
        self.launch = Launch(self._make, self._fit, urls, Load(8, 100), pause=0.0)
        self.launch.watch(self)

    def _make(self, observe: Observer, hooks: Hooks) -> "Servers":
        self.observe, self.hooks = observe, hooks
        return self

    def _fit(self, url: str, load: Load) -> Patient:
        error = self.broken.pop() if self.broken else None
        engine = Patient(
            self.slow, slots=load.sequences, delay=1.0, clock=self.clock, start_error=error
        )
        self.made.append((url, load, engine))
        return engine

    async def start(self) -> None:
        """As the supervisor does: returns when the first pages were read, or fails."""
        await self.started.wait()
        if self.failure is not None:
            raise self.failure

    async def close(self) -> None:
        self.closed += 1

    def replica_up(self, index: int) -> None:
        self.told.append(("up", index))

    def replica_down(self, index: int, why: str = "") -> None:
        self.told.append(("down", index))

    def replica_given_up(self, index: int, why: str) -> None:
        self.told.append((f"given up: {why}", index))

    def coming(self, index: int) -> Coming:
        return Coming(f"server {index}: it loads", 7.0)

    async def say(
        self, index: int, state: State, load: Load | None = None, why: Diagnosis | None = None
    ) -> None:
        assert self.observe is not None
        load = load or Load(8, 100)
        self.observe(Change(index, f"http://{'ab'[index]}", state, load, LaunchFacts(), why))
        await settle()


async def settle(until: Callable[[], bool] = lambda: False) -> None:
    for _ in range(20):
        if until():
            return
        await asyncio.sleep(0)


async def test_an_engine_starts_when_its_own_server_has_read_a_page() -> None:
    servers = Servers()
    first, second = (asyncio.create_task(one.start()) for one in servers.launch.engines)
    await settle()
    await servers.say(1, State.UP)
    assert (first.done(), second.done()) == (False, True)
    await servers.say(0, State.UP)
    await asyncio.gather(first, second)
    assert servers.told == [("up", 1), ("up", 0)]


async def test_a_server_started_for_less_has_fewer_slots() -> None:
    servers = Servers()
    starting = asyncio.create_task(servers.launch.engines[0].start())
    await settle()
    assert servers.launch.engines[0].description.slots == 8
    await servers.say(0, State.UP, Load(3, 100))
    await starting
    assert servers.launch.engines[0].description.slots == 3


async def test_a_death_is_told_at_once_and_a_return_when_pages_are_read() -> None:
    servers = Servers()
    await servers.say(0, State.UP)
    await servers.say(0, State.DOWN, why=BROKEN)
    await servers.say(0, State.RESTARTING, why=BROKEN)
    await servers.say(0, State.UP)
    assert servers.told == [("up", 0), ("down", 0), ("up", 0)]


async def test_what_cannot_be_started_says_why() -> None:
    servers = Servers()
    starting = asyncio.create_task(servers.launch.engines[0].start())
    await settle()
    await servers.say(0, State.STOPPED)  # the supervisor clears up before it raises
    assert not starting.done()
    servers.failure = EngineUnavailable("the model is not there")
    servers.started.set()
    with pytest.raises(EngineUnavailable, match="the model is not there"):
        await starting
    assert [end for end in servers.told if end[0] != "down"] == [
        ("given up: the model is not there", 0),
        ("given up: the model is not there", 1),
    ]


async def test_one_of_several_that_is_given_up_says_why_and_is_not_asked_again_and_again() -> None:
    servers = Servers()
    starting = asyncio.create_task(servers.launch.engines[0].start())
    await settle()
    await servers.say(0, State.STOPPED, why=BROKEN)
    with pytest.raises(EngineUnavailable, match="a flag is not known"):
        await starting
    assert servers.told == [("down", 0), ("given up: a flag is not known", 0)]
    again = asyncio.create_task(servers.launch.engines[0].start())
    await settle()
    assert not again.done()
    again.cancel()


async def test_an_engine_tells_how_far_its_server_is_until_it_is_there() -> None:
    """And again after a death; once it was given up there is nothing to wait for."""
    servers = Servers()
    engine = servers.launch.engines[1]
    assert isinstance(engine, Awaited)
    said = [engine.coming]
    for state in (State.UP, State.DOWN, State.STOPPED):
        await servers.say(1, state, why=None if state is State.UP else BROKEN)
        said.append(engine.coming)
    loads = Coming("server 1: it loads", 7.0)
    assert said == [loads, None, loads, None]


async def test_a_page_that_the_new_server_has_already_is_not_cut_off_when_it_is_told_of() -> None:
    """A server answers before whoever watches it says so: pages that see whether it is there."""
    servers = Servers()
    await servers.say(0, State.UP)
    await servers.say(0, State.DOWN, why=BROKEN)
    engine, (_, _, old) = servers.launch.engines[0], servers.made[-1]
    reading = asyncio.create_task(engine.recognize(PAGE, PageRequest()))
    await settle()
    await servers.say(0, State.UP)
    assert old is not servers.made[-1][2]
    closed = [old.closed]
    await servers.clock.run(1.0)
    await reading
    await settle()
    assert [*closed, old.closed] == [False, True]
    await engine.close()
    assert servers.made[-1][2].closed


async def test_closing_is_no_giving_up() -> None:
    """Whoever is told of that would end with an error."""
    servers = Servers()
    starting = asyncio.create_task(servers.launch.engines[0].start())
    await settle()
    servers.failure = EngineUnavailable("vLLM was stopped while it was starting")
    servers.started.set()
    await servers.launch.close()
    with pytest.raises(EngineUnavailable):
        await starting
    await servers.say(0, State.STOPPED)
    assert servers.told == [("down", 0)]


async def test_a_server_is_drained_when_its_last_page_has_ended() -> None:
    servers = Servers()
    await servers.say(0, State.UP)
    engine = servers.launch.engines[0]
    reading = asyncio.create_task(engine.recognize(PAGE, PageRequest()))
    await settle()
    draining = asyncio.ensure_future(servers.hooks.drain(0))
    await settle()
    assert servers.hooks.busy is not None
    assert (draining.done(), servers.hooks.busy(0), servers.hooks.busy(1)) == (False, True, False)
    await servers.clock.run(1.0)
    await reading
    await draining
    assert not servers.hooks.busy(0)


async def test_the_first_page_is_read_by_an_engine_that_is_then_closed() -> None:
    servers = Servers()
    await servers.hooks.check("http://a")
    _, _, checker = servers.made[-1]
    assert (checker.started, checker.closed) == (True, True)


async def test_closing_any_engine_ends_all_servers() -> None:
    servers = Servers()
    await servers.launch.engines[1].close()
    assert servers.closed == 1


@pytest.mark.parametrize("error", [EngineUnavailable("late"), ValueError("odd")])
async def test_a_server_that_is_up_and_answers_late_is_asked_again(error: Exception) -> None:
    """Nobody else would: whoever waits for the engine would wait for ever."""
    servers = Servers()
    starting = asyncio.create_task(servers.launch.engines[0].start())
    await settle()
    servers.broken = [error, error]
    await servers.say(0, State.UP)
    await asyncio.wait_for(starting, 1)
    assert servers.told == [("up", 0)]
    assert [engine.closed for _, _, engine in servers.made[2:]] == [True, True, False]


async def test_a_server_that_dies_while_it_is_followed_does_not_come_up() -> None:
    """What was said of the one before would pass for news of the next."""
    servers = Servers()
    servers.slow.clear()
    await servers.say(0, State.UP, Load(5, 100))
    await servers.say(0, State.DOWN, why=BROKEN)
    servers.slow.set()
    await settle()
    assert servers.told == [("down", 0)]
    assert servers.made[-1][2].closed
    await servers.say(0, State.UP, Load(3, 100))
    assert servers.launch.engines[0].description.slots == 3


async def test_closing_meanwhile_leaves_no_connection_open() -> None:
    servers = Servers()
    servers.slow.clear()
    await servers.say(0, State.UP)
    await servers.launch.close()
    assert servers.made[-1][2].closed


async def test_a_server_reads_if_it_has_read_or_reads_a_known_page() -> None:
    """A page of a caller's says as much; a server that is full is at work."""
    servers = Servers()
    await servers.say(0, State.UP)
    scripted = servers.made[-1][2]
    reading = asyncio.create_task(servers.launch.engines[0].recognize(PAGE, PageRequest()))
    await settle()
    await servers.clock.run(1.0)
    await reading
    await servers.hooks.reads(0)
    assert len(scripted.calls) == 1
    scripted.fail(EngineFailed("no first token"), EngineBusy("full"))
    for ends in (pytest.raises(EngineFailed), contextlib.nullcontext(), contextlib.nullcontext()):
        asking = asyncio.ensure_future(servers.hooks.reads(0))
        await settle()
        await servers.clock.run(1.0)
        with ends:
            await asking
    assert [call.outcome for call in scripted.calls] == ["ok", "failed", "failed", "ok"]

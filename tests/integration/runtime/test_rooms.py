"""Replicas at twice their load in virtual time: one with half of the KV cache, and big pages."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from tests.integration.runtime.simulated import SimulatedEngine, pages

from ocrgate.control.admission import Admission
from ocrgate.control.headroom import Budget
from ocrgate.control.ledger import Ledger, Promise
from ocrgate.control.limit.choice import AutoLaw, FixedLaw, LimitLaw
from ocrgate.domain.document import Encoding, PageImage
from ocrgate.domain.recognition import PageRequest
from ocrgate.domain.ticket import Cost, Lane, Ticket
from ocrgate.errors import DeadlineExceeded, Overloaded
from ocrgate.runtime.gate import Gate
from ocrgate.runtime.governor import Governor
from ocrgate.runtime.pricing import TokenBudget
from ocrgate.runtime.replica import Room
from ocrgate.runtime.replicas import Replicas
from ocrgate.simulate.profile import Profile
from ocrgate.simulate.profiles import profile
from ocrgate.simulate.workload import MICE_AND_ELEPHANTS, Kind, Mix, Page
from ocrgate.testing import ManualClock

SHEETS = Mix("sheets", (Kind("sheet", 1.0, (700, 1000), (1000, 1300), 220, 0.6, 2048),), 0.0)
WHOLE = replace(profile("f-model"), kv_tokens=40_000)
HALF = replace(WHOLE, kv_tokens=20_000)
SHAPES = (WHOLE, WHOLE, WHOLE, HALF)
SMALL_AND_BIG = replace(MICE_AND_ELEPHANTS, loops=0.0)
IMAGE = PageImage(b"x", Encoding.RAW, 512, 512, 1, 1000, 1400)
SECONDS = 20.0


class Pooled:
    """One ledger for what all caches have together: what a gate does that does not look closer."""

    def __init__(self, capacity: int) -> None:
        self._ledger = Ledger(capacity=capacity)

    def fits(self, ticket: Ticket, now: float) -> bool:
        return self._ledger.judge(promise(ticket), now) != "full"

    def spares(self, ticket: Ticket, leading: Ticket, now: float) -> bool:
        del ticket, leading, now
        return False

    def begin(self, ticket: Ticket, now: float) -> None:
        del now
        self._ledger.hold(ticket.id, promise(ticket))

    def end(self, ticket_id: int, now: float) -> None:
        del now
        self._ledger.release(ticket_id)


def promise(ticket: Ticket) -> Promise:
    assert ticket.cost is not None
    return Promise(ticket.cost.input_tokens, ticket.cost.median, ticket.cost.high, 4096)


class Holding(TokenBudget):
    """Lets nothing pass the page that waits for room."""

    def spares(self, ticket: Ticket, leading: Ticket, now: float) -> bool:
        del ticket, leading, now
        return False


@dataclass
class Desk:
    """The page that is handed to a replica next."""

    page: Page | None = None

    def __iter__(self) -> Iterator[Page]:
        return self

    def __next__(self) -> Page:
        assert self.page is not None
        return self.page


@dataclass
class House:
    """A gate, four replicas, and callers who come in an open loop and have ten seconds."""

    clock: ManualClock
    law: LimitLaw
    pooled: bool = False
    holding: bool = False
    shapes: tuple[Profile, ...] = SHAPES
    mix: Mix = SHEETS
    rate: float = 80.0  # pages a second; all four can do about 35
    patience: float = 10.0
    seconds: float = SECONDS

    def __post_init__(self) -> None:
        self.desk = Desk()
        self.done: Counter[str] = Counter()
        self.engines = [
            SimulatedEngine(self.clock, shape, self.desk, seed)
            for seed, shape in enumerate(self.shapes)
        ]
        self.replicas = Replicas(self.engines, self.clock)
        self.governor = Governor(
            self.replicas,
            self.clock,
            self.law,
            changed=lambda: self.gate.set_limit(self.governor.total),
            observe=lambda _: self.look(),
        )
        kind = Holding if self.holding else TokenBudget
        self.tokens = kind(len(self.shapes), self.clock)
        budget: Budget = self.tokens
        if self.pooled:
            budget = Pooled(sum(shape.kv_tokens for shape in self.shapes))
        self.gate = Gate(Admission(self.governor.total, budget=budget), self.clock)

    def look(self) -> None:
        """What the service does after each poll."""
        self.tokens.follow(self.governor.snapshot(), self.clock.now())
        self.gate.look()

    async def read(self, number: int, page: Page) -> None:
        now, length = self.clock.now(), page.output_tokens
        cost = Cost(page.input_tokens, length, length, length)
        end = now + self.patience
        ticket = Ticket(number, Lane.STANDARD, f"caller {number % 7}", now, end, cost=cost)
        with contextlib.suppress(Overloaded, DeadlineExceeded):
            async with self.gate.admit(ticket):
                self.desk.page = page
                room: Room | None = None if self.pooled else self.tokens.room(number)
                await self.replicas.recognize(IMAGE, PageRequest(number), room=room)
                self.done[page.kind] += self.clock.now() <= ticket.deadline

    async def run(self) -> None:
        await self.replicas.start()
        self.governor.start()
        self.look()
        source, arrivals = pages(self.mix), random.Random("arrivals")
        callers = []
        for number in range(int(self.rate * self.seconds)):
            callers.append(asyncio.create_task(self.read(number, next(source))))
            await self.clock.run(arrivals.expovariate(self.rate))
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        await self.governor.close()
        await self.replicas.close()

    @property
    def preempted(self) -> list[int]:
        now = self.clock.now()
        return [engine.model.snapshot(now).preemptions for engine in self.engines]


async def ran(house: House) -> House:
    await house.run()
    return house


@pytest.mark.slow
@pytest.mark.parametrize("law", [FixedLaw(limit=48), AutoLaw()])
async def test_a_cache_of_half_the_size_gets_half_the_tokens(law: LimitLaw) -> None:
    """With one ledger for all, the small cache is filled with what is free elsewhere, and the
    engine throws pages out; with one for each nothing is, and at least as much is done.

    In 20 s the luck of the draw tells equal replicas apart by a sixth.
    """
    each = await ran(House(ManualClock(), law, seconds=35.0))
    all_in_one = await ran(House(ManualClock(), law, pooled=True, seconds=35.0))
    assert sum(each.preempted) <= 0.006 * each.done.total()
    assert sum(all_in_one.preempted) >= 3 * max(1, sum(each.preempted))
    assert each.done.total() >= 0.97 * all_in_one.done.total()
    whole = [engine.done for engine in each.engines[:3]]
    assert min(whole) >= 0.85 * max(whole)
    assert 0.4 <= each.engines[3].done / (sum(whole) / 3) <= 0.75


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 4])
async def test_small_pages_go_on_while_a_big_one_waits_for_room(count: int) -> None:
    """A tenth are pages that take a seventh of the cache. What will have ended when the next of
    them fits is read meanwhile, and it does not cost the big ones.
    """
    law, shapes = FixedLaw(limit=48), (WHOLE,) * count
    common = {"shapes": shapes, "mix": SMALL_AND_BIG, "rate": 20.0 * count, "patience": 60.0}
    passing = await ran(House(ManualClock(), law, **common))  # type: ignore[arg-type]
    holding = await ran(House(ManualClock(), law, holding=True, **common))  # type: ignore[arg-type]
    assert passing.done["mouse"] >= 1.3 * holding.done["mouse"]
    assert passing.done["elephant"] >= 0.8 * holding.done["elephant"] > 0
    assert sum(passing.preempted) <= 0.015 * passing.done.total()

"""Four replicas, one of them with half of the KV cache, at twice their load, in virtual time."""

import asyncio
import contextlib
import random
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
from ocrgate.simulate.profiles import profile
from ocrgate.simulate.workload import Kind, Mix, Page
from ocrgate.testing import ManualClock

MIX = Mix("sheets", (Kind("sheet", 1.0, (700, 1000), (1000, 1300), 220, 0.6, 2048),), 0.0)
WHOLE = replace(profile("f-model"), kv_tokens=40_000)
HALF = replace(WHOLE, kv_tokens=20_000)
SHAPES = (WHOLE, WHOLE, WHOLE, HALF)
IMAGE = PageImage(b"x", Encoding.RAW, 512, 512, 1, 1000, 1400)
RATE = 80.0  # pages a second; all four can do about 35
SECONDS = 20.0


class Pooled:
    """One ledger for what all caches have together: what a gate does that does not look closer."""

    def __init__(self, capacity: int) -> None:
        self._ledger = Ledger(capacity=capacity)

    def fits(self, ticket: Ticket, now: float) -> bool:
        return self._ledger.judge(promise(ticket), now) != "full"

    def begin(self, ticket: Ticket, now: float) -> None:
        del now
        self._ledger.hold(ticket.id, promise(ticket))

    def end(self, ticket_id: int, now: float) -> None:
        del now
        self._ledger.release(ticket_id)


def promise(ticket: Ticket) -> Promise:
    assert ticket.cost is not None
    return Promise(ticket.cost.input_tokens, ticket.cost.median, ticket.cost.high, 4096)


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
    pooled: bool
    done: int = 0

    def __post_init__(self) -> None:
        self.desk = Desk()
        self.engines = [
            SimulatedEngine(self.clock, shape, self.desk, seed) for seed, shape in enumerate(SHAPES)
        ]
        self.replicas = Replicas(self.engines, self.clock)
        self.governor = Governor(
            self.replicas,
            self.clock,
            self.law,
            changed=lambda: self.gate.set_limit(self.governor.total),
            observe=lambda _: self.look(),
        )
        self.tokens = TokenBudget(len(SHAPES), self.clock)
        budget: Budget = self.tokens
        if self.pooled:
            budget = Pooled(sum(shape.kv_tokens for shape in SHAPES))
        self.gate = Gate(Admission(self.governor.total, budget=budget), self.clock)

    def look(self) -> None:
        """What the service does after each poll."""
        self.tokens.follow(self.governor.snapshot(), self.clock.now())
        self.gate.look()

    async def read(self, number: int, page: Page) -> None:
        now, length = self.clock.now(), page.output_tokens
        cost = Cost(page.input_tokens, length, length, length)
        ticket = Ticket(number, Lane.STANDARD, f"caller {number % 7}", now, now + 10.0, cost=cost)
        with contextlib.suppress(Overloaded, DeadlineExceeded):
            async with self.gate.admit(ticket):
                self.desk.page = page
                room: Room | None = None if self.pooled else self.tokens.room(number)
                await self.replicas.recognize(IMAGE, PageRequest(number), room=room)
                self.done += self.clock.now() <= ticket.deadline

    async def run(self) -> None:
        await self.replicas.start()
        self.governor.start()
        self.look()
        source, arrivals = pages(MIX), random.Random("arrivals")
        callers = []
        for number in range(int(RATE * SECONDS)):
            callers.append(asyncio.create_task(self.read(number, next(source))))
            await self.clock.run(arrivals.expovariate(RATE))
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        await self.governor.close()
        await self.replicas.close()

    @property
    def preempted(self) -> list[int]:
        now = self.clock.now()
        return [engine.model.snapshot(now).preemptions for engine in self.engines]


async def ran(law: LimitLaw, *, pooled: bool) -> House:
    house = House(ManualClock(), law, pooled)
    await house.run()
    return house


@pytest.mark.slow
@pytest.mark.parametrize("law", [FixedLaw(limit=48), AutoLaw()])
async def test_a_cache_of_half_the_size_gets_half_the_tokens(law: LimitLaw) -> None:
    """With one ledger for all, the small cache is filled with what is free elsewhere, and the
    engine throws pages out; with one for each nothing is, and at least as much is done.
    """
    each, all_in_one = await ran(law, pooled=False), await ran(law, pooled=True)
    assert sum(each.preempted) <= 0.002 * each.done
    assert sum(all_in_one.preempted) >= 5 * max(1, sum(each.preempted))
    assert each.done >= 0.97 * all_in_one.done
    whole = [engine.done for engine in each.engines[:3]]
    assert min(whole) >= 0.85 * max(whole)
    assert 0.4 <= each.engines[3].done / (sum(whole) / 3) <= 0.75

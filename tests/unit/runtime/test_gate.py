"""The gate carries out what admission decides."""

import asyncio
import itertools
from dataclasses import replace

import pytest

from ocrgate.control.admission import Admission, AdmissionParams
from ocrgate.control.decision import Admitted, Expired, Outcome, Refused
from ocrgate.control.headroom import Budget
from ocrgate.domain.ticket import Cost, Lane, Ticket
from ocrgate.errors import DeadlineExceeded, Draining, Overloaded
from ocrgate.runtime.gate import Gate, GateEvent, Released, Withdrawn
from ocrgate.testing import ManualClock

NUMBERS = itertools.count()


class Yard:
    """A gate on a clock moved by hand, and pages that hold places until they are told to end."""

    def __init__(self, limit: int = 1, budget: Budget | None = None) -> None:
        self.clock = ManualClock()
        self.events: list[GateEvent] = []
        admission = Admission(limit, AdmissionParams(backlog_min=4), budget)
        self.gate = Gate(admission, self.clock, self.events.append)

    def ticket(self, time_left: float = 60.0, *, continues: bool = False) -> Ticket:
        """A ticket that arrives now."""
        now = self.clock.now()
        return Ticket(next(NUMBERS), Lane.STANDARD, "a", now, now + time_left, continues=continues)

    def page(
        self, end: asyncio.Event, time_left: float = 60.0, *, continues: bool = False
    ) -> "asyncio.Task[float]":
        """A page that keeps its place until ``end``; its result is how long it waited."""

        async def stay() -> float:
            async with self.gate.admit(self.ticket(time_left, continues=continues)) as permit:
                await end.wait()
                return permit.waited

        return asyncio.create_task(stay())

    def backlog(self) -> int:
        """Pages that wait."""
        return sum(self.gate.snapshot().backlog.values())

    def inflight(self) -> int:
        """Pages that have a place."""
        return sum(self.gate.snapshot().inflight.values())


async def test_a_page_waits_for_a_place_and_gives_it_back() -> None:
    """The second page starts when the first ends, and knows how long it waited."""
    yard = Yard()
    first, second = asyncio.Event(), asyncio.Event()
    pages = [yard.page(first), yard.page(second)]
    await yard.clock.run(1.5)
    assert (yard.inflight(), yard.backlog()) == (1, 1)
    first.set()
    second.set()
    assert await asyncio.gather(*pages) == [0.0, 1.5]
    assert (yard.inflight(), yard.backlog()) == (0, 0)


async def test_leaving_the_queue_frees_the_place_at_once() -> None:
    """A client that hangs up while it waits is gone from the backlog in the same turn."""
    yard = Yard()
    end = asyncio.Event()
    holder, waiter = yard.page(end), yard.page(end)
    await yard.clock.run(1.0)
    waiter.cancel()
    await asyncio.sleep(0)
    assert yard.backlog() == 0
    assert isinstance(yard.events[-1], Withdrawn)
    end.set()
    await holder
    assert [type(e) for e in yard.events].count(Admitted) == 1


async def test_leaving_while_holding_a_place_passes_it_on() -> None:
    """A client that hangs up while its page is read makes room for the next."""
    yard = Yard()
    end = asyncio.Event()
    holder, waiter = yard.page(end), yard.page(end)
    await yard.clock.run(0.5)
    holder.cancel()
    end.set()
    assert await waiter == 0.5
    assert [e.outcome for e in yard.events if isinstance(e, Released)] == ["cancelled", "ok"]


async def test_leaving_at_the_moment_of_admission_does_not_leak_the_place() -> None:
    """Cancelled after the place was given and before the page knew: the place is free again."""
    yard = Yard()
    end = asyncio.Event()
    holder, waiter = yard.page(end), yard.page(end)
    await yard.clock.run(0.5)
    end.set()
    await holder
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert (yard.inflight(), yard.backlog()) == (0, 0)
    assert yard.gate.snapshot().inflight[Lane.STANDARD] == 0


async def test_a_full_gate_refuses_with_a_reason_and_a_time() -> None:
    """Refusals are typed, and say when to come back."""
    yard = Yard()
    end = asyncio.Event()
    pages = [yard.page(end) for _ in range(5)]
    await yard.clock.run(0)
    with pytest.raises(Overloaded) as refused:
        await yard.page(end)
    assert refused.value.reason == "backlog"
    assert refused.value.retry_after is not None
    assert 1 <= refused.value.retry_after <= 30
    end.set()
    await asyncio.gather(*pages)


async def test_other_numbers_hold_at_once_and_touch_nobody() -> None:
    """Who waits goes on waiting when nobody may wait any more; who comes is refused."""
    yard = Yard()
    end = asyncio.Event()
    pages = [yard.page(end) for _ in range(4)]
    await yard.clock.run(0)
    yard.gate.retune(AdmissionParams(backlog_min=0, backlog_share=0.0))
    with pytest.raises(Overloaded, match="as many pages wait as may"):
        await yard.page(end)
    yard.gate.retune(AdmissionParams(backlog_min=4))
    pages.append(yard.page(end))
    end.set()
    await asyncio.gather(*pages)


async def test_who_waits_in_vain_is_refused_in_time() -> None:
    """With ten seconds left, a page waits two and is told to come back."""
    yard = Yard()
    end = asyncio.Event()
    holder, waiter = yard.page(end), yard.page(end, time_left=10.0)
    await yard.clock.run(1.9)
    assert not waiter.done()
    await yard.clock.run(0.2)
    with pytest.raises(Overloaded) as refused:
        await waiter
    assert refused.value.reason == "wait"
    assert isinstance(yard.events[-1], Refused)
    end.set()
    await holder


async def test_a_later_page_that_runs_out_of_time_says_so() -> None:
    """An accepted document is not refused; its deadline passes in the queue."""
    yard = Yard()
    end = asyncio.Event()
    holder, waiter = yard.page(end), yard.page(end, time_left=3.0, continues=True)
    await yard.clock.run(3.0)
    with pytest.raises(DeadlineExceeded) as late:
        await waiter
    assert late.value.where == "queue"
    assert isinstance(yard.events[-1], Expired)
    end.set()
    await holder


async def test_a_page_that_fails_is_not_a_measurement() -> None:
    """Errors give the place back and teach nothing about how long pages take."""
    yard = Yard()
    with pytest.raises(RuntimeError):
        async with yard.gate.admit(yard.ticket()):
            raise RuntimeError
    released = yard.events[-1]
    assert isinstance(released, Released)
    assert released.outcome is Outcome.FAILED
    assert yard.gate.snapshot().rate is None


async def test_draining_refuses_newcomers_and_waits_for_the_rest() -> None:
    """Accepted pages end, also those that wait; then the gate is empty."""
    yard = Yard()
    end = asyncio.Event()
    pages = [yard.page(end), yard.page(end)]
    await yard.clock.run(0)
    drained = asyncio.create_task(yard.gate.drain())
    await yard.clock.run(1.0)
    assert yard.gate.draining
    with pytest.raises(Draining):
        await yard.page(end)
    assert not drained.done()
    end.set()
    assert await asyncio.gather(*pages) == [0.0, 1.0]
    await drained


async def test_draining_an_idle_gate_is_done_at_once() -> None:
    """Nothing to wait for."""
    await Yard().gate.drain()


async def test_a_higher_limit_lets_waiting_pages_in() -> None:
    """A new limit takes effect without any other event."""
    yard = Yard()
    end = asyncio.Event()
    pages = [yard.page(end), yard.page(end)]
    await yard.clock.run(0)
    yard.gate.set_limit(2)
    await yard.clock.run(0)
    assert yard.inflight() == 2
    end.set()
    await asyncio.gather(*pages)


async def test_it_keeps_one_timer_however_many_wait() -> None:
    """Thousands of waiting pages do not fill the event loop with timers."""
    yard = Yard()
    end = asyncio.Event()
    pages = [yard.page(end, continues=True) for _ in range(1000)]
    await yard.clock.run(0)
    assert len(yard.clock._timers) == 1
    end.set()
    await asyncio.gather(*pages)


async def test_a_document_is_refused_before_it_is_there() -> None:
    """The same words, the same Retry-After and the same count as at the gate itself."""
    yard = Yard()
    end = asyncio.Event()
    pages = [yard.page(end) for _ in range(5)]
    await yard.clock.run(0.0)
    yard.events.clear()
    with pytest.raises(Overloaded) as foreseen:
        yard.gate.foresee(Lane.STANDARD, "a", 60.0, 0)
    with pytest.raises(Overloaded) as met:
        await yard.gate.enter(yard.ticket())
    assert str(foreseen.value) == str(met.value)
    assert foreseen.value.reason == met.value.reason == "backlog"
    assert foreseen.value.retry_after is not None
    assert [type(event) for event in yard.events] == [Refused, Refused]
    yard.gate.foresee(Lane.INTERACTIVE, "a", 60.0, 0)  # another lane has room
    end.set()
    await asyncio.gather(*pages)
    yard.gate.foresee(Lane.STANDARD, "a", 60.0, 0)
    assert (yard.inflight(), yard.backlog()) == (0, 0)


async def test_refusals_foreseen_together_are_told_apart() -> None:
    """Retry-After is spread by the ticket's id: none is used twice, none is a real page's."""
    yard = Yard()
    await yard.gate.drain()
    for _ in range(8):
        with pytest.raises(Draining):
            yard.gate.foresee(Lane.STANDARD, "a", 60.0, 0)
    numbers = {event.ticket.id for event in yard.events}
    assert len(numbers) == 8
    assert max(numbers) < 0


async def test_who_leaves_in_the_moment_of_a_refusal_held_no_place() -> None:
    """It was told before the client left: nothing is given back, nothing is counted twice."""
    yard = Yard()
    end = asyncio.Event()
    pages = [yard.page(end), yard.page(end, 5.0)]
    await yard.clock.run(0.5)
    yard.events.clear()
    yard.clock.advance(1.0)  # its patience ends, and nobody has run since
    pages[1].cancel()
    await yard.clock.run(0.0)
    assert [type(event) for event in yard.events] == [Refused]
    end.set()
    await asyncio.gather(*pages, return_exceptions=True)
    assert pages[1].cancelled()


async def test_a_page_that_has_room_by_now_starts_when_somebody_looks() -> None:
    """The budget changes by itself (pages are shorter than feared); the gate is told to look."""

    class Purse:
        """Room for one page, until there is more."""

        room = 1
        pages: set[int] = set()  # noqa: RUF012

        def fits(self, ticket: Ticket, now: float) -> bool:
            return len(self.pages) < self.room and now <= ticket.deadline

        def spares(self, ticket: Ticket, leading: Ticket, now: float) -> bool:
            return ticket.id == leading.id and now <= ticket.deadline

        def begin(self, ticket: Ticket, now: float) -> None:
            assert now <= ticket.deadline
            self.pages.add(ticket.id)

        def end(self, ticket_id: int, now: float) -> None:
            assert now >= 0
            self.pages.remove(ticket_id)

    purse = Purse()
    yard = Yard(4, purse)
    end = asyncio.Event()
    pages = [yard.page(end), yard.page(end)]
    await yard.clock.run(0.5)
    assert (yard.inflight(), yard.backlog()) == (1, 1)
    purse.room = 2
    yard.gate.look()
    assert (yard.inflight(), yard.backlog()) == (2, 0)
    end.set()
    assert await asyncio.gather(*pages) == [0.0, 0.5]
    assert not purse.pages


async def test_what_a_page_has_written_is_learned_from() -> None:
    """A page that would write too much for its deadline is refused once others have told."""
    yard = Yard()
    cost = Cost(100, 50, 100, 200)
    for tokens in (100, 300):
        ticket = replace(yard.ticket(), cost=cost)
        async with yard.gate.admit(ticket) as permit:
            await yard.clock.run(tokens / 100)
            permit.output_tokens = tokens
    long = replace(yard.ticket(3.0), cost=Cost(100, 400, 500, 600))
    short = replace(yard.ticket(3.0), cost=Cost(100, 200, 200, 200))
    with pytest.raises(Overloaded) as refused:
        await yard.gate.enter(long)
    assert refused.value.reason == "infeasible"
    await yard.gate.enter(short)


async def test_those_turned_away_at_the_door_are_spread_as_well() -> None:
    """Whoever is refused before the document is read is told a later time than the one before."""
    yard = Yard()
    async with yard.gate.admit(yard.ticket()):
        await yard.clock.run(1.0)
    end = asyncio.Event()
    pages = [yard.page(end) for _ in range(5)]
    await yard.clock.run(0.0)
    told = []
    for _ in range(5):
        with pytest.raises(Overloaded) as refused:
            yard.gate.foresee(Lane.STANDARD, "a", 60.0, 0)
        told.append(refused.value.retry_after or 0.0)
    assert told[-1] > told[0] + 5
    end.set()
    await asyncio.gather(*pages)

"""The queue of one lane: order, timers, and room."""

import math

import pytest

from ocrgate.control.demand import DemandParams
from ocrgate.control.headroom import Passing, PassingParams
from ocrgate.control.queueing import LaneQueue, Timers, Waiting
from ocrgate.domain.ticket import Lane, Ticket


def waiting(
    number: int, caller: str = "a", *, until: float = 10.0, continues: bool = False, size: int = 0
) -> Waiting:
    """A ticket that waits since the beginning."""
    ticket = Ticket(number, Lane.BATCH, caller, 0.0, until, size, continues=continues)
    return Waiting(ticket, 0.0, until, number)


def filled(*items: Waiting) -> LaneQueue:
    """A queue of ``items``."""
    queue = LaneQueue(DemandParams())
    for item in items:
        queue.push(item, 0.0)
    return queue


def drained(queue: LaneQueue) -> list[int]:
    """The order in which a queue is emptied without any service being counted."""
    order = []
    while queue:
        order.append(queue.first().ticket.id)
        queue.remove(order[-1])
    return order


def test_a_queue_counts_what_it_holds() -> None:
    """Later pages are no entries, but their bytes count; what leaves is not counted any more."""
    queue = filled(waiting(1, size=5), waiting(2, continues=True, size=7))
    assert (len(queue), queue.entries, queue.bytes) == (2, 1, 12)
    assert queue.remove(3) is None
    queue.remove(1)
    assert (len(queue), queue.entries, queue.bytes) == (1, 0, 7)


def test_entries_and_pages_of_a_caller_go_in_order_of_arrival() -> None:
    """While the queue moves it is first come, first served."""
    order = [waiting(1), waiting(2, continues=True), waiting(3), waiting(4, continues=True)]
    assert drained(filled(*order)) == [1, 2, 3, 4]


def test_predicted_turns_are_those_of_fair_service() -> None:
    """A caller with nothing waiting goes after one page of each of the others, not after all."""
    queue = filled(*(waiting(number) for number in range(20)), waiting(21, "b"))
    assert queue.ahead("c", 1.0) == 3
    assert queue.ahead("b", 1.0) == 4
    assert queue.ahead("a", 1.0) == 22
    queue.counters.charge("a", 5.0, 0.0)
    assert queue.ahead("c", 1.0) == 2
    many = filled(*(waiting(number, f"{number}") for number in range(40)))
    assert (many.ahead("c", 1.0), many.ahead("3", 1.0)) == (41, 41)


def test_timers_name_the_first_that_still_waits() -> None:
    """Who left has no timer; who has no end needs none; a long queue of the gone is dropped."""
    queue = LaneQueue(DemandParams())
    timers = Timers({**{lane: LaneQueue(DemandParams()) for lane in Lane}, Lane.BATCH: queue})
    for number in range(1000):
        item = waiting(number, until=math.inf if number == 0 else 1000.0 - number)
        queue.push(item, 0.0)
        timers.set(item)
        if number % 3:
            queue.remove(number)
    first = timers.next()
    assert first is not None
    assert first.ticket.id == 999
    for number in range(1, 1000):
        queue.remove(number)
    assert timers.next() is None


def test_nothing_passes_a_page_for_ever() -> None:
    """After so many passes or so long a time it is their turn, in order of having been first."""
    passing = Passing(PassingParams(passes=2, seconds=5.0))
    passing.note(1, 0.0)
    passing.started(7)
    passing.note(2, 1.0)
    assert passing.next(1.0) is None
    passing.started(8)
    assert passing.next(1.0) == 1
    passing.gone(1)
    assert passing.next(1.0) is None
    assert passing.next(6.0) == 2
    passing.started(2)
    assert (passing.next(99.0), len(passing)) == (None, 0)


def test_senseless_parameters_are_refused() -> None:
    """Passes that mean nothing."""
    with pytest.raises(ValueError, match="passes"):
        PassingParams(passes=-1)

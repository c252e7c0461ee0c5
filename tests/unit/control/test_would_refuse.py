"""The question before a document is read: would it be refused?"""

from dataclasses import replace

import pytest
from tests.unit.control.test_admission import page, served

from ocrgate.control.admission import Admission, AdmissionParams
from ocrgate.control.decision import Admitted, Queued, Refused


def full(bound: int = 4, size: int = 0) -> Admission:
    """A gate with one place, taken, and ``bound`` entries that wait."""
    core = Admission(1, AdmissionParams(backlog_min=4, backlog_bytes=100))
    for number in range(bound + 1):
        core.offer(page(number, size=size if number else 0), 0.0)
    return core


def test_a_full_backlog_is_told_without_a_ticket_entering() -> None:
    """The answer is the one that an offer gets, and asking a hundred times changes nothing."""
    core = full()
    asked = [core.would_refuse(page(99), 0.0) for _ in range(100)]
    assert set(asked) == {core.offer(page(99), 0.0)[-1]}
    assert isinstance(asked[0], Refused)
    assert asked[0].reason == "backlog"


def test_nobody_is_turned_away_beside_a_free_place_or_a_queue_with_room() -> None:
    """The question never costs anybody a place."""
    for core, expected in ((Admission(1), Admitted), (full(3), Queued)):
        assert core.would_refuse(page(99), 0.0) is None
        assert isinstance(core.offer(page(99), 0.0)[-1], expected)


@pytest.mark.parametrize(("size", "reason"), [(39, None), (41, "bytes")])
def test_what_is_announced_counts(size: int, reason: str | None) -> None:
    """Bytes that are to come are judged like bytes that are there."""
    core = full(1, size=60)
    refused = core.would_refuse(page(99, size=size), 0.0)
    assert (refused.reason if refused else None) == reason


def test_a_page_that_cannot_be_done_in_time_is_told_before_it_is_sent() -> None:
    """Pages take a second; nobody has half of one."""
    core = Admission(1)
    now = served(core, 1.0)
    hopeless = page(99, now=now, time_left=0.5)
    refused = core.would_refuse(hopeless, now)
    assert refused is not None
    assert refused.reason == "infeasible"
    assert core.would_refuse(replace(hopeless, deadline=now), now) is None  # too late, not refused


def test_a_place_that_is_about_to_be_free_counts_as_free() -> None:
    """A ticket whose patience has just ended makes room for the one that is coming."""
    core = full()
    due = core.next_deadline()
    assert due is not None
    assert core.would_refuse(page(99, now=due), due) is None


def test_draining_is_told() -> None:
    """Nobody sends a document to a server that goes away."""
    core = Admission(1)
    core.drain(0.0)
    refused = core.would_refuse(page(99), 0.0)
    assert refused is not None
    assert refused.reason == "draining"
    assert core.would_refuse(replace(page(99), continues=True), 0.0) is None

"""A smaller crowd than the one whose times are known."""

from ocrgate.control.admission import Admission
from ocrgate.control.crowd import Crowd
from ocrgate.control.decision import Admitted, Outcome, Refused
from ocrgate.domain.ticket import Lane, Ticket


def page(number: int, now: float, time_left: float) -> Ticket:
    """A ticket of one page."""
    return Ticket(number, Lane.STANDARD, "a", now, now + time_left)


def crowded(core: Admission, pages: int) -> float:
    """So many pages are read at once, in ten seconds each; all but one have left then."""
    for number in range(pages):
        core.offer(page(number, 0.0, 60.0), 0.0)
    for number in range(pages):
        core.release(number, 10.0, Outcome.OK)
    return 10.0


def test_nothing_is_said_before_a_page_has_ended() -> None:
    """Then the times that are known hold as they are."""
    assert Crowd(30.0).part(1) == 1.0


def test_as_many_or_more_pages_are_no_faster() -> None:
    """More of them may be slower, which nobody knows."""
    crowd = Crowd(30.0)
    crowd.add(0.0, 8.0, 10.0)
    assert [crowd.part(pages) for pages in (2, 4, 8, 16)] == [0.25, 0.5, 1.0, 1.0]


def test_a_crowd_of_long_ago_hardly_counts() -> None:
    """It fades with the horizon."""
    crowd = Crowd(10.0)
    crowd.add(0.0, 80.0, 10.0)
    crowd.add(100.0, 8.0, 10.0)
    assert crowd.part(4) > 0.49


def test_times_of_a_crowd_that_has_left_keep_nobody_out() -> None:
    """Ten pages took ten seconds each: alone one may well be read in five, but not in half one."""
    core = Admission(10)
    now = crowded(core, 10)
    assert isinstance(core.offer(page(100, now, 5.0), now)[-1], Admitted)
    hopeless = core.offer(page(101, now, 0.5), now)[-1]
    assert isinstance(hopeless, Refused)
    assert hopeless.reason == "infeasible"


def test_a_gate_as_full_as_then_goes_by_those_times() -> None:
    """Nine beside it: it takes as long as they did."""
    core = Admission(10)
    now = crowded(core, 10)
    for number in range(200, 209):
        assert isinstance(core.offer(page(number, now, 60.0), now)[-1], Admitted)
    refused = core.offer(page(300, now, 5.0), now)[-1]
    assert isinstance(refused, Refused)
    assert refused.reason == "infeasible"

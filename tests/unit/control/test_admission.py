"""Single decisions of the admission core, as numbers."""

import math

import pytest

from ocrgate.control.admission import Admission, AdmissionParams
from ocrgate.control.decision import Admitted, Expired, Queued, Refused
from ocrgate.control.lanes import LaneShares
from ocrgate.domain.ticket import Lane, Ticket


def page(
    number: int,
    *,
    lane: Lane = Lane.STANDARD,
    now: float = 0.0,
    time_left: float = 60.0,
    pages: int = 1,
    size: int = 0,
) -> Ticket:
    """A ticket of one page."""
    return Ticket(number, lane, "a", now, now + time_left, size, pages)


def served(core: Admission, seconds: float, count: int = 4) -> float:
    """Let ``core`` serve some pages of ``seconds`` each; returns the instant after the last."""
    now = 0.0
    for number in range(count):
        core.offer(page(1_000 + number, now=now), now)
        now += seconds
        core.release(1_000 + number, now)
    return now


def test_an_idle_gate_admits_at_once() -> None:
    """Nobody waits who need not."""
    assert Admission(2).offer(page(1), 0.0) == (Admitted(page(1), 0.0),)


def test_half_the_limit_may_wait_and_sixty_four_at_least() -> None:
    """The backlog of a lane is bounded by the limit, and a small limit still has a queue."""
    for limit, bound in ((1, 64), (8, 64), (160, 80)):
        core = Admission(limit)
        answers = [core.offer(page(n), 0.0)[-1] for n in range(limit + bound + 1)]
        assert sum(isinstance(a, Queued) for a in answers) == bound
        assert isinstance(answers[-1], Refused)
        assert answers[-1].reason == "backlog"


def test_a_full_batch_lane_does_not_refuse_a_person() -> None:
    """Bounds are per lane."""
    core = Admission(1)
    for number in range(9):
        core.offer(page(number, lane=Lane.BATCH), 0.0)
    assert isinstance(core.offer(page(99, lane=Lane.INTERACTIVE), 0.0)[-1], Queued)


def test_waiting_documents_are_bounded_by_their_bytes() -> None:
    """Two documents that fill the memory bound leave no room for a third."""
    core = Admission(1, AdmissionParams(backlog_bytes=100))
    core.offer(page(1), 0.0)
    core.offer(page(2, size=60), 0.0)
    refused = core.offer(page(3, size=60), 0.0)[-1]
    assert isinstance(refused, Refused)
    assert refused.reason == "bytes"


def test_a_predicted_wait_beyond_a_fifth_of_the_time_is_refused_at_once() -> None:
    """With pages of one second, a caller with 6 seconds waits for one page but not for two."""
    core = Admission(1)
    now = served(core, 1.0)
    core.offer(page(1, now=now), now)
    assert isinstance(core.offer(page(2, now=now, time_left=6.0), now)[-1], Queued)
    refused = core.offer(page(3, now=now, time_left=6.0), now)[-1]
    assert isinstance(refused, Refused)
    assert refused.reason == "wait"


def test_who_waited_in_vain_is_told_to_come_back_and_not_that_time_ran_out() -> None:
    """At the end of its patience a page is refused with a Retry-After."""
    core = Admission(1)
    core.offer(page(1), 0.0)
    core.offer(page(2, time_left=10.0), 0.0)
    assert core.next_deadline() == 2.0
    assert core.tick(1.99) == ()
    (refused,) = core.tick(2.0)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.waited) == ("wait", 2.0)


def test_a_document_that_cannot_be_done_in_time_is_refused_at_entry() -> None:
    """A hundred pages of a second each do not fit into a minute; thirty do."""
    core = Admission(1)
    now = served(core, 1.0)
    refused = core.offer(page(1, now=now, pages=100), now)[-1]
    assert isinstance(refused, Refused)
    assert refused.reason == "infeasible"
    assert isinstance(core.offer(page(2, now=now, pages=30), now)[-1], Admitted)


def test_an_accepted_document_goes_on_beside_a_full_backlog() -> None:
    """Its later pages are never refused, only too late."""
    core = Admission(1)
    for number in range(9):
        core.offer(page(number), 0.0)
    later = Ticket(99, Lane.STANDARD, "a", 0.0, 1.0, continues=True)
    assert core.offer(later, 0.0)[-1] == Queued(later)
    assert Expired(later, 1.0) in core.tick(1.0)


def test_a_page_without_deadline_waits_ten_seconds_at_most() -> None:
    """The absolute bound holds where the share of the time left is no bound."""
    core = Admission(1)
    core.offer(page(1, time_left=math.inf), 0.0)
    core.offer(page(2, time_left=math.inf), 0.0)
    assert core.next_deadline() == 10.0


def test_a_lower_limit_takes_no_place_away() -> None:
    """Pages above the new limit end first; then one at a time."""
    core = Admission(3)
    for number in range(5):
        core.offer(page(number), 0.0)
    assert core.set_limit(1, 0.0) == ()
    assert core.release(0, 1.0) == ()
    assert core.release(1, 1.0) == ()
    assert core.release(2, 1.0) == (Admitted(page(3), 1.0),)


def test_its_repr_shows_its_state() -> None:
    """A failing test says what was going on."""
    core = Admission(2)
    for number in range(3):
        core.offer(page(number), 0.0)
    assert repr(core) == "<Admission 2 of 2 placed, 0/1/0 waiting>"


@pytest.mark.parametrize(
    "wrong",
    [
        {"backlog_share": -1},
        {"wait_share": 0},
        {"wait_share": 1.5},
        {"retry_min": 400},
        {"horizon": 0},
        {"backlog_bytes": -1},
    ],
)
def test_senseless_parameters_are_named(wrong: dict[str, float]) -> None:
    """A wrong setting says which one it is."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AdmissionParams(**wrong)  # type: ignore[arg-type]


def test_no_lane_can_be_given_nothing() -> None:
    """A share of zero would starve a lane; a limit of zero would stop the gate."""
    with pytest.raises(ValueError, match="share"):
        LaneShares(batch=0)
    with pytest.raises(ValueError, match="limit"):
        Admission(0)

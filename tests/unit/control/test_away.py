"""The gate while its engine is away: patience, and what is learned meanwhile."""

import pytest
from tests.unit.control.test_admission import page, served

from ocrgate.control.admission import Admission, AdmissionParams
from ocrgate.control.decision import Admitted, Expired, Queued, Refused

PARAMS = AdmissionParams(wait_max=10.0)


def crowded() -> Admission:
    """One place, taken, and one page that waits; both have a minute."""
    core = Admission(1, PARAMS)
    core.offer(page(1, time_left=60.0), 0.0)
    assert isinstance(core.offer(page(2, time_left=60.0), 0.0)[-1], Queued)
    return core


def test_patience_does_not_end_while_the_engine_is_away() -> None:
    """Then the deadline does; and an engine that is there in time serves who waited."""
    late, served_late = crowded(), crowded()
    for core in (late, served_late):
        core.suspend(5.0, away=True)
        assert core.tick(10.0) == core.tick(59.0) == ()
        assert core.next_deadline() == 60.0
    (expired,) = late.tick(60.0)
    assert isinstance(expired, Expired)
    assert expired.waited == 60.0
    served_late.suspend(40.0, away=False)
    (admitted,) = served_late.release(1, 41.0)
    assert isinstance(admitted, Admitted)
    assert admitted.waited == 41.0


def test_patience_ends_as_ever_once_the_engine_is_there_again() -> None:
    """Of those whose patience had not ended meanwhile."""
    core = crowded()
    core.suspend(1.0, away=True)
    core.suspend(5.0, away=False)
    (refused,) = core.tick(10.0)
    assert isinstance(refused, Refused)
    assert refused.reason == "wait"


def test_a_page_without_a_deadline_waits_for_ever() -> None:
    """Nothing wakes the gate for it."""
    core = Admission(1, PARAMS)
    core.offer(page(1, time_left=60.0), 0.0)
    core.offer(page(2, time_left=float("inf")), 0.0)
    core.suspend(1.0, away=True)
    assert core.tick(1e6) == ()
    assert core.next_deadline() is None
    assert core.snapshot(1e6).backlog


@pytest.mark.parametrize("twice", [False, True])
def test_the_time_without_an_engine_makes_nothing_slow(*, twice: bool) -> None:
    """Pages take a second; one that began before an outage of fifty took two."""
    core = Admission(1, PARAMS)
    now = served(core, 1.0)
    rate = core.snapshot(now).rate
    core.offer(page(50, now=now, time_left=100.0), now)
    core.offer(page(51, now=now, time_left=100.0), now)
    core.suspend(now + 0.5, away=True)
    if twice:
        core.suspend(now + 20.0, away=True)
    core.suspend(now + 50.5, away=False)
    core.release(50, now + 52.0)
    after = core.snapshot(now + 52.0).rate
    assert rate is not None
    assert after is not None
    assert after > 0.5 * rate
    core.release(51, now + 53.0)
    assert core.would_refuse(page(52, now=now + 53.0, time_left=5.0), now + 53.0) is None

"""When a breaker opens, lets a probe through, and closes."""

import math

import pytest

from ocrgate.control.breaker import Breaker, BreakerParams, BreakerState, Verdict

PARAMS = BreakerParams(
    failures=3, volume=6, first=1.0, growth=2.0, longest=5.0, settle=4, relapse=1
)
OPEN, CLOSED, HALF_OPEN = BreakerState.OPEN, BreakerState.CLOSED, BreakerState.HALF_OPEN


def page(breaker: Breaker, verdict: Verdict, now: float = 0.0) -> None:
    """One page goes through and ends at once."""
    given = breaker.admit(now)
    assert given is not None
    breaker.record(given, verdict, now)


def opened(now: float = 0.0) -> Breaker:
    """A breaker that has opened once, until ``now + 1``."""
    breaker = Breaker(PARAMS)
    for _ in range(3):
        page(breaker, Verdict.FAILURE, now)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    """The third of three; a success in between starts the count again."""
    breaker = Breaker(PARAMS)
    for verdict in (Verdict.FAILURE, Verdict.FAILURE, Verdict.SUCCESS, Verdict.FAILURE):
        page(breaker, verdict)
    page(breaker, Verdict.FAILURE)
    assert breaker.state(0.0) is CLOSED
    page(breaker, Verdict.FAILURE)
    assert breaker.state(0.0) is OPEN


def test_half_of_the_pages_failing_opens_it() -> None:
    """Never two in a row, but three of six within the window."""
    breaker = Breaker(PARAMS)
    for verdict in [Verdict.SUCCESS, Verdict.FAILURE] * 2 + [Verdict.SUCCESS]:
        page(breaker, verdict, 1.0)
    assert breaker.state(1.0) is CLOSED
    page(breaker, Verdict.FAILURE, 1.0)
    assert breaker.state(1.0) is OPEN


def test_failures_of_long_ago_are_forgotten() -> None:
    """What lies outside the window does not count against it."""
    breaker = Breaker(PARAMS)
    for verdict in [Verdict.SUCCESS, Verdict.FAILURE] * 2 + [Verdict.SUCCESS]:
        page(breaker, verdict, 0.0)
    page(breaker, Verdict.FAILURE, 10.5)
    assert breaker.state(10.5) is CLOSED


def test_requests_at_fault_change_nothing() -> None:
    """A thousand 4xx answers are no failure, and do not break a row of failures either."""
    breaker = Breaker(PARAMS)
    page(breaker, Verdict.FAILURE)
    page(breaker, Verdict.FAILURE)
    for _ in range(1000):
        page(breaker, Verdict.NEUTRAL)
    assert breaker.state(0.0) is CLOSED
    page(breaker, Verdict.FAILURE)
    assert breaker.state(0.0) is OPEN


def test_open_lets_nothing_through_then_one_probe() -> None:
    """Before its time none; at its time one, and no second beside it."""
    breaker = opened()
    assert breaker.admit(0.99) is None
    assert breaker.due(0.5) == 1.0
    probe = breaker.admit(1.0)
    assert probe is not None
    assert probe.probe
    assert breaker.state(1.0) is HALF_OPEN
    assert breaker.admit(50.0) is None
    assert breaker.due(50.0) == math.inf


def test_a_probe_that_succeeds_closes_it() -> None:
    """Pages go through again."""
    breaker = opened()
    page(breaker, Verdict.SUCCESS, 1.0)
    assert breaker.state(1.0) is CLOSED


def test_a_probe_whose_caller_left_makes_room_for_another() -> None:
    """It says nothing, and blocks nothing."""
    breaker = opened()
    page(breaker, Verdict.NEUTRAL, 1.0)
    assert breaker.state(1.0) is HALF_OPEN
    assert breaker.admit(1.0) is not None


def test_it_stays_open_longer_each_time_up_to_a_bound() -> None:
    """1, 2, 4, 5, 5 seconds."""
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(5):
        pauses.append(breaker.due(now) - now)
        now = breaker.due(now)
        page(breaker, Verdict.FAILURE, now)
    assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_replica_that_fell_over_lately_gets_no_second_chance() -> None:
    """After a probe succeeded, the next failure opens it again, for longer."""
    breaker = opened()
    page(breaker, Verdict.SUCCESS, 1.0)
    page(breaker, Verdict.FAILURE, 1.0)
    assert breaker.due(1.0) == 3.0


def test_how_many_relapses_are_borne_is_a_parameter() -> None:
    """Two, unless told otherwise: one broken page is not yet a broken server."""
    breaker = Breaker(BreakerParams())
    breaker.trip(0.0)
    page(breaker, Verdict.SUCCESS, 1.0)
    page(breaker, Verdict.FAILURE, 1.0)
    assert breaker.state(1.0) is CLOSED
    page(breaker, Verdict.FAILURE, 1.0)
    assert breaker.state(1.0) is OPEN


def test_a_replica_that_has_settled_is_as_good_as_new() -> None:
    """After four successes one failure is one failure, and the next opening is short."""
    breaker = opened()
    for _ in range(4):
        page(breaker, Verdict.SUCCESS, 1.0)
    page(breaker, Verdict.FAILURE, 1.0)
    assert breaker.state(1.0) is CLOSED
    page(breaker, Verdict.FAILURE, 1.0)
    page(breaker, Verdict.FAILURE, 1.0)
    assert breaker.due(1.0) == 2.0


def test_pages_of_a_dead_server_do_not_blame_its_successor() -> None:
    """Of eight pages in flight three open it; the other five fail later, and say nothing."""
    breaker = Breaker(PARAMS)
    given = [breaker.admit(0.0) for _ in range(8)]
    for each in given[:3]:
        assert each is not None
        breaker.record(each, Verdict.FAILURE, 0.0)
    breaker.reset(2.0)
    for each in given[3:]:
        assert each is not None
        breaker.record(each, Verdict.FAILURE, 2.0)
    assert breaker.state(2.0) is CLOSED


def test_whoever_watches_the_server_knows_first() -> None:
    """Told of its death it opens at once, told of its return it closes at once."""
    breaker = Breaker(PARAMS)
    breaker.trip(0.0)
    assert breaker.due(0.0) == 1.0
    probe = breaker.admit(1.0)
    assert probe is not None
    breaker.reset(1.1)
    breaker.record(probe, Verdict.FAILURE, 1.2)
    assert breaker.state(1.2) is CLOSED
    assert breaker.admit(1.2) is not None


@pytest.mark.parametrize(
    "bad",
    [{"failures": 0}, {"rate": 0.0}, {"growth": 0.5}, {"first": 9.0}, {"window": 0.0}],
)
def test_senseless_parameters_are_refused(bad: dict[str, float]) -> None:
    """They would never open it, or never close it."""
    with pytest.raises(ValueError, match=r"at least|above"):
        BreakerParams(**bad)  # type: ignore[arg-type]

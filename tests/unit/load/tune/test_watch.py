"""A trial is ended early for good reasons only."""

import pytest

from ocrgate.load.tune.trial import Stop
from ocrgate.load.tune.watch import Counts, Watch, lower


def run(*rates: float, seconds: int = 120) -> Stop | None:
    """A trial with so many served, late, failed and preempted a second."""
    served, late, failed, preempted = rates
    watch = Watch()
    for at in range(1, seconds + 1):
        numbers = [int(rate * at) for rate in (served, late, failed, preempted)]
        why = watch.look(Counts(at, numbers[0], numbers[1], numbers[2], numbers[3]))
        if why is not None:
            return why
    return None


@pytest.mark.parametrize(
    ("rates", "why"),
    [
        ((10, 0, 0, 0), None),
        ((10, 0.2, 0.05, 2), None),
        ((5, 5, 0, 5), None),
        ((10, 0, 0.5, 0), Stop.ERRORS),
        ((10, 0, 0, 40), Stop.PREEMPTIONS),
        ((1, 9, 0, 0), Stop.SATURATED),
        ((0, 0, 1, 0), Stop.ERRORS),
    ],
)
def test_what_ends_a_trial(rates: tuple[float, ...], why: Stop | None) -> None:
    assert run(*rates) is why


def test_a_death_ends_it_at_once() -> None:
    assert Watch().look(Counts(1.0, dead=True)) is Stop.DIED


def test_one_failure_among_few_pages_is_no_reason() -> None:
    assert Watch().look(Counts(60.0, served=10, failed=1)) is None


def test_an_engine_that_does_not_tell_of_preemptions_has_no_storms() -> None:
    watch = Watch()
    assert all(watch.look(Counts(at, served=10 * at)) is None for at in range(1, 90))


def test_slow_beginnings_are_waited_for() -> None:
    """Late pages of the first seconds, as after a start, are no overload."""
    watch = Watch()
    assert all(watch.look(Counts(at, late=at)) is None for at in range(1, 30))


def test_a_share_is_believed_from_enough_pages() -> None:
    assert lower(3, 3) < 0.5
    assert lower(300, 300) > 0.98

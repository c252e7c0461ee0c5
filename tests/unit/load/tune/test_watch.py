"""A trial is ended early for good reasons only."""

import pytest

from ocrgate.load.tune.trial import Stop
from ocrgate.load.tune.watch import Counts, Watch, lower


def run(*rates: float, seconds: int = 120, bar: float = 0.0) -> Stop | None:
    """A trial with so many served, late, failed and preempted a second."""
    served, late, failed, preempted = rates
    watch = Watch(bar=bar)
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


@pytest.mark.parametrize("trouble", [(10, 0, 0, 40), (10, 90, 0, 0)])
def test_trouble_does_not_end_a_trial_that_gives_as_much_as_the_best(
    trouble: tuple[float, ...],
) -> None:
    """Pages thrown out of the batch, or left by their callers: goodput decides."""
    assert run(*trouble, bar=10.0) is None
    assert run(*trouble, bar=9.0) is None


@pytest.mark.parametrize(
    ("trouble", "why"), [((10, 0, 0, 40), Stop.PREEMPTIONS), ((10, 90, 0, 0), Stop.SATURATED)]
)
def test_trouble_ends_a_trial_that_surely_gives_less_than_the_best(
    trouble: tuple[float, ...], why: Stop
) -> None:
    assert run(*trouble, bar=12.0) is why


def test_a_bad_minute_in_a_good_trial_is_waited_out() -> None:
    """Trouble comes and goes: a trial is held to what it gave so far, not to its last minute."""
    watch = Watch(bar=10.0)
    served = preempted = 0
    for at in range(1, 241):
        calm = not 150 <= at < 215
        served += 11 if calm else 8
        preempted += 0 if calm else 40
        assert watch.look(Counts(at, served, preemptions=preempted)) is None


def test_no_bar_saves_a_trial_whose_pages_fail() -> None:
    assert run(10, 0, 0.5, 0, bar=1.0) is Stop.ERRORS


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

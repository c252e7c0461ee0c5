"""Trials in virtual time: what counts as in time, and how long they last."""

import math
from dataclasses import replace

import pytest

from ocrgate.load.tune.trial import Purpose, Trial, warmup
from ocrgate.load.tune.virtual import Stand, slots
from ocrgate.simulate.profiles import profile
from ocrgate.simulate.workload import SMALLER, Kind, Mix

STAND = Stand(slots(profile("f-model")), SMALLER, seconds=10.0, warmup=5.0, pages=50)
EIGHT = Trial((8,), Purpose.CLIMB)


def test_answers_in_time_are_served() -> None:
    seen = STAND.measure(EIGHT)
    assert seen.late == 0
    assert seen.goodput > 0


@pytest.mark.parametrize(
    "promises",
    [
        [replace(STAND, first=limit) for limit in (1e-6, 0.028, 10.0)],
        [replace(STAND, each=limit) for limit in (1e-6, 0.0095, 10.0)],
    ],
    ids=["first", "each"],
)
def test_a_text_that_begins_or_goes_on_too_slowly_is_late(promises: list[Stand]) -> None:
    """Between a limit that all keep and one that none can, some keep it."""
    none, some, every = (stand.measure(EIGHT).late for stand in promises)
    assert none == 1
    assert 0 < some < 1
    assert every == 0


def test_a_longer_trial_sees_more_pages_and_a_soak_only_more_time() -> None:
    """Pages that come slowly: an ordinary trial of 10 seconds waits for twenty."""
    slow = replace(STAND, shape=slots(profile("slow")), pages=20)
    ordinary = slow.measure(Trial((4,), Purpose.CLIMB))
    confirming = slow.measure(Trial((4,), Purpose.CONFIRM, 0, 2.0))
    soaking = slow.measure(Trial((4,), Purpose.SOAK, 0, 2.0))
    assert ordinary.seconds > 20
    assert confirming.seconds > 1.5 * ordinary.seconds
    assert soaking.seconds == pytest.approx(ordinary.seconds, rel=0.1)


@pytest.mark.parametrize(
    ("seconds", "deadline", "expected"),
    [(120, 0, 18), (120, 10, 18), (120, 45, 45), (120, 600, 60), (8, 0.1, 3)],
)
def test_the_first_pages_are_over_before_a_trial_counts(
    seconds: float, deadline: float, expected: float
) -> None:
    assert warmup(seconds, deadline) == pytest.approx(expected)


def test_a_trial_of_few_pages_tells_of_the_long_ones_too() -> None:
    """All callers begin together: the first pages to end are the short ones."""
    many = replace(profile("wide"), max_num_seqs=128)
    mix = Mix(
        "both",
        (
            Kind("short", 0.5, (100, 100), (100, 100), 20, 0.1),
            Kind("long", 0.5, (100, 100), (100, 100), 2000, 0.1),
        ),
        0.0,
    )
    stand = Stand(slots(many), mix, math.inf, seconds=1.0, warmup=0.0, pages=100, longer=1000.0)
    trial = Trial((128,), Purpose.CLIMB)
    hasty, turned = stand.measure(trial), replace(stand, turns=2.0).measure(trial)
    truth = replace(stand, seconds=600.0, warmup=200.0).measure(trial)
    assert hasty.goodput > 3 * truth.goodput
    assert turned.goodput == pytest.approx(truth.goodput, rel=0.25)

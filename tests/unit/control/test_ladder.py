"""Rungs, their thresholds, and who is spared."""

import math
from itertools import pairwise

import pytest

from ocrgate.control.ladder import (
    Degradation,
    Ladder,
    LadderParams,
    Rung,
    Threshold,
    pressure,
)


def press(ladder: Ladder, pressure: float, since: float, seconds: float) -> Degradation:
    """One pressure, told ten times a second."""
    state = ladder.press(pressure, since)
    for i in range(1, round(seconds * 10) + 1):
        state = ladder.press(pressure, since + i / 10)
    return state


def test_at_rest_nothing_is_done_for_less() -> None:
    assert press(Ladder(), 0.3, 0.0, 100.0) == Degradation((), "calm")


def test_pressure_that_lasts_enters_a_rung_and_one_that_passes_does_not() -> None:
    ladder = Ladder()
    assert press(ladder, 0.6, 0.0, 0.9) == Degradation((), "rising")
    press(ladder, 0.1, 1.0, 0.5)
    assert press(ladder, 0.6, 2.0, 0.9).rungs == ()
    assert press(ladder, 0.6, 2.9, 0.2).rungs == (Rung.SMALLER_IMAGE,)


def test_rungs_are_entered_one_after_the_other() -> None:
    ladder = Ladder()
    heights = [len(ladder.press(5.0, i / 10).rungs) for i in range(400)]
    assert max(heights) == 5
    assert all(0 <= after - before <= 1 for before, after in pairwise(heights))
    assert ladder.state() == tuple(Rung)


def test_a_rung_is_left_under_its_lower_threshold_only() -> None:
    ladder = Ladder()
    press(ladder, 0.6, 0.0, 2.0)
    assert press(ladder, 0.3, 10.0, 60.0) == Degradation((Rung.SMALLER_IMAGE,), "holding")
    assert press(ladder, 0.2, 80.0, 0.5).why == "falling"
    assert press(ladder, 0.2, 80.5, 1.0).rungs == ()


def test_after_a_change_it_stays_for_a_while() -> None:
    ladder = Ladder()
    press(ladder, 0.6, 0.0, 1.0)
    assert press(ladder, 0.0, 1.1, 4.0) == Degradation((Rung.SMALLER_IMAGE,), "dwelling")
    assert press(ladder, 0.0, 5.1, 2.0).rungs == ()


def test_what_a_caller_forbids_is_left_out_for_that_caller() -> None:
    state = Degradation((Rung.SMALLER_IMAGE, Rung.SHORTER_OUTPUT), "holding")
    assert state.allowed(frozenset({Rung.SMALLER_IMAGE})) == (Rung.SHORTER_OUTPUT,)
    assert state.allowed() == state.rungs


def test_a_gate_may_do_without_some_rungs() -> None:
    """One engine, no jobs: images get smaller, then pages are refused."""
    rungs = {Rung.SMALLER_IMAGE: Threshold(0.5, 0.2), Rung.REFUSAL: Threshold(1.0, 0.5)}
    ladder = Ladder(LadderParams(rungs))
    assert press(ladder, 2.0, 0.0, 20.0).rungs == (Rung.SMALLER_IMAGE, Rung.REFUSAL)


def test_no_number_is_no_pressure_and_infinity_is_much() -> None:
    assert press(Ladder(), math.nan, 0.0, 20.0).rungs == ()
    assert press(Ladder(), math.inf, 0.0, 2.0).rungs == (Rung.SMALLER_IMAGE,)


def test_the_pressure_is_one_where_a_queue_or_half_of_the_pages_is_at_its_end() -> None:
    assert pressure(0.0, 2.0, 0.0) == 0.0
    assert pressure(2.0, 2.0, 0.1) == 1.0
    assert pressure(0.2, 2.0, 0.5) == 1.0


def test_thresholds_are_ordered() -> None:
    with pytest.raises(ValueError, match="below"):
        Threshold(0.5, 0.5)
    with pytest.raises(ValueError, match="grow"):
        LadderParams({Rung.SMALLER_IMAGE: Threshold(1, 0.5), Rung.JOB: Threshold(0.9, 0.6)})
    with pytest.raises(ValueError, match="at least 0"):
        LadderParams(dwell=-1)

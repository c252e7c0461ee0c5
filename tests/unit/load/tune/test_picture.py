"""Smaller pictures are taken only where they surely lose no more text than was allowed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.load.tune.picture import SideTrial, choose_side, upper

ERRORS = st.lists(st.floats(0, 1), min_size=5, max_size=30)


def sides(*trials: tuple[int, float, float]) -> list[SideTrial]:
    """Side, error of each of twenty pages, pages a second."""
    return [SideTrial(side, (error,) * 20, rate) for side, error, rate in trials]


def test_a_side_that_loses_nothing_and_gives_more_is_taken() -> None:
    choice = choose_side(sides((2048, 0.02, 1.0), (1024, 0.02, 2.0), (768, 0.05, 3.0)))
    assert choice.side == 1024
    assert [line.allowed for line in choice.lines] == [True, True, False]


def test_what_the_user_allows_may_be_lost() -> None:
    trials = sides((2048, 0.02, 1.0), (1024, 0.02, 2.0), (768, 0.05, 3.0))
    assert choose_side(trials, allowed=0.04).side == 768


def test_a_smaller_side_that_gives_nothing_is_not_taken() -> None:
    assert choose_side(sides((2048, 0.02, 1.0), (1024, 0.01, 1.01))).side == 2048


def test_one_page_of_many_that_gets_worse_is_enough_to_refuse() -> None:
    """On the mean it is little; surely it is more than nothing."""
    before = SideTrial(2048, (0.0,) * 20, 1.0)
    after = SideTrial(1024, (0.0,) * 19 + (0.4,), 2.0)
    choice = choose_side([before, after])
    assert choice.side == 2048
    assert choice.lines[1].surely > choice.lines[1].more


def test_pages_have_to_be_the_same() -> None:
    with pytest.raises(ValueError, match="same pages"):
        choose_side([SideTrial(2048, (0.1,), 1.0), SideTrial(1024, (0.1, 0.2), 1.0)])


@settings(deadline=None, max_examples=40)
@given(ERRORS, ERRORS)
def test_with_nothing_allowed_nothing_is_lost_on_the_pages_that_were_tried(
    large: list[float], small: list[float]
) -> None:
    count = min(len(large), len(small))
    choice = choose_side(
        [
            SideTrial(2048, tuple(large[:count]), 1.0),
            SideTrial(1024, tuple(small[:count]), 9.0),
        ]
    )
    if choice.side == 1024:
        assert sum(small[:count]) <= sum(large[:count]) + 1e-6


@settings(deadline=None, max_examples=40)
@given(ERRORS)
def test_the_bound_is_between_the_mean_and_the_worst(differences: list[float]) -> None:
    mean = sum(differences) / len(differences)
    assert mean - 0.05 <= upper(differences) <= max(differences) + 1e-9

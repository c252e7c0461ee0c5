"""Smaller pictures are taken only where they surely lose no more text than was allowed."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.load.tune.picture import SideTrial, choose_side, upper
from ocrgate.load.tune.side_picture import side_svg

ERRORS = st.lists(st.floats(0, 1), min_size=20, max_size=40)


def sides(*trials: tuple[int, float, float]) -> list[SideTrial]:
    """Side, error of each of twenty pages, pages a second."""
    return [SideTrial(side, (error,) * 20, rate) for side, error, rate in trials]


def test_a_side_that_loses_nothing_and_gives_more_is_taken() -> None:
    choice = choose_side(sides((2048, 0.02, 1.0), (1024, 0.02, 2.0), (768, 0.05, 3.0)))
    assert choice.side == 1024
    assert [bool(line.why_not) for line in choice.lines] == [False, False, True]


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


def test_few_pages_recommend_no_smaller_side() -> None:
    """That two pages lost nothing says little of the third."""
    trials = [SideTrial(side, (0.0, 0.0), rate) for side, rate in ((2048, 1.0), (512, 9.0))]
    choice = choose_side(trials)
    assert choice.side == 2048
    assert choice.lines[1].why_not == "only 2 pages"


def test_a_side_at_which_pages_were_not_read_is_not_taken() -> None:
    """Nor is it said that their text was wrong: nobody has seen it."""
    large = SideTrial(2048, (0.0,) * 30, 1.0)
    small = SideTrial(1024, (0.0,) * 29 + (None,), 9.0, why="engine_failed")
    choice = choose_side([large, small])
    assert choice.side == 2048
    assert choice.lines[1].trial.error == 0
    assert choice.lines[1].why_not == "1 not read: engine_failed"


def test_pages_that_the_largest_side_did_not_read_are_left_out() -> None:
    large = SideTrial(2048, (None, *(0.1,) * 30), 1.0, why="timeout")
    small = SideTrial(1024, (0.9, *(0.1,) * 30), 2.0)
    choice = choose_side([large, small])
    assert choice.side == 1024
    assert choice.lines[1].more == 0


def test_the_picture_shows_every_side_and_why_not() -> None:
    choice = choose_side(sides((2048, 0.02, 1.0), (1024, 0.02, 2.0), (768, 0.05, 3.0)), 0.01)
    text = side_svg(choice, 0.01)
    root = ET.fromstring(text)
    words = {each.text for each in root.iter() if each.tag.endswith("text")}
    assert {"2048", "1024", "768", "loses too much text", "allowed"} <= words
    assert len([each for each in root.iter() if each.tag.endswith("circle")]) == 4


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

"""Endings that go round in circles."""

import pytest

from ocrgate.engines.recipes.reading.repeats import RepeatRule, without_loop

RULE = RepeatRule(100)


@pytest.mark.parametrize("unit", ["ab", "again and ", "这是", "\n| a | b |"])
def test_a_loop_is_cut_to_one_unit(unit: str) -> None:
    """Whatever the unit."""
    start = "A page with some text at its beginning, as pages have it. " * 2
    assert without_loop(start + unit * 40, RULE) in {start + unit, (start + unit).rstrip()}


def test_a_loop_that_breaks_off_inside_the_unit_is_cut() -> None:
    """As a bound on tokens breaks it off."""
    assert without_loop("begin " + "one two " * 30 + "one", RULE).startswith("begin one two")
    assert len(without_loop("begin " + "one two " * 30 + "one", RULE)) < 30


@pytest.mark.parametrize(
    "text",
    ["ab" * 49, "x" * 120 + "ab" * 9, "ab" * 60 + "end of it", "a page without any loop " * 9],
)
def test_short_answers_few_repeats_and_other_endings_stay(text: str) -> None:
    """Below the bound, nine times, or followed by something else."""
    assert without_loop(text, RULE) == text


def test_the_shortest_unit_counts() -> None:
    """Twenty times ``ab`` is not five times ``abababab``."""
    assert without_loop("-" * 80 + "y" + "ab" * 40, RULE) == "-" * 80 + "yab"

"""Folding steps into characters."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrgate.engines.cpu.ctc import Reading, decode, joined, stripped

ALPHABET = ("", "a", "b", " ")


def steps(classes: list[int], score: float = 0.9) -> NDArray[np.float32]:
    rest = (1 - score) / (len(ALPHABET) - 1)
    found = np.full((len(classes), len(ALPHABET)), rest, np.float32)
    found[np.arange(len(classes)), classes] = score
    return found


def test_repeats_fold_and_blanks_part() -> None:
    """A letter seen over several steps is one letter; a blank between makes it two."""
    assert decode(steps([1, 1, 0, 1, 2, 2, 0]), ALPHABET, 1.0).text == "aab"


def test_only_blanks_are_no_text() -> None:
    """Paper without letters reads as nothing, with no confidence."""
    reading = decode(steps([0, 0, 0]), ALPHABET, 1.0)
    assert (reading.text, reading.confidence) == ("", 0.0)


def test_confidence_is_the_mean_over_characters() -> None:
    """A line is as sure as its characters are on average, blanks not counted."""
    probabilities = np.concatenate([steps([1, 0]), steps([2], 0.5)])
    assert decode(probabilities, ALPHABET, 1.0).confidence == pytest.approx(0.7)


def test_places_ignore_the_padding() -> None:
    """A character in the middle of the line is at one half although the line was padded."""
    reading = decode(steps([0, 0, 1, 0, 0, 0, 0, 0, 0, 0]), ALPHABET, 0.5)
    assert list(reading.places) == [pytest.approx(0.5)]


def test_white_space_at_the_ends_goes_with_its_scores() -> None:
    """Text, scores and places keep the same length."""
    reading = stripped(Reading(" ab ", (0.1, 0.2, 0.3, 0.4), (0.0, 0.3, 0.6, 0.9)))
    assert reading == Reading("ab", (0.2, 0.3), (0.3, 0.6))


def test_parts_of_a_line_are_joined_by_a_space() -> None:
    """Words on both sides of a wide gap stay two words, at their places on the whole line."""
    part = Reading("a", (0.9,), (0.5,))
    whole = joined([(part, 0.0, 0.4), (Reading(), 0.4, 0.6), (part, 0.6, 1.0)])
    assert whole.text == "a a"
    assert whole.places[0] == pytest.approx(0.2)
    assert whole.places[2] == pytest.approx(0.8)


def test_chinese_parts_are_joined_without_a_space() -> None:
    """Chinese has no spaces to restore."""
    part = Reading("中", (0.9,), (0.5,))
    assert joined([(part, 0.0, 0.5), (part, 0.5, 1.0)]).text == "中中"

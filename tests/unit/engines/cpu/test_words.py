"""Words and where they stand in their line."""

import numpy as np

from ocrgate.domain.recognition import bounding_box
from ocrgate.engines.cpu.ctc import Reading
from ocrgate.engines.cpu.words import words_of

LEVEL = np.array([[0, 0], [100, 0], [100, 10], [0, 10]], np.float32)
COLUMN = np.array([[0, 0], [10, 0], [10, 100], [0, 100]], np.float32)


def even(text: str) -> Reading:
    """A reading whose characters are evenly spaced over the line."""
    count = len(text)
    places = tuple((index + 0.5) / count for index in range(count))
    return Reading(text, (0.9,) * count, places)


def test_words_are_cut_at_spaces() -> None:
    """A searchable page selects single words of Latin text."""
    words = words_of(even("to be  or"), LEVEL)
    assert [word.text for word in words] == ["to", "be", "or"]


def test_words_stand_where_their_letters_were_seen() -> None:
    """The second of two equal words takes the right half of the line."""
    left, right = (bounding_box(word.polygon) for word in words_of(even("abcd efgh"), LEVEL))
    assert left.x1 < 5
    assert 40 < left.x2 <= right.x1 < 60
    assert right.x2 > 95


def test_chinese_is_cut_into_short_runs() -> None:
    """Long runs would drift from the glyphs, single characters would not select as phrases."""
    words = words_of(even("早上九点开始上课我们在城市里"), LEVEL)
    assert "".join(word.text for word in words) == "早上九点开始上课我们在城市里"
    assert all(1 <= len(word.text) <= 8 for word in words)
    assert len(words) == 2


def test_chinese_and_latin_are_parted() -> None:
    """A Latin name inside Chinese text is a word of its own."""
    words = words_of(even("使用Python编程"), LEVEL)
    assert [word.text for word in words] == ["使用", "Python", "编程"]


def test_a_gap_ends_a_run_of_chinese() -> None:
    """Characters set apart on the page are not one run."""
    reading = Reading("甲乙丙丁", (0.9,) * 4, (0.1, 0.2, 0.3, 0.8))
    assert [word.text for word in words_of(reading, LEVEL)] == ["甲乙丙", "丁"]


def test_words_of_a_column_go_down() -> None:
    """In text set downwards the second word is below the first, as wide as the column."""
    first, second = words_of(even("甲乙 丙丁"), COLUMN, vertical=True)
    assert bounding_box(first.polygon).y2 <= bounding_box(second.polygon).y1
    assert bounding_box(second.polygon)[::2] == (0, 10)
    assert first.polygon[0] == (0, 0)


def test_no_text_has_no_words() -> None:
    """A line that was not read has no words."""
    assert words_of(Reading(), LEVEL) == ()

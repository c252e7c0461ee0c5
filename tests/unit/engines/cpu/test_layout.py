"""Reading order from boxes alone."""

import pytest

from ocrgate.domain.recognition import Box
from ocrgate.engines.cpu.layout import arrange

H, PITCH = 20.0, 30.0  # a line's box and the distance to the next


def line(x: float, y: float, width: float, height: float = H) -> Box:
    return Box(x, y, x + width, y + height)


def text(x: float, y: float, count: int, width: float = 400.0, pitch: float = PITCH) -> list[Box]:
    """A column of running text, its last line short."""
    widths = [width] * (count - 1) + [width / 3]
    return [line(x, y + index * pitch, one) for index, one in enumerate(widths)]


def order(boxes: list[Box]) -> list[int]:
    return [index for block in arrange(boxes) for index in block]


def test_no_lines_are_no_blocks() -> None:
    """An empty page has nothing to put in order."""
    assert arrange([]) == []


def test_one_column_reads_down() -> None:
    """Plain text is read from the top, whatever order the lines were found in."""
    boxes = text(0, 0, 8)[::-1]
    assert order(boxes) == list(range(7, -1, -1))


@pytest.mark.parametrize("columns", [2, 3, 4])
@pytest.mark.parametrize("shift", [0.0, 11.0], ids=["same baselines", "own baselines"])
def test_columns_are_read_one_after_the_other(columns: int, shift: float) -> None:
    """A reader of a page in columns gets each column whole."""
    boxes = [box for n in range(columns) for box in text(n * 430.0, n * shift, 12)]
    assert order(boxes) == list(range(len(boxes)))


def test_a_heading_across_ends_the_columns_above_it() -> None:
    """What stands above a heading across the page is read before it, what is below after it."""
    above = text(0, 0, 6) + text(430, 0, 6)
    heading = [line(0, 230, 830, 30)]
    below = text(0, 300, 6) + text(430, 300, 6)
    boxes = above + heading + below
    assert order(boxes) == list(range(len(boxes)))


def test_a_heading_across_two_of_three_columns_is_read_before_those_two() -> None:
    """A story's heading goes with the columns below it, not with the neighbor's text."""
    left, middle, right = text(0, 60, 10), text(430, 60, 10), text(860, 0, 12)
    boxes = [line(0, 0, 830, 34), *left, *middle, *right]
    assert order(boxes) == list(range(len(boxes)))


def test_a_table_is_read_row_by_row() -> None:
    """Cells of one row stay together although white space runs down between the columns."""
    boxes = [line(x, y * 40.0, 90) for y in range(8) for x in (0, 200, 400)]
    assert order(boxes) == list(range(len(boxes)))


def test_amounts_of_a_receipt_stay_with_their_items() -> None:
    """Long item names beside short prices are rows, not two columns."""
    names = [line(0, n * PITCH, 260 + 15 * (n % 3)) for n in range(8)]
    prices = [line(500, n * PITCH + 2, 60) for n in range(8)]
    boxes = [box for pair in zip(names, prices, strict=True) for box in pair]
    assert order(boxes) == list(range(len(boxes)))


def test_a_cell_of_two_lines_is_read_whole() -> None:
    """A name broken over two lines is read before the number that stands between its lines."""
    boxes = []
    for row in range(4):
        y = row * 44.0
        boxes += [line(0, y, 120), line(0, y + 22, 80), line(300, y + 11, 90)]
    assert order(boxes) == list(range(len(boxes)))


def test_a_page_number_below_columns_comes_last() -> None:
    """It stands in the left column's half and belongs to neither column."""
    boxes = [*text(0, 0, 10), *text(430, 0, 10), line(0, 420, 30)]
    assert order(boxes)[-1] == 20


def test_a_running_head_comes_first_and_in_one_row() -> None:
    """Title at the left, page at the right: one row above the columns."""
    boxes = [line(0, 0, 150), line(760, 0, 70), *text(0, 100, 10), *text(430, 100, 10)]
    assert order(boxes) == list(range(len(boxes)))


def test_a_wider_blank_begins_a_paragraph() -> None:
    """Paragraphs are told apart by the blank between them, not by the leading inside."""
    boxes = text(0, 0, 5, pitch=40) + text(0, 230, 5, pitch=40)
    assert [len(block) for block in arrange(boxes)] == [5, 5]


def test_larger_letters_are_a_paragraph_of_their_own() -> None:
    """A heading does not run into the text below it."""
    boxes = [line(0, 0, 300, 36), *text(0, 46, 4)]
    assert [len(block) for block in arrange(boxes)] == [1, 4]


def test_a_note_along_the_margin_does_not_disturb_the_text() -> None:
    """A tall box beside the text is read after it."""
    boxes = [Box(0, 0, 20, 400), *text(60, 0, 12)]
    assert order(boxes) == [*range(1, 13), 0]

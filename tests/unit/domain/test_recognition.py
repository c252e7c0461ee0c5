"""Recognitions: text in reading order, boxes, usage, lanes."""

from ocrgate.domain.recognition import (
    Block,
    BlockKind,
    Box,
    Line,
    PageReading,
    Point,
    Recognition,
    Usage,
    bounding_box,
)
from ocrgate.domain.ticket import Lane


def test_text_keeps_lines_blocks_and_pages_apart() -> None:
    """Lines end in newlines, blocks in a blank line, pages in a form feed."""
    page = PageReading(1, 10, 10, (Block((Line("a"), Line("b"))), Block((Line("c"),))))
    assert page.text == "a\nb\n\nc"
    assert [line.text for line in page.lines()] == ["a", "b", "c"]
    recognition = Recognition((page, PageReading(2, 10, 10)), "e")
    assert recognition.text == "a\nb\n\nc\f"


def test_a_box_holds_every_corner() -> None:
    """The box of a turned rectangle reaches its outermost corners."""
    turned = (Point(5, 0), Point(10, 5), Point(5, 10), Point(0, 5))
    assert bounding_box(turned) == Box(0, 0, 10, 10)
    assert bounding_box((Point(3, 4),)) == Box(3, 4, 3, 4)


def test_usage_adds_up() -> None:
    """The cost of a document is the sum of its pages'."""
    assert Usage(1, 2, 3) + Usage(10, 20, 30) == Usage(11, 22, 33)


def test_lanes_are_ranked() -> None:
    """The most urgent lane has the lowest rank."""
    assert [lane.rank for lane in (Lane.INTERACTIVE, Lane.STANDARD, Lane.BATCH)] == [0, 1, 2]


def _line(text: str, x1: float, y1: float, x2: float, y2: float) -> Line:
    corners = ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
    return Line(text, tuple(Point(*corner) for corner in corners), 0.99)


def test_cells_of_a_row_share_a_line_of_text() -> None:
    """What stands side by side comes out side by side, divided by a tab."""
    block = Block((_line("Ship", 0, 0, 60, 20), _line("fog", 300, 4, 340, 22)))
    below = Block((_line("Heron", 0, 40, 80, 60), _line("rain", 0, 64, 60, 84)))
    page = PageReading(1, 400, 100, (block, below))
    assert page.text == "Ship\tfog\n\nHeron\nrain"


def test_cells_of_a_row_share_a_line_on_a_page_that_lies_on_its_side() -> None:
    """Side by side is judged on the page as it is read, not as it was scanned."""
    block = Block((_line("Ship", 0, 340, 20, 400), _line("fog", 4, 60, 22, 100)))
    assert PageReading(1, 100, 400, (block,), rotation=90).text == "Ship\tfog"


def test_columns_of_vertical_writing_stay_lines() -> None:
    """Lines that run down the page share their height and are lines all the same."""
    block = Block((_line("一二三", 80, 0, 100, 90), _line("四五六", 40, 0, 60, 90)))
    assert PageReading(1, 100, 100, (block,)).text == "一二三\n四五六"


def test_blocks_without_words_leave_no_blank_lines() -> None:
    blocks = (Block((Line("a"),)), Block((Line(""),), BlockKind.FIGURE), Block((Line("b"),)))
    assert PageReading(1, 10, 10, blocks).text == "a\n\nb"

"""Recognitions: text in reading order, boxes, usage, lanes."""

from ocrgate.domain.recognition import (
    Block,
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

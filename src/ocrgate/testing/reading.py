"""Pages made of plain text."""

from ocrgate.domain.recognition import Block, Line, PageReading, Point


def page_reading(
    text: str, *, number: int = 1, width: int = 100, height: int = 100, confidence: float = 0.9
) -> PageReading:
    """A page with one block whose lines are those of ``text``, spread from top to bottom."""
    texts = text.splitlines()
    step = height / max(1, len(texts))
    lines = tuple(
        Line(line, _band(width, step * row, step * (row + 1)), confidence)
        for row, line in enumerate(texts)
    )
    return PageReading(number, width, height, (Block(lines),) if lines else ())


def _band(width: float, top: float, bottom: float) -> tuple[Point, ...]:
    return (Point(0, top), Point(width, top), Point(width, bottom), Point(0, bottom))

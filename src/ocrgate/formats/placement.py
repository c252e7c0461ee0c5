"""Where the words of a line stand, whether the engine said so or only gave the line's place."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ocrgate.domain.recognition import Box, Line, PageReading, Point, Polygon, bounding_box
from ocrgate.errors import InvalidRequest
from ocrgate.formats.characters import advance, clean, is_leftward, width

DESCENT = 0.2  # share of a line box below the baseline, usual for Latin and CJK faces alike


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A run without white space, its place, and whether white space follows it in the line."""

    text: str
    polygon: Polygon
    confidence: float | None
    spaced: bool

    @property
    def box(self) -> Box:
        """The upright rectangle around it."""
        return bounding_box(self.polygon)


@dataclass(frozen=True, slots=True)
class Frame:
    """The rectangle of a run of text, as turned on the page.

    Attributes:
        origin: the bottom-left corner as the text is read.
        along: unit vector in reading direction, y downwards.
        length, height: in pixels, both at least 0.
    """

    origin: Point
    along: Point
    length: float
    height: float

    @property
    def up(self) -> Point:
        """Unit vector from the foot of the text to its head."""
        return Point(self.along.y, -self.along.x)

    @property
    def degrees(self) -> float:
        """Turn of the text against the page, clockwise, in (-180, 180]."""
        return math.degrees(math.atan2(self.along.y, self.along.x))

    def baseline(self) -> tuple[Point, Point]:
        """Start and end of the line that the letters stand on."""
        rise = self.height * DESCENT
        start = _moved(self.origin, self.up, rise)
        return start, _moved(start, self.along, self.length)


def frame(polygon: Polygon) -> Frame:
    """The frame of a polygon of four corners (of others: of the box around them)."""
    top_left, top_right, bottom_right, bottom_left = corners(polygon)
    x = (top_right.x - top_left.x + bottom_right.x - bottom_left.x) / 2
    y = (top_right.y - top_left.y + bottom_right.y - bottom_left.y) / 2
    length = math.hypot(x, y)
    along = Point(x / length, y / length) if length else Point(1.0, 0.0)
    height = (math.dist(top_left, bottom_left) + math.dist(top_right, bottom_right)) / 2
    return Frame(bottom_left, along, length, height)


def corners(polygon: Polygon) -> tuple[Point, Point, Point, Point]:
    """Four corners, clockwise from the text's own top left."""
    if len(polygon) == 4:
        return polygon[0], polygon[1], polygon[2], polygon[3]
    box = bounding_box(polygon)
    return (
        Point(box.x1, box.y1),
        Point(box.x2, box.y1),
        Point(box.x2, box.y2),
        Point(box.x1, box.y2),
    )


def with_places(page: PageReading) -> PageReading:
    """The page's lines that have a place.

    An answer that was cut off ends in a line without one: no reason to do without all the others.

    Raises:
        InvalidRequest: the engine gave none at all, so the format asked for cannot be made.
    """
    if all(line.polygon for line in page.lines()):
        return page
    blocks = tuple(
        replace(block, lines=tuple(line for line in block.lines if line.polygon))
        for block in page.blocks
    )
    kept = replace(page, blocks=blocks)
    written = next(filter(has_text, page.lines()), None)
    if written is not None and not any(map(has_text, kept.lines())):
        place(written)
    return kept


def place(line: Line) -> Polygon:
    """The line's polygon.

    Raises:
        InvalidRequest: the engine gave none, so the format asked for cannot be made.
    """
    if not line.polygon:
        raise InvalidRequest(
            "this engine gives no boxes, so there is no hOCR, ALTO or searchable PDF of its text;"
            " ask for text, markdown or json",
            field="format",
        )
    return line.polygon


def has_text(line: Line) -> bool:
    """Whether anything but white space is to be written."""
    return bool(clean(line.text).strip())


def upright(box: Box, page: PageReading) -> Box:
    """The box after the page has been turned upright (``page.rotation``)."""
    if page.rotation == 90:
        return Box(page.height - box.y2, box.x1, page.height - box.y1, box.x2)
    if page.rotation == 180:
        return Box(
            page.width - box.x2, page.height - box.y2, page.width - box.x1, page.height - box.y1
        )
    if page.rotation == 270:
        return Box(box.y1, page.width - box.x2, box.y2, page.width - box.x1)
    return box


def placed_words(line: Line) -> tuple[PlacedWord, ...]:
    """The line's words with their places; together with single spaces they are its text.

    The engine's own words are used where they spell the line; otherwise the line's polygon is
    divided in the ratio of the characters' usual widths.

    Raises:
        InvalidRequest: the line has no polygon.
    """
    polygon = place(line)
    text = clean(line.text)
    own = _aligned(text, line) if line.words else None
    return tuple(_divided(text, polygon, line.confidence)) if own is None else own


def _aligned(text: str, line: Line) -> tuple[PlacedWord, ...] | None:
    """The engine's words if they are the line's text in order, else None."""
    placed: list[PlacedWord] = []
    cursor = 0
    for word in line.words:
        run = clean(word.text).strip()
        start = cursor + _white(text, cursor)
        if not run or not word.polygon or len(run.split()) != 1 or not text.startswith(run, start):
            return None
        cursor = start + len(run)
        spaced = _white(text, cursor) > 0
        placed.append(PlacedWord(run, word.polygon, word.confidence, spaced))
    return tuple(placed) if not text[cursor:].strip() else None


def _white(text: str, start: int) -> int:
    """Number of white space characters from ``start`` on."""
    rest = text[start:]
    return len(rest) - len(rest.lstrip())


def _divided(text: str, polygon: Polygon, confidence: float | None) -> Iterator[PlacedWord]:
    runs = text.split()
    total = width(" ".join(runs)) or 1
    leftward = is_leftward(text)
    before = 0
    for index, run in enumerate(runs):
        after = before + width(run)
        start, end = (total - after, total - before) if leftward else (before, after)
        part = _slice(polygon, start / total, end / total)
        yield PlacedWord(run, part, confidence, index + 1 < len(runs))
        before = after + advance(" ")


def _slice(polygon: Polygon, start: float, end: float) -> Polygon:
    """The part of a four-sided polygon between two shares of its length."""
    top_left, top_right, bottom_right, bottom_left = corners(polygon)
    return (
        _between(top_left, top_right, start),
        _between(top_left, top_right, end),
        _between(bottom_left, bottom_right, end),
        _between(bottom_left, bottom_right, start),
    )


def _between(a: Point, b: Point, share: float) -> Point:
    return Point(a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share)


def _moved(point: Point, direction: Point, distance: float) -> Point:
    return Point(point.x + direction.x * distance, point.y + direction.y * distance)

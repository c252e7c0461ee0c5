"""From a model's coordinates to polygons in pixels of the source page.

Models name places in systems of their own: thousandths of the page, 0 to 999, 0 to 1024, 0 to 500,
pixels of the image as they see it. A :class:`Plane` is such a system laid over a page.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ocrgate.domain.recognition import Line, Point, Polygon
from ocrgate.engines.recipes.answer import Geometry

_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")


@dataclass(frozen=True, slots=True)
class Plane:
    """A model's system of coordinates: where its right and bottom edges are, over which page."""

    right: float
    bottom: float
    page: Geometry

    @classmethod
    def parts(cls, count: int, page: Geometry) -> "Plane":
        """Both sides of the page from 0 to ``count``."""
        return cls(count, count, page)

    def polygon(self, numbers: Sequence[float]) -> Polygon | None:
        """``x1 y1 x2 y2`` or four points as a polygon on the page; None for other counts.

        Places outside the page are moved to its edge; corners given the wrong way round are put
        right.
        """
        if len(numbers) == 4:
            return self._box(numbers)
        if len(numbers) != 8:
            return None
        return tuple(self._point(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True))

    def _box(self, numbers: Sequence[float]) -> Polygon:
        start, end = self._point(*numbers[:2]), self._point(*numbers[2:])
        left, right = sorted((start.x, end.x))
        top, bottom = sorted((start.y, end.y))
        return Point(left, top), Point(right, top), Point(right, bottom), Point(left, bottom)

    def _point(self, x: float, y: float) -> Point:
        width, height = self.page.source_width, self.page.source_height
        return Point(_scaled(x, self.right, width), _scaled(y, self.bottom, height))


def numbers(value: object, most: int = 9) -> tuple[float, ...]:
    """The numbers of a place, in order: of a list, of lists of points, or written in a string.

    At most ``most`` of them: one more than any place has, so that too many are noticed.
    """
    return tuple(islice(_numbers(value, 3), most))


def spread(texts: Sequence[str], polygon: Polygon | None) -> tuple[Line, ...]:
    """Lines that share one box, each with an even band of it from the top down.

    Models that tell the place of a block do not tell those of its lines.
    """
    if polygon is None or len(polygon) != 4:
        return tuple(Line(text, polygon) for text in texts)
    return tuple(
        Line(text, _band(polygon, index / len(texts), (index + 1) / len(texts)))
        for index, text in enumerate(texts)
    )


def _band(polygon: Polygon, start: float, end: float) -> Polygon:
    """The part of a quadrilateral between two shares of its height."""
    one, two, three, four = polygon
    return (
        _between(one, four, start),
        _between(two, three, start),
        _between(two, three, end),
        _between(one, four, end),
    )


def _between(start: Point, end: Point, share: float) -> Point:
    if share <= 0:
        return start
    return (
        end
        if share >= 1
        else Point(start.x + (end.x - start.x) * share, start.y + (end.y - start.y) * share)
    )


def _scaled(value: float, extent: float, size: int) -> float:
    return min(max(value * size / extent, 0.0), float(size))


def _numbers(value: object, depth: int) -> Iterator[float]:
    if isinstance(value, str):
        yield from (float(match[0]) for match in _NUMBER.finditer(value[:400]))
    elif isinstance(value, list) and depth:
        for part in value[:9]:
            yield from _numbers(part, depth - 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield _bounded(value)


def _bounded(value: float) -> float:
    """A number that arithmetic can bear: JSON knows integers without end, and NaN."""
    return float(min(max(value, -1e9), 1e9)) if value == value else 0.0  # noqa: PLR0124

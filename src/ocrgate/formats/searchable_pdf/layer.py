"""The unseen text of a page as a PDF content stream.

Every word is set on the line's baseline, as high as the line and exactly as wide as the word
(horizontal scaling, ``Tz``), in text rendering mode 3, which paints nothing. Spaces are set, too,
so that readers which trust characters more than places still see words.
"""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ocrgate.domain.recognition import Line, Point, Polygon
from ocrgate.formats.characters import is_leftward, is_spaceless, width
from ocrgate.formats.placement import Frame, PlacedWord, frame, has_text, place, placed_words
from ocrgate.formats.searchable_pdf.glyphs import GlyphTable

_LEAST = 0.01  # pixels, points or percent: below, a number would be written as zero
_TALL = 2.0  # a box so much higher than wide with several characters holds a column of them


class Affine(NamedTuple):
    """``x' = a x + c y + e``, ``y' = b x + d y + f``, the six numbers of a PDF matrix."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def point(self, point: Point) -> Point:
        """Where a point goes."""
        return Point(
            self.a * point.x + self.c * point.y + self.e,
            self.b * point.x + self.d * point.y + self.f,
        )

    def vector(self, vector: Point) -> Point:
        """Where a direction goes."""
        return Point(self.a * vector.x + self.c * vector.y, self.b * vector.x + self.d * vector.y)


def text_layer(
    lines: Iterable[Line], matrix: Affine, glyphs: GlyphTable, *, font: str = "ocrgate"
) -> bytes:
    """The content stream; ``matrix`` leads from pixels of the page as displayed to user space.

    ``font`` is the name of the font of ``glyphs`` in the page's resources.

    Raises:
        InvalidRequest: a line has no place.
    """
    body = "".join(_line(line, matrix, glyphs, font) for line in lines if has_text(line))
    return f"q\nBT\n3 Tr\n{body}ET\nQ\n".encode("ascii") if body else b""


def _line(line: Line, matrix: Affine, glyphs: GlyphTable, font: str) -> str:
    axis = _axis(line)
    along, up = matrix.vector(axis.along), matrix.vector(axis.up)
    size = max(axis.height, _LEAST) * math.hypot(*up)
    turn = " ".join(map(_number, (*_unit(along), *_unit(up))))
    parts = [f"/{font} {_number(size)} Tf\n"]
    for word in placed_words(line):
        start, end = _extent(word.polygon, axis)
        stretch = max(end - start, _LEAST) / width(word.text)  # pixels per thousandth
        shown, before = _shown(word)
        origin = matrix.point(_on_baseline(axis, start - before * stretch))
        percent = max(100_000 * stretch * math.hypot(*along) / size, _LEAST)
        parts.append(
            f"{turn} {_number(origin.x)} {_number(origin.y)} Tm\n"
            f"{_number(percent)} Tz {glyphs.encode(shown)} Tj\n"
        )
    return "".join(parts)


def _shown(word: PlacedWord) -> tuple[str, int]:
    """A word's characters from left to right, and the width of what stands left of the word.

    The space belongs to the word: set on its own, on a page that is turned, PDFium takes it for
    a new line. The last word of a line has one too, unless its script knows none. Words read
    from right to left are set from left to right, as readers expect, and undo.
    """
    space = " " if word.spaced or not is_spaceless(word.text[-1]) else ""
    if is_leftward(word.text):
        return space + word.text[::-1], width(space)
    return word.text + space, 0


def _axis(line: Line) -> Frame:
    """The line's frame; a column of upright characters is read along its height."""
    across = frame(place(line))
    text = line.text.strip()
    tall = across.height > _TALL * across.length and len(text) > 1
    if not tall or not all(map(is_spaceless, text.replace(" ", ""))):
        return across
    down = Point(-across.up.x, -across.up.y)
    top = Point(
        across.origin.x + across.up.x * across.height,
        across.origin.y + across.up.y * across.height,
    )
    return Frame(top, down, across.height, across.length)


def _extent(polygon: Polygon, axis: Frame) -> tuple[float, float]:
    """Start and end of a polygon on the axis, in pixels from its origin."""
    places = [
        (point.x - axis.origin.x) * axis.along.x + (point.y - axis.origin.y) * axis.along.y
        for point in polygon
    ]
    return min(places), max(places)


def _on_baseline(axis: Frame, distance: float) -> Point:
    start, _ = axis.baseline()
    return Point(start.x + axis.along.x * distance, start.y + axis.along.y * distance)


def _unit(vector: Point) -> Iterator[float]:
    length = math.hypot(*vector) or 1.0
    return (component / length for component in vector)


def _number(value: float) -> str:
    """A PDF real: no exponent, no needless digits."""
    text = f"{value:.5f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text

"""ALTO 4.4, the layout XML of libraries and archives.

Coordinates are whole pixels of the page as displayed. Blocks become ``TextBlock``, lines
``TextLine`` with ``BASELINE``, words ``String`` with ``WC``, and the white space between two
words ``SP``. Lines and words that are not level also carry their polygon as ``Shape``.
"""

import math
from collections.abc import Iterator
from itertools import zip_longest
from xml.sax.saxutils import quoteattr

from ocrgate import __version__
from ocrgate.domain.recognition import (
    Block,
    Box,
    Line,
    PageReading,
    Point,
    Polygon,
    bounding_box,
)
from ocrgate.formats.placement import (
    PlacedWord,
    frame,
    has_text,
    place,
    placed_words,
    with_places,
)

_LEVEL = 1.0  # degrees; below, a box says it all

_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://www.loc.gov/standards/alto/ns-v4# \
http://www.loc.gov/standards/alto/v4/alto-4-4.xsd" SCHEMAVERSION="4.4">
<Description>
<MeasurementUnit>pixel</MeasurementUnit>
<Processing ID="processing_1">
<processingCategory>contentGeneration</processingCategory>
<processingSoftware>
<softwareName>ocrgate</softwareName>
<softwareVersion>{version}</softwareVersion>
</processingSoftware>
</Processing>
</Description>
<Layout>
"""

FOOT = "</Layout>\n</alto>\n"


def head() -> str:
    """Everything before the first page."""
    return _HEAD.format(version=__version__)


def page_alto(reading: PageReading, language: str | None = None) -> str:
    """One page, its lines that have a place; ``language`` is a BCP 47 tag.

    Raises:
        InvalidRequest: no line has one.
    """
    return "\n".join(_page(with_places(reading), language)) + "\n"


def _page(reading: PageReading, language: str | None) -> Iterator[str]:
    number = reading.number
    lang = f" LANG={quoteattr(language)}" if language else ""
    turn = f' ROTATION="{reading.rotation}"' if reading.rotation else ""
    size = f'WIDTH="{reading.width}" HEIGHT="{reading.height}"'
    yield (
        f'<Page ID="page_{number}" PHYSICAL_IMG_NR="{number}" {size}{turn}{lang}'
        ' PROCESSINGREFS="processing_1">'
    )
    yield f'<PrintSpace HPOS="0" VPOS="0" {size}>'
    for index, block in enumerate(reading.blocks, 1):
        yield from _block(block, f"{number}_{index}")
    yield "</PrintSpace>"
    yield "</Page>"


def _block(block: Block, ident: str) -> Iterator[str]:
    lines = [line for line in block.lines if has_text(line)]
    if not lines:
        return
    box = bounding_box(tuple(point for line in lines for point in place(line)))
    yield f'<TextBlock ID="block_{ident}" {_position(box)}>'
    for index, line in enumerate(lines, 1):
        yield from _line(line, f"{ident}_{index}")
    yield "</TextBlock>"


def _line(line: Line, ident: str) -> Iterator[str]:
    polygon = place(line)
    box = bounding_box(polygon)
    baseline = _points(frame(polygon).baseline())
    yield f'<TextLine ID="line_{ident}" {_position(box)} BASELINE="{baseline}">{_shape(polygon)}'
    words = placed_words(line)
    for index, (word, following) in enumerate(zip_longest(words, words[1:]), 1):
        yield _string(word, f"{ident}_{index}")
        if word.spaced and following is not None:
            yield _space(word.box, following.box)
    yield "</TextLine>"


def _string(word: PlacedWord, ident: str) -> str:
    wc = "" if word.confidence is None else f' WC="{_share(word.confidence):.4f}"'
    start = f'<String ID="string_{ident}" {_position(word.box)}{wc} CONTENT={quoteattr(word.text)}'
    shape = _shape(word.polygon)
    return f"{start}>{shape}</String>" if shape else f"{start}/>"


def _space(before: Box, after: Box) -> str:
    gap = max(round(after.x1) - round(before.x2), 0)
    return f'<SP HPOS="{round(before.x2)}" VPOS="{round(before.y1)}" WIDTH="{gap}"/>'


def _shape(polygon: Polygon) -> str:
    if abs(frame(polygon).degrees) < _LEVEL:
        return ""
    return f'<Shape><Polygon POINTS="{_points(polygon)}"/></Shape>'


def _points(points: tuple[Point, ...]) -> str:
    return " ".join(f"{round(point.x)},{round(point.y)}" for point in points)


def _position(box: Box) -> str:
    left, top, right, bottom = (round(number) for number in box)
    return f'HPOS="{left}" VPOS="{top}" WIDTH="{right - left}" HEIGHT="{bottom - top}"'


def _share(confidence: float) -> float:
    return min(max(confidence, 0.0), 1.0) if math.isfinite(confidence) else 0.0

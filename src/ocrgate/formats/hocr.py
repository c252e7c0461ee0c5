"""hOCR 1.2: XHTML whose ``title`` attributes say where each word stands.

Blocks become ``ocr_carea`` with one ``ocr_par``, lines ``ocr_line``, words ``ocrx_word``. Boxes
are whole pixels of the page as displayed. A line less than 45 degrees off level carries
``baseline`` (slope and offset from the bottom-left corner of its box), any other ``textangle``
(degrees, counter-clockwise).
"""

import math
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from ocrgate import __version__
from ocrgate.domain.recognition import Block, Box, Line, PageReading, bounding_box
from ocrgate.formats.placement import PlacedWord, frame, place, placed_words, with_places

_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" \
"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"{language}>
<head>
<title>Recognized text</title>
<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
<meta name="ocr-system" content="ocrgate {version}"/>
<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf"/>
</head>
<body>
"""

FOOT = "</body>\n</html>\n"


def head(language: str | None = None) -> str:
    """Everything before the first page; ``language`` is a BCP 47 tag."""
    tag = quoteattr(language) if language else None
    attribute = f" xml:lang={tag} lang={tag}" if tag else ""
    return _HEAD.format(language=attribute, version=__version__)


def page_hocr(reading: PageReading) -> str:
    """One page, its lines that have a place.

    Raises:
        InvalidRequest: no line has one.
    """
    return "\n".join(_page(with_places(reading))) + "\n"


def _page(reading: PageReading) -> Iterator[str]:
    number = reading.number
    page_box = Box(0, 0, reading.width, reading.height)
    title = f"{_bbox(page_box)}; ppageno {number - 1}"
    yield f'<div class="ocr_page" id="page_{number}" title="{title}">'
    for index, block in enumerate(reading.blocks, 1):
        if block.lines:
            yield from _area(block, f"{number}_{index}")
    yield "</div>"


def _area(block: Block, ident: str) -> Iterator[str]:
    box = bounding_box(tuple(point for line in block.lines for point in place(line)))
    yield f'<div class="ocr_carea" id="block_{ident}" title="{_bbox(box)}">'
    yield f'<p class="ocr_par" id="par_{ident}" title="{_bbox(box)}">'
    for index, line in enumerate(block.lines, 1):
        yield _line(line, f"{ident}_{index}")
    yield "</p>"
    yield "</div>"


def _line(line: Line, ident: str) -> str:
    words = "".join(
        _word(word, f"{ident}_{index}") for index, word in enumerate(placed_words(line), 1)
    )
    return f'<span class="ocr_line" id="line_{ident}" title="{_line_title(line)}">{words}</span>'


def _word(word: PlacedWord, ident: str) -> str:
    wconf = "" if word.confidence is None else f"; x_wconf {_percent(word.confidence)}"
    text = escape(word.text) + ("</span> " if word.spaced else "</span>")
    return f'<span class="ocrx_word" id="word_{ident}" title="{_bbox(word.box)}{wconf}">{text}'


def _line_title(line: Line) -> str:
    polygon = place(line)
    box = bounding_box(polygon)
    run = frame(polygon)
    size = f"x_size {run.height:.1f}"
    if abs(run.degrees) >= 45:
        return f"{_bbox(box)}; textangle {-run.degrees:.1f}; {size}"
    start, _ = run.baseline()
    slope = math.tan(math.radians(run.degrees))
    offset = start.y + (box.x1 - start.x) * slope - box.y2
    return f"{_bbox(box)}; baseline {slope:.4f} {offset:.1f}; {size}"


def _bbox(box: Box) -> str:
    return "bbox " + " ".join(str(round(number)) for number in box)


def _percent(confidence: float) -> int:
    return round(100 * min(max(confidence, 0.0), 1.0)) if math.isfinite(confidence) else 0

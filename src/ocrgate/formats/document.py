"""The JSON form of a recognition: the body of ``POST /ocr``'s reply, less its ``request_id``."""

import math
import re
from collections.abc import Iterator
from typing import Any

from ocrgate.domain.recognition import (
    Line,
    PageReading,
    Polygon,
    Recognition,
    Usage,
    Word,
    bounding_box,
)
from ocrgate.formats.characters import REPLACEMENT

_SURROGATES = re.compile("[\ud800-\udfff]")

Json = dict[str, Any]


def document_json(recognition: Recognition, *, words: bool = False) -> Json:
    """Everything that was recognized, as values that any JSON encoder takes.

    ``results`` holds one entry per line in reading order: ``bbox`` is ``[x1, y1, x2, y2]`` and
    ``polygon`` four ``[x, y]``, clockwise from the text's own top left, in pixels of the source
    page with one decimal, both None where the engine gives no places. Pages count from 1 in
    ``page`` and ``index``. With ``words`` every result also lists its words.
    """
    pages = [page_json(page) for page in recognition.pages]
    return {
        "text": "\f".join(page["text"] for page in pages),  # rows are found once
        "results": [
            entry for page in recognition.pages for entry in results_json(page, words=words)
        ],
        "pages": pages,
        "engine": recognition.engine,
        "usage": usage_json(recognition.usage),
    }


def results_json(page: PageReading, *, words: bool) -> Iterator[Json]:
    """The lines of one page."""
    for line in page.lines():
        entry = _placed(line) | {"page": page.number}
        yield entry | {"words": [_placed(word) for word in line.words]} if words else entry


def page_json(page: PageReading) -> Json:
    """One page without its lines."""
    return {
        "index": page.number,
        "text": _text(page.text),
        "width": page.width,
        "height": page.height,
        "rotation": page.rotation,
        "warnings": [str(warning) for warning in page.warnings],
        "degraded": list(page.degraded),
        "fields": page.fields,
    }


def usage_json(usage: Usage) -> Json:
    """What it cost."""
    return {
        "pages": usage.pages,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
    }


def _placed(item: Line | Word) -> Json:
    polygon: Polygon | None = item.polygon
    return {
        "text": _text(item.text),
        "bbox": _rounded(bounding_box(polygon)) if polygon else None,
        "polygon": [_rounded(point) for point in polygon] if polygon else None,
        "confidence": _confidence(item.confidence),
    }


def _rounded(numbers: tuple[float, ...]) -> list[float]:
    return [round(float(number), 1) for number in numbers]


def _confidence(value: float | None) -> float | None:
    return round(float(value), 4) if value is not None and math.isfinite(value) else None


def _text(text: str) -> str:
    """JSON carries every character but half ones, which have no UTF-8 form."""
    return text if text.isascii() else _SURROGATES.sub(REPLACEMENT, text)

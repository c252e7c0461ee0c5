"""What was read, as an HTTP answer in the format asked for."""

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import msgspec
from starlette.responses import Response

from ocrgate.domain.recognition import Recognition
from ocrgate.formats import Format, document_json, render
from ocrgate.gateway.exchange import Exchange

T = TypeVar("T")

WARNINGS = "x-ocr-warnings"
"""Header with the warnings of all pages, each once; absent without any."""

DEGRADED = "x-ocr-degraded"
"""Header with what the pages got less of, each once; absent where they got all."""

_encode = msgspec.json.Encoder().encode
_MANY_LINES = 200
"""From so many lines on, writing takes long enough (5 ms) to be felt by others on the loop."""

_ACCEPTED = {
    "text/plain": Format.TEXT,
    "text/markdown": Format.MARKDOWN,
    "text/html": Format.HOCR,
    "text/vnd.hocr+html": Format.HOCR,
    "application/xml": Format.ALTO,
    "application/alto+xml": Format.ALTO,
    "application/pdf": Format.PDF,
    "application/json": Format.JSON,
}


def chosen_format(named: str | None, accept: str) -> Format:
    """The format that was named, else the best one that ``Accept`` lists, else JSON.

    Raises:
        InvalidRequest: there is no format of that name.
    """
    if named:
        return Format.parse(named)
    ranked = sorted(_accepted(accept), key=lambda pair: -pair[0])
    return next((_ACCEPTED.get(media, Format.JSON) for weight, media in ranked), Format.JSON)


def _accepted(accept: str) -> list[tuple[float, str]]:
    """Media types we write, with their weights; wildcards and strangers are left out."""
    found = []
    for part in accept.lower().split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((_weight(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        if media in _ACCEPTED and weight > 0:
            found.append((weight, media))
    return found


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def json_answer(value: Any, exchange: Exchange, recognition: Recognition | None = None) -> Response:
    """Any value of the contract as JSON, with the caller's quota in the headers, and what to know
    of the text that it was made of.
    """
    told = doubts(recognition) if recognition is not None else {}
    headers = {**exchange.quota, **told}
    return Response(_encode(value), media_type="application/json", headers=headers)


async def written(
    recognition: Recognition, kind: Format, exchange: Exchange, language: str | None = None
) -> Response:
    """A recognition in any format but PDF; ``language`` is the caller's hint, for hOCR and ALTO.

    Raises:
        InvalidRequest: the format needs places and the engine gave none.
    """
    begun = time.perf_counter()
    body = await composed(recognition, partial(_write, kind, exchange.request_id, language))
    exchange.timing["parse"] = time.perf_counter() - begun
    headers = {"vary": "accept", **exchange.quota, **doubts(recognition)}
    return Response(body, media_type=kind.media_type, headers=headers)


def doubts(recognition: Recognition) -> dict[str, str]:
    """What to know of the text, for formats that have no place for it."""
    pages = recognition.pages
    told: dict[str, Iterable[str]] = {
        WARNINGS: dict.fromkeys(warning for page in pages for warning in page.warnings),
        DEGRADED: dict.fromkeys(rung for page in pages for rung in page.degraded),
    }
    return {name: ", ".join(each) for name, each in told.items() if each}


async def composed(recognition: Recognition, compose: Callable[[Recognition], T]) -> T:
    """What ``compose`` makes of a recognition; in a thread when there is much of it."""
    blocks = (block for page in recognition.pages for block in page.blocks)
    if sum(len(block.lines) for block in blocks) < _MANY_LINES:
        return compose(recognition)
    return await asyncio.to_thread(compose, recognition)


def _write(kind: Format, request_id: str, language: str | None, recognition: Recognition) -> bytes:
    if kind is Format.JSON:
        return _encode(document_json(recognition) | {"request_id": request_id})
    return render(recognition, kind, language=language).encode()

"""Documents that travel as text: base64 or data URIs, strictly."""

import binascii
import re

import pybase64

from ocrgate.errors import InvalidRequest

_DATA_URI = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]{0,11}:|[./~\\]|[\w ./\\-]+\.[a-z]{2,5}$", re.IGNORECASE)
_CLEAN = str.maketrans("-_", "+/", " \t\r\n")


def decode(text: str, field: str) -> bytes:
    """The bytes behind ``text``. Line breaks and the URL-safe alphabet are understood.

    Args:
        text: base64, or a ``data:TYPE;base64,`` URI.
        field: the input's name, for errors.

    Raises:
        InvalidRequest: it is neither; URLs and paths are not fetched.
    """
    head = _DATA_URI.match(text)
    payload = text[head.end() :] if head else text
    if not payload:
        raise InvalidRequest("it is empty", field=field)
    try:
        return pybase64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        return _leniently(payload, field)


def _leniently(payload: str, field: str) -> bytes:
    """Only after the strict way failed: without white space, URL-safe letters mapped, padded."""
    cleaned = payload.translate(_CLEAN)
    try:
        return pybase64.b64decode(cleaned + "=" * (-len(cleaned) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _neither(payload[:1024], field) from None


def _neither(start: str, field: str) -> InvalidRequest:
    if start.lower().startswith("data:"):
        return InvalidRequest("a data URI must read data:TYPE;base64,DATA", field=field)
    if _ELSEWHERE.match(start):
        return InvalidRequest(
            "URLs and paths are not fetched here; send the document itself, "
            "as base64, as a data URI or as a file",
            field=field,
        )
    return InvalidRequest("it is not valid base64", field=field)

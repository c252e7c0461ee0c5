"""JSON bodies into structs, with errors that name the field."""

import asyncio
import difflib
import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from ocrgate.errors import InvalidRequest

T = TypeVar("T")

OFF_LOOP_BYTES = 2**20
"""Above this size decoding takes long enough to be felt by others on the loop."""

MOST_VALUES = 100_000
"""Objects, lists and what stands between their commas. Decoding lets nothing else run, and costs
many times the memory of the body when that is made of millions of them."""

_LONGEST = 300  # characters of a complaint; it may quote what was sent, which has no bound
_PLACE = re.compile(r"^(.*?) - at `(?:key in )?\$?\.?([^`]*)`$", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]{1,100})`")
_NAMED = re.compile(r"(?:missing required field|contains unknown field) `([^`]{1,100})`")


async def off_loop(size: int, work: Callable[[], T]) -> T:
    """Run ``work`` here, or in a thread when ``size`` bytes make it slow."""
    return await asyncio.to_thread(work) if size > OFF_LOOP_BYTES else work()


def decode_json(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """``body`` as the decoder's struct.

    Raises:
        InvalidRequest: it is not JSON, not of that shape, or of too many values; names the field.
    """
    check_values(body)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as raised:
        raise invalid(raised, decoder.type) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as raised:
        reason = "it is nested too deeply" if isinstance(raised, RecursionError) else str(raised)
        raise InvalidRequest(f"the body is not valid JSON: {reason}", field="body") from None


def check_values(body: bytes) -> None:
    """Judge a JSON body before it is decoded.

    Raises:
        InvalidRequest: it has more than ``MOST_VALUES``, by its commas and brackets (those inside
            of texts count too).
    """
    if sum(map(body.count, (b",", b"{", b"["))) > MOST_VALUES:
        raise InvalidRequest(
            "the JSON has too many values", field="body", limit=f"{MOST_VALUES} values"
        )


def invalid(raised: msgspec.ValidationError, kind: Any = None) -> InvalidRequest:
    """The same complaint with the field apart from the words.

    Args:
        raised: what was complained of.
        kind: what was to be made of the input; tells which fields there are.
    """
    text = _shortened(str(raised))
    if (unknown := _UNKNOWN.fullmatch(text)) is not None:
        return InvalidRequest(_unknown(unknown[1], kind), field=unknown[1])
    named = _NAMED.search(text)
    if named is not None:
        return InvalidRequest(text, field=named[1])
    place = _PLACE.match(text)
    if place is None:
        return InvalidRequest(text, field="body")
    return InvalidRequest(place[1], field=place[2] or "body")


def _unknown(name: str, kind: Any) -> str:
    is_struct = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    known = [field.encode_name for field in msgspec.structs.fields(kind)] if is_struct else []
    close = difflib.get_close_matches(name, known, n=1)
    there = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"
    return f"there is no field {name}{there if known else ''}"


def _shortened(text: str) -> str:
    """Both ends, of which the last names the field."""
    return text if len(text) <= _LONGEST else f"{text[:100]}...{text[-150:]}"

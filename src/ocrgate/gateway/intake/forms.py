"""The three forms of ``POST /ocr``: JSON, multipart, and the bare bytes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request

from ocrgate.domain.document import Document, MediaType
from ocrgate.errors import InvalidRequest, UnsupportedMedia
from ocrgate.gateway.intake import base64
from ocrgate.gateway.intake.chunks import chunks, whole
from ocrgate.gateway.intake.decoding import decode_json, invalid, off_loop
from ocrgate.gateway.intake.multipart import read_form
from ocrgate.gateway.intake.splice import splice
from ocrgate.wire.ocr import OcrOptions, OcrRequest

JSON = "application/json"
MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
"""What curl says of any file after ``--data-binary``, and of whatever follows ``-d``."""

RAW = frozenset(
    {
        *MediaType,
        "image/jpg",
        "image/heif",
        "application/octet-stream",
        URLENCODED,
        "",
    }
)
"""Content types of bare bytes. What they are is decided by looking, not by this."""

_PNG_WITHOUT_ENDS = b"\x89PNG\x1a"
_PAIR = re.compile(rb"\w{1,30}=")
_NEVER_WITHOUT_ENDS = (b"\xff\xd8\xff", b"%PDF-")
_LONG = 4096  # bytes; one in 10^13 strings of random bytes is as long and has no line end

_ocr_request = msgspec.json.Decoder(OcrRequest)
_NO_OPTIONS = OcrOptions()


@dataclass(frozen=True, slots=True)
class Order:
    """A document and what is asked of it."""

    document: Document
    options: OcrOptions


async def read_order(request: Request) -> Order:
    """Read the body of ``POST /ocr``, whichever form it has.

    Raises:
        InvalidRequest: names the field.
        UnsupportedMedia: the content type is none of the three forms.
        PayloadTooLarge, Overloaded: a bound of the body was passed.
        ClientGone: the client hung up before the end.
    """
    media = media_of(request)
    if media == JSON:
        _no_query(request)
        return await _from_json(request)
    if media == MULTIPART:
        _no_query(request)
        return await _from_form(request)
    if media in RAW or media.startswith("image/"):
        return await _from_bytes(request, media)
    raise UnsupportedMedia(
        f"{media} is not read here; send {JSON}, {MULTIPART} or an image or PDF",
        field="Content-Type",
    )


def media_of(request: Request) -> str:
    """The content type without its parameters, in small letters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _from_json(request: Request) -> Order:
    body = await whole(request.receive)
    return await off_loop(len(body), lambda: _json_order(body))


def _json_order(body: bytes) -> Order:
    spliced = splice(body)
    if spliced is not None:
        options, data = spliced
        return Order(Document(data=data), options)
    asked = decode_json(_ocr_request, body)
    return Order(Document(data=base64.decode(asked.image, "image")), asked)


async def _from_form(request: Request) -> Order:
    form = await read_form(request.headers["content-type"], chunks(request.receive))
    data = await off_loop(form.size, lambda: form.file)
    document = Document(data=data, name=form.filename)
    return Order(document, options_of(form.fields))


async def _from_bytes(request: Request, media: str) -> Order:
    options = options_of(_once(request))
    data = await whole(request.receive)
    if not data:
        raise InvalidRequest("the body is empty", field="body")
    if media == URLENCODED:
        _refuse_spoiled(data)
    return Order(Document(data=data), options)


def _once(request: Request) -> dict[str, str]:
    """The query, in which no name comes twice.

    Raises:
        InvalidRequest: one does, as in a form.
    """
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise InvalidRequest("it is given twice", field=name[:100])
        given[name] = value
    return given


def _refuse_spoiled(data: bytes) -> None:
    """Say what went wrong where curl was asked with ``-d``, rather than that a file is damaged.

    Raises:
        InvalidRequest: it took out the line ends, or the name of a file is all there is.
    """
    ends = b"\n" in data or b"\r" in data
    bare = not ends and len(data) >= _LONG and data.startswith(_NEVER_WITHOUT_ENDS)
    if bare or data.startswith(_PNG_WITHOUT_ENDS):
        raise InvalidRequest(
            "the file lost its line ends on the way; send it with curl's --data-binary, not -d",
            field="body",
        )
    if len(data) < _LONG and _PAIR.match(data):
        raise InvalidRequest(
            "this is a form without a file; send one as multipart/form-data (curl -F "
            "file=@page.png), or its bytes alone",
            field="body",
        )


def options_of(fields: Mapping[str, str]) -> OcrOptions:
    """Options given as text; an empty one counts as not given.

    Raises:
        InvalidRequest: a name or a value is not known.
    """
    given: dict[str, Any] = {name: value for name, value in fields.items() if value}
    if not given:
        return _NO_OPTIONS
    if "keys" in given:
        given["keys"] = _listed(given["keys"])
    if "schema" in given:
        given["schema"] = _parsed(given["schema"], "schema")
    try:
        return msgspec.convert(given, OcrOptions, strict=False)
    except msgspec.ValidationError as raised:
        raise invalid(raised, OcrOptions) from None


def _listed(text: str) -> Any:
    """Names separated by commas, or a JSON array of them."""
    if text.lstrip().startswith("["):
        return _parsed(text, "keys")
    return [name for part in text.split(",") if (name := part.strip())]


def _parsed(text: str, field: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidRequest("it is not JSON", field=field) from None


def _no_query(request: Request) -> None:
    for name in request.query_params:
        raise InvalidRequest(
            "query parameters go with bare bytes only; put it into the body", field=name[:100]
        )

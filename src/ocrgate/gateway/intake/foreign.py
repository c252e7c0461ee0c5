"""Documents inside of requests of other contracts: always data URIs, never fetched."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import msgspec
from starlette.requests import Request

from ocrgate.domain.document import Document
from ocrgate.errors import InvalidRequest, UnsupportedMedia
from ocrgate.gateway.intake import base64
from ocrgate.gateway.intake.chunks import whole
from ocrgate.gateway.intake.decoding import decode_json, off_loop
from ocrgate.gateway.intake.forms import JSON, media_of
from ocrgate.wire.mistral import MistralDocument, MistralRequest, UrlHolder
from ocrgate.wire.openai import ChatMessage, ChatRequest, ContentPart

_mistral = msgspec.json.Decoder(MistralRequest)
_chat = msgspec.json.Decoder(ChatRequest)

T = TypeVar("T")


async def read_json(request: Request, order: Callable[[bytes], T]) -> T:
    """The body of a request as ``order`` reads it.

    Raises:
        UnsupportedMedia: it is not sent as JSON.
        InvalidRequest: names the field.
        PayloadTooLarge, Overloaded: a bound of the body was passed.
        ClientGone: the client hung up before the end.
    """
    if media_of(request) != JSON:
        raise UnsupportedMedia(f"send {JSON}", field="Content-Type")
    body = await whole(request.receive)
    return await off_loop(len(body), partial(order, body))


def mistral_order(body: bytes) -> tuple[MistralRequest, Document]:
    """The request of ``POST /v1/ocr`` and its document.

    Raises:
        InvalidRequest: names the field.
    """
    asked = decode_json(_mistral, body)
    for name in ("bbox_annotation_format", "document_annotation_format"):
        if getattr(asked, name) is not None:
            raise InvalidRequest("annotations are not made here", field=name)
    field, text = _mistral_source(asked.document)
    data = base64.decode(text, f"document.{field}")
    return asked, Document(data=data, name=asked.document.document_name)


def _mistral_source(document: MistralDocument) -> tuple[str, str]:
    if document.file_id is not None:
        raise InvalidRequest(
            "files are not stored here; send the document as a data URI", field="document.file_id"
        )
    image = document.image_url
    sources = {
        "image_url": image.url if isinstance(image, UrlHolder) else image,
        "document_url": document.document_url,
    }
    given = {name: text for name, text in sources.items() if text is not None}
    if len(given) != 1:
        raise InvalidRequest(
            "give either image_url or document_url, as a data URI", field="document"
        )
    return given.popitem()


def mistral_pages(pages: str | list[int] | None) -> str | None:
    """Mistral's 0-based pages as our 1-based string.

    Raises:
        InvalidRequest: the string is not made of numbers and ranges.
    """
    if pages is None:
        return None
    if isinstance(pages, list):
        if not pages:
            raise InvalidRequest("no page was asked for", field="pages")
        return ",".join(str(page + 1) for page in pages)
    return ",".join(_shifted(part.strip()) for part in pages.split(","))


def _shifted(part: str) -> str:
    try:
        return "-".join(str(_page(bound) + 1) for bound in part.split("-", maxsplit=1))
    except ValueError:
        raise InvalidRequest(
            f"{part[:40]!r} is not a 0-based page or range such as 0 or 0-2", field="pages"
        ) from None


def _page(text: str) -> int:
    if not text.strip().isdecimal() or len(text) > 7:
        raise ValueError(text)
    return int(text)


def chat_order(body: bytes) -> tuple[ChatRequest, Document]:
    """The request of ``POST /v1/chat/completions`` and its one document.

    Raises:
        InvalidRequest: names the field.
    """
    asked = decode_json(_chat, body)
    if asked.n not in {None, 1}:
        raise InvalidRequest("one answer is given", field="n", limit="1")
    sources = list(_chat_sources(asked.messages))
    if len(sources) != 1:
        told = (
            f"one image or file is read per request, and a message has {len(sources)}"
            if sources
            else "no message has an image: send one as image_url with a data URI, or a file"
        )
        raise InvalidRequest(told, field="messages", limit="1 image")
    field, text, name = sources[0]
    return asked, Document(data=base64.decode(text, field), name=name)


def _chat_sources(messages: list[ChatMessage]) -> Iterator[tuple[str, str, str | None]]:
    """Field, data URI and file name of each image of the last message that has any."""
    for index in range(len(messages) - 1, -1, -1):
        content = messages[index].content
        parts = content if isinstance(content, list) else []
        found = [
            source
            for place, part in enumerate(parts)
            if (source := _part_source(part, f"messages[{index}].content[{place}]"))
        ]
        if found:
            yield from found
            return


def _part_source(part: ContentPart, place: str) -> tuple[str, str, str | None] | None:
    if part.image_url is not None:
        url = part.image_url if isinstance(part.image_url, str) else part.image_url.url
        return f"{place}.image_url", url, None
    if part.file is None:
        return None
    if part.file.file_data is None:
        raise InvalidRequest(
            "files are not stored here; send file_data as a data URI", field=f"{place}.file"
        )
    return f"{place}.file.file_data", part.file.file_data, part.file.filename

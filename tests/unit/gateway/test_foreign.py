"""Requests of other contracts."""

import base64
import json
from typing import Any

import pytest

from ocrgate.errors import InvalidRequest
from ocrgate.gateway.intake.foreign import chat_order, mistral_order, mistral_pages

DATA = b"bytes of a page"
URI = "data:image/png;base64," + base64.b64encode(DATA).decode()


def mistral(document: dict[str, Any], **more: Any) -> bytes:
    """A request of Mistral's contract."""
    return json.dumps({"model": "mistral-ocr-latest", "document": document, **more}).encode()


def chat(*content: Any, **more: Any) -> bytes:
    """A request of OpenAI's contract whose user message has these parts."""
    return json.dumps({"messages": [{"role": "user", "content": list(content)}], **more}).encode()


IMAGE = {"type": "image_url", "image_url": {"url": URI}}


@pytest.mark.parametrize(
    "document",
    [
        {"type": "image_url", "image_url": URI},
        {"type": "image_url", "image_url": {"url": URI, "detail": "high"}},
        {"type": "document_url", "document_url": URI, "document_name": "a.pdf"},
        {"document_url": URI},
    ],
)
def test_each_spelling_of_a_document_is_read(document: dict[str, Any]) -> None:
    """Whatever the official client sends inline is understood."""
    assert mistral_order(mistral(document))[1].data == DATA


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"type": "image_url", "image_url": "https://example.com/a.png"}, "document.image_url"),
        ({"type": "document_url", "document_url": "http://h/a.pdf"}, "document.document_url"),
        ({"type": "file", "file_id": "abc"}, "document.file_id"),
        ({"type": "image_url"}, "document"),
        ({"image_url": URI, "document_url": URI}, "document"),
        ({"type": "video_url"}, "document.type"),
        ("x", "document"),
    ],
)
def test_documents_that_are_elsewhere_are_refused(document: Any, field: str) -> None:
    """Nothing is fetched and nothing is stored, and the caller learns which field is meant."""
    with pytest.raises(InvalidRequest) as caught:
        mistral_order(mistral(document))
    assert caught.value.field == field


def test_annotations_are_refused_rather_than_left_out() -> None:
    """A reply without what was asked for would look complete."""
    with pytest.raises(InvalidRequest) as caught:
        mistral_order(mistral({"image_url": URI}, document_annotation_format={"type": "x"}))
    assert caught.value.field == "document_annotation_format"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(None, None), ([0], "1"), ([4, 0], "5,1"), ("0", "1"), ("0-2, 5", "1-3,6")],
)
def test_pages_count_from_zero_there_and_from_one_here(theirs: Any, ours: str | None) -> None:
    """The off-by-one between the contracts is ours to bridge."""
    assert mistral_pages(theirs) == ours


@pytest.mark.parametrize("pages", [[0] * 4097, "0," * 2049])
def test_pages_without_end_are_refused(pages: Any) -> None:
    """They are looked at one by one, while nothing else is."""
    with pytest.raises(InvalidRequest) as caught:
        mistral_order(mistral({"document_url": URI}, pages=pages))
    assert caught.value.field == "pages"


@pytest.mark.parametrize("pages", [[], "", "x", "1-", "-1", "1--2", "99999999", "²"])
def test_misspelled_pages_are_refused(pages: Any) -> None:
    """A range that means nothing is an error, not all pages."""
    with pytest.raises(InvalidRequest) as caught:
        mistral_pages(pages)
    assert caught.value.field == "pages"


@pytest.mark.parametrize(
    "part",
    [
        IMAGE,
        {"type": "image_url", "image_url": URI},
        {"type": "file", "file": {"file_data": URI, "filename": "a.pdf"}},
    ],
)
def test_the_image_is_found_among_the_text(part: Any) -> None:
    """Words around the image do not matter."""
    order, document = chat_order(chat({"type": "text", "text": "read"}, part, temperature=2))
    assert document.data == DATA
    assert order.stream is False


def test_the_last_message_with_an_image_counts() -> None:
    """A conversation that goes on is about its latest picture."""
    earlier = {"role": "user", "content": [IMAGE, IMAGE]}
    later = {"role": "user", "content": [IMAGE]}
    words = {"role": "user", "content": "and again?"}
    body = json.dumps({"messages": [earlier, later, words]}).encode()
    assert chat_order(body)[1].data == DATA


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (chat(), "messages"),
        (chat({"type": "text", "text": "hello"}), "messages"),
        (chat(IMAGE, IMAGE), "messages"),
        (chat(IMAGE, n=2), "n"),
        (
            chat({"type": "image_url", "image_url": {"url": "https://h/a.png"}}),
            "messages[0].content[0].image_url",
        ),
        (chat({"type": "file", "file": {"file_id": "f"}}), "messages[0].content[0].file"),
        (b'{"messages": []}', "messages"),
        (b"{}", "messages"),
    ],
)
def test_a_conversation_that_cannot_be_read_names_the_field(body: bytes, field: str) -> None:
    """No image, two images, an image elsewhere: a typed error each time."""
    with pytest.raises(InvalidRequest) as caught:
        chat_order(body)
    assert caught.value.field == field


def test_fields_that_could_harm_others_never_leave_the_decoder() -> None:
    """Only fields on the list exist behind it, whatever a client sends."""
    harmful = {"priority": -9, "cache_salt": "x", "vllm_xargs": {}, "mm_processor_kwargs": {"a": 1}}
    order, _ = chat_order(chat(IMAGE, **harmful))
    assert set(order.__struct_fields__).isdisjoint(harmful)

"""JSON bodies into structs."""

import threading

import msgspec
import pytest

from ocrgate.errors import InvalidRequest
from ocrgate.gateway.intake.decoding import OFF_LOOP_BYTES, decode_json, off_loop
from ocrgate.gateway.intake.forms import options_of
from ocrgate.wire.ocr import OcrRequest
from ocrgate.wire.openai import ChatRequest

OCR = msgspec.json.Decoder(OcrRequest)
CHAT = msgspec.json.Decoder(ChatRequest)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "image"),
        (b'{"image": 3}', "image"),
        (b'{"image": null}', "image"),
        (b'{"image": ["a"]}', "image"),
        (b'{"image": "QUJD", "task": "fly"}', "task"),
        (b'{"image": "QUJD", "quality": 7}', "quality"),
        (b'{"image": "QUJD", "pages": 1e999}', "pages"),
        (b'{"image": "QUJD", "langauge": "en"}', "langauge"),
        (b'{"image": "QUJD", "language": "%s"}' % (b"x" * 40), "language"),
        (b"[]", "body"),
        (b"", "body"),
        (b"null", "body"),
        (b"\xff\xfe", "body"),
        (b'{"image": "\xff"}', "body"),
        (b'{"image": "QUJD"} {}', "body"),
        (b'{"image": ' + b"[" * 90_000, "image"),
    ],
)
def test_a_bad_body_names_the_field(body: bytes, field: str) -> None:
    """Whatever is wrong with the JSON, the caller learns where."""
    with pytest.raises(InvalidRequest) as caught:
        decode_json(OCR, body)
    assert caught.value.field == field


def test_a_slip_in_a_name_is_answered_with_the_name_meant() -> None:
    """And anything else with the names that there are."""
    with pytest.raises(InvalidRequest, match=r"no field langauge; did you mean language\?"):
        decode_json(OCR, b'{"image": "QUJD", "langauge": "en"}')
    with pytest.raises(InvalidRequest, match=r"no field foo; there are .*pages, format"):
        options_of({"foo": "1"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"image": "QUJD", "task": "%b"}', "task"),
        (b'{"image": "QUJD", "%b": 1}', "body"),
        (b'{"image": "QUJD", "task": "%b - at `$.x`"}', "task"),
    ],
)
def test_a_complaint_quotes_little(body: bytes, field: str) -> None:
    """A megabyte of nonsense does not come back as a megabyte of error."""
    with pytest.raises(InvalidRequest) as caught:
        decode_json(OCR, body % (b"x" * 1_000_000))
    assert len(caught.value.detail) < 320
    assert caught.value.field == field


@pytest.mark.parametrize("part", [b"{},", b"[],", b"0,", b'"ab",', b"[[]],"])
def test_millions_of_values_are_refused_before_they_are_made(part: bytes) -> None:
    """They would take many times the memory of the body, and stop the server meanwhile."""
    body = b'{"image": "QUJD", "schema": {"a": [' + part * 100_000 + b"0]}}"
    with pytest.raises(InvalidRequest) as caught:
        decode_json(OCR, body)
    assert (caught.value.field, caught.value.limit) == ("body", "100000 values")


def test_deep_nesting_in_a_field_that_is_skipped_is_refused() -> None:
    """A body that nests ninety thousand deep is an error, not a crash."""
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        decode_json(CHAT, b'{"x": ' + b"[" * 90_000 + b"]" * 90_000 + b', "messages": []}')


def test_a_field_inside_a_list_is_named_with_its_place() -> None:
    """The path leads to the part of the conversation that is wrong."""
    body = b'{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": 4}]}]}'
    with pytest.raises(InvalidRequest) as caught:
        decode_json(CHAT, body)
    assert caught.value.field == "messages[0].content[0].image_url"


def test_the_last_of_two_equal_keys_counts() -> None:
    """Duplicate keys have one meaning, the same as in most JSON readers."""
    assert decode_json(OCR, b'{"image": "QQ==", "image": "Qg=="}').image == "Qg=="


async def test_large_work_leaves_the_event_loop() -> None:
    """Decoding a large body does not hold up the other requests."""
    here = threading.get_ident()
    assert await off_loop(OFF_LOOP_BYTES, threading.get_ident) == here
    assert await off_loop(OFF_LOOP_BYTES + 1, threading.get_ident) != here

"""The contract's types: they travel as JSON and come back the same."""

import json

import msgspec
import pytest

from ocrgate.domain.recognition import Recognition, Usage
from ocrgate.formats import document_json
from ocrgate.testing import page_reading
from ocrgate.wire.mistral import MistralRequest
from ocrgate.wire.ocr import OcrReply, OcrRequest
from ocrgate.wire.openai import ChatChunk, ChunkChoice, Delta
from ocrgate.wire.problem import Problem


def test_what_the_formatter_writes_is_the_published_reply() -> None:
    """Every member of the reply is declared, none is lost, none is made up."""
    recognition = Recognition(
        (page_reading("a\nb"), page_reading("", number=2)), "e", Usage(2, 3, 4)
    )
    written = document_json(recognition)
    reply = msgspec.convert(written, OcrReply)
    assert json.loads(msgspec.json.encode(reply)) == json.loads(msgspec.json.encode(written))


@pytest.mark.parametrize(
    "value",
    [
        Problem("/docs#gone", "Gone", 410, "it was here", "urn:x", "gone", False),
        OcrRequest(image="QQ==", pages="1-3"),
        ChatChunk(id="i", created=1, model="m", choices=[ChunkChoice(Delta(content="a"))]),
    ],
)
def test_values_survive_the_way_through_json(value: msgspec.Struct) -> None:
    """Encoding and decoding are inverse."""
    assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value


def test_our_own_contract_is_strict_and_the_others_are_not() -> None:
    """A misspelled field of ours is an error; clients of others may send what we do not know."""
    with pytest.raises(msgspec.ValidationError, match="langauge"):
        msgspec.json.decode(b'{"image": "QQ==", "langauge": "en"}', type=OcrRequest)
    more = b'{"document": {"image_url": "u", "x": 1}, "image_limit": 3, "new": {}}'
    assert msgspec.json.decode(more, type=MistralRequest).document.image_url == "u"

"""The JSON form."""

import json

from ocrgate.domain.recognition import (
    Block,
    Line,
    PageReading,
    PageWarning,
    Point,
    Recognition,
    Usage,
    Word,
)
from ocrgate.formats import Format, document_json, render

CORNERS = (Point(1.04, 2), Point(11.06, 2), Point(11.06, 8), Point(1.04, 8))


def sample() -> Recognition:
    """Two pages, one with a line that has a place, one without any."""
    line = Line("hello", CORNERS, 0.98765, (Word("hello", CORNERS, 0.9),))
    first = PageReading(3, 100, 200, (Block((line,)),), rotation=90)
    second = PageReading(
        4,
        50,
        60,
        (Block((Line("no place"),)),),
        warnings=(PageWarning.LOW_CONFIDENCE,),
        degraded=("smaller_image",),
    )
    return Recognition((first, second), "cpu/test", Usage(2, 5, 7))


def test_the_reply_has_the_documented_shape() -> None:
    """Clients find text, lines with boxes, pages, engine and usage where they were promised."""
    assert document_json(sample()) == {
        "text": "hello\fno place",
        "results": [
            {
                "text": "hello",
                "bbox": [1.0, 2.0, 11.1, 8.0],
                "polygon": [[1.0, 2.0], [11.1, 2.0], [11.1, 8.0], [1.0, 8.0]],
                "confidence": 0.9877,
                "page": 3,
            },
            {"text": "no place", "bbox": None, "polygon": None, "confidence": None, "page": 4},
        ],
        "pages": [
            {
                "index": 3,
                "text": "hello",
                "width": 100,
                "height": 200,
                "rotation": 90,
                "warnings": [],
                "degraded": [],
                "fields": None,
            },
            {
                "index": 4,
                "text": "no place",
                "width": 50,
                "height": 60,
                "rotation": 0,
                "warnings": ["low_confidence"],
                "degraded": ["smaller_image"],
                "fields": None,
            },
        ],
        "engine": "cpu/test",
        "usage": {"pages": 2, "input_tokens": 5, "output_tokens": 7},
    }


def test_words_come_on_request() -> None:
    """Word boxes are only sent to who asks for them."""
    first, second = document_json(sample(), words=True)["results"]
    assert [word["text"] for word in first["words"]] == ["hello"]
    assert first["words"][0]["bbox"] == [1.0, 2.0, 11.1, 8.0]
    assert second["words"] == []


def test_it_is_json_whatever_the_engine_says() -> None:
    """Half characters and numbers that are none do not break a client's parser."""
    line = Line("half \ud800 \x00", None, float("nan"))
    recognition = Recognition((PageReading(1, 1, 1, (Block((line,)),)),), "e")
    text = render(recognition, Format.JSON)
    text.encode("utf-8")
    assert json.loads(text)["results"][0] == {
        "text": "half \ufffd \x00",
        "bbox": None,
        "polygon": None,
        "confidence": None,
        "page": 1,
    }

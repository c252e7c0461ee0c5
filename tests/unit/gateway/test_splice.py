"""The image cut out of a JSON body."""

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.gateway.intake.splice import splice
from ocrgate.wire.ocr import OcrRequest

DECODER = msgspec.json.Decoder(OcrRequest)
B64 = base64.b64encode(b"the bytes").decode()
options = st.fixed_dictionaries(
    {},
    optional={
        "task": st.sampled_from(["text", "markdown"]),
        "language": st.text(max_size=20) | st.none(),
        "pages": st.text(max_size=20),
        "format": st.sampled_from(["json", "text"]),
        "quality": st.sampled_from(["fast", "high"]),
    },
)


def agrees(body: bytes) -> bool:
    """Whether the cut was made; if it was, it must mean what a JSON reader reads."""
    found = splice(body)
    if found is None:
        return False
    asked, data = found
    whole = DECODER.decode(body)
    assert msgspec.structs.replace(asked, image="") == msgspec.structs.replace(whole, image="")
    assert data == base64.b64decode(whole.image.rpartition(",")[2], validate=True)
    return True


@given(
    st.binary(min_size=1, max_size=200),
    st.sampled_from(["", "data:image/png;base64,", "data:;base64,"]),
    options,
    st.booleans(),
    st.sampled_from([None, 2]),
)
def test_usual_requests_are_cut_and_mean_the_same(
    data: bytes, prefix: str, more: dict[str, Any], first: bool, indent: int | None
) -> None:
    """Whatever the order of fields and the white space, the shortcut and the reader agree."""
    image = {"image": prefix + base64.b64encode(data).decode()}
    body = json.dumps(image | more if first else more | image, indent=indent).encode()
    assert agrees(body)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_cut_rightly_or_left_alone(noise: bytes) -> None:
    """Rubbish after the image never becomes part of a request."""
    agrees(b'{"image": "' + B64.encode() + b'"' + noise)
    agrees(noise)


def test_much_beside_the_image_is_left_to_the_reader() -> None:
    """Which judges how many values there are before it makes them."""
    body = json.dumps({"image": B64, "schema": {"a": [0] * 40_000}}).encode()
    assert splice(body) is None


@pytest.mark.parametrize(
    "body",
    [
        '{"image": "%s", "image": "QUJD"}',
        '{"image": "QUJD", "image": "%s"}',
        '{"x": {"image": "%s"}, "image": "QUJD"}',
        '{"image": "%s", "imgae": 1}',
        '{"image": "%s"',
        '{"image": "%s\\n"}',
        '{"image": "not base64 %s"}',
        '{"image": ""}',
        '{"image": 7}',
        '["image": "%s"]',
    ],
)
def test_tricks_are_left_to_the_reader(body: str) -> None:
    """Two images, an image inside of something else, broken JSON: the long way decides."""
    assert splice(body.replace("%s", B64).encode()) is None


@pytest.mark.parametrize(
    "body",
    [
        '{"language": "\\"image\\":\\"%s\\"", "image": "QUJD"}',
        '{"language": "x\\"image\\":\\"QUJD", "image": "%s"}',
        '{"image" : \n "%s", "pages": "\\"image\\": \\"QUJD\\""}',
    ],
)
def test_an_image_spelled_inside_of_another_string_is_not_taken(body: str) -> None:
    """The cut is made at the real one."""
    assert agrees(body.replace("%s", B64).encode())


def test_escaped_slashes_are_left_to_the_reader() -> None:
    """PHP writes base64 with escapes; it is read, only not by the shortcut."""
    body = json.dumps({"image": base64.b64encode(b"\xff" * 30).decode()}).replace("/", "\\/")
    assert splice(body.encode()) is None
    assert DECODER.decode(body).image

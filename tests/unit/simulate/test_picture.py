"""Sizes from headers, and texts that belong to pictures."""

import base64
import io
import re

import pytest
from PIL import Image

from ocrgate.simulate.server.faults import ApiFault
from ocrgate.simulate.server.picture import digest_of, read_picture
from ocrgate.simulate.server.text import PageText, quoted


def uri(data: bytes) -> str:
    return f"data:image/x;base64,{base64.b64encode(data).decode()}"


def encoded(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (321, 123), "white").save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0" + b"x" * 40}),
        ("GIF", {}),
        ("BMP", {}),
    ],
)
def test_the_size_is_in_the_header(kind: str, options: dict[str, object]) -> None:
    picture = read_picture(uri(encoded(kind, **options)))
    assert (picture.width, picture.height) == (321, 123)


def test_a_jpeg_with_a_large_thumbnail_in_front() -> None:
    """The frame header stands behind more than was looked at first."""
    exif = b"Exif\0\0" + b"\0" * 30_000
    picture = read_picture(uri(encoded("JPEG", exif=exif)))
    assert (picture.width, picture.height) == (321, 123)


@pytest.mark.parametrize(
    "data", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\0\4", b"BM"]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(ApiFault, match="cannot identify image file"):
        read_picture(uri(data))


def test_the_text_is_the_pictures_own_whatever_its_pieces() -> None:
    text = PageText(digest_of("abc"))
    whole = text.between(0, 50)
    assert whole == text.between(0, 7) + text.between(7, 8) + text.between(8, 50)
    assert whole.startswith(f"page {digest_of('abc'):016x} ")
    assert whole != PageText(digest_of("abd")).between(0, 50)
    assert len(whole.split()) == 50


def test_a_loop_repeats_the_same_words() -> None:
    words = PageText(5, loops_at=20).between(0, 100).split()
    assert words[20:28] == words[28:36] == words[12:20]
    assert re.fullmatch(r"[a-z]{4}", words[30])


def test_text_inside_json() -> None:
    assert quoted('a "b"\n') == rb"a \"b\"\n"

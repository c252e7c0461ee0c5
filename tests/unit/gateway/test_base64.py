"""Documents that travel as text."""

import base64 as standard

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.errors import InvalidRequest
from ocrgate.gateway.intake.base64 import decode


@given(st.binary(min_size=1))
def test_every_spelling_of_base64_gives_the_same_bytes(data: bytes) -> None:
    """Plain, wrapped, URL-safe, unpadded and as a data URI: people send all of them."""
    plain = standard.b64encode(data).decode()
    spellings = [
        plain,
        "\r\n".join(plain[i : i + 7] for i in range(0, len(plain), 7)),
        standard.urlsafe_b64encode(data).decode(),
        plain.rstrip("="),
        f"data:image/png;base64,{plain}",
        f"data:;BASE64,{plain}",
    ]
    assert {decode(text, "image") for text in spellings} == {data}


@pytest.mark.parametrize(
    "text",
    [
        "http://10.0.0.1/page.png",
        "https://example.com/a?b=c",
        "file:///etc/passwd.txt",
        "ftp://host/x",
        "/home/me/scan.png",
        "./scan.png",
        "~/scan.png",
        "C:\\scans\\page.tiff",
        "scan 1.jpeg",
    ],
)
def test_urls_and_paths_are_not_fetched(text: str) -> None:
    """A caller who sends a place instead of a document is told so, and nothing is opened."""
    with pytest.raises(InvalidRequest, match="not fetched") as caught:
        decode(text, "image")
    assert caught.value.field == "image"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("data:image/png;base64,", "empty"),
        ("data:image/png,rawbytes", "data URI"),
        ("data:image/png;charset=utf-8,%89PNG", "data URI"),
        ("not base64!", "not valid base64"),
        ("AAAA\x00", "not valid base64"),
        ("a", "not valid base64"),
        ("äöü", "not valid base64"),
        ("\ud800", "not valid base64"),
    ],
)
def test_what_is_no_base64_is_refused_by_name(text: str, words: str) -> None:
    """The error names the field and what is wrong with it, instead of reading rubbish."""
    with pytest.raises(InvalidRequest, match=words) as caught:
        decode(text, "image")
    assert caught.value.field == "image"

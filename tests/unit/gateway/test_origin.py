"""Browsers that speak for pages of elsewhere."""

import pytest
from starlette.datastructures import Headers

from ocrgate.errors import Forbidden
from ocrgate.gateway.origin import OwnNames, name_of


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:7860",
        "[::1]:7860",
        "192.168.1.5",
        "localhost",
        "LocalHost:7860",
        "localhost.",
        "ocrgate:7860",  # a container's name
        "laptop.local",
        "app.localhost:7860",
        "host.docker.internal",
        "ocr.example.com:443",  # listed
        "",  # HTTP/1.0
    ],
)
def test_this_machines_own_names_are_answered(host: str) -> None:
    """Nobody else can have a name of these."""
    OwnNames(("OCR.example.com",)).require(Headers({"host": host}))


@pytest.mark.parametrize(
    "host", ["evil.com", "evil.com:7860", "127.0.0.1.evil.com", "localhost.evil.com", "a.local.io"]
)
def test_a_name_that_somebody_registered_is_not(host: str) -> None:
    """Its owner may have it resolved to 127.0.0.1 after the page was loaded."""
    with pytest.raises(Forbidden, match=r"server\.hosts") as caught:
        OwnNames().require(Headers({"host": host}))
    assert caught.value.field == "Host"


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        ("http://127.0.0.1:7860", True),
        ("http://localhost:3000", True),
        ("http://[::1]:3000", True),
        ("http://10.0.0.4:7860", True),  # the host itself
        ("https://ocr.example.com", True),
        ("chrome-extension://abcdef", True),
        ("https://evil.com", False),
        ("http://192.168.1.5", False),
        ("http://localhost.evil.com", False),
        ("null", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_pages_of_other_sites_may_not_send_here(origin: str, may: bool) -> None:
    """They could not read the answer, but the work would be done."""
    headers = Headers({"host": "10.0.0.4:7860", "origin": origin})
    assert OwnNames(("ocr.example.com",)).knows(headers) is may


def test_long_names_are_not_repeated_whole() -> None:
    """What was sent may be 32 kB."""
    with pytest.raises(Forbidden) as caught:
        OwnNames().require(Headers({"host": "a." * 10_000}))
    assert len(caught.value.detail) < 250


def test_a_port_is_no_part_of_a_name() -> None:
    """Nor are brackets, nor the dot of the root."""
    names = [name_of(text) for text in ("A.b.:80", "[::1]:80", "[::1]", "a:", "::1")]
    assert names[:4] == ["a.b", "::1", "::1", "a"]

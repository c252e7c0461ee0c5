"""What was read, as an answer."""

import threading

import pytest

from ocrgate.domain.recognition import Recognition
from ocrgate.errors import InvalidRequest
from ocrgate.formats import Format
from ocrgate.gateway.answers import chosen_format, composed
from ocrgate.testing import page_reading


@pytest.mark.parametrize(
    ("named", "accept", "chosen"),
    [
        (None, "", Format.JSON),
        (None, "*/*", Format.JSON),
        (None, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", Format.HOCR),
        (None, "text/plain", Format.TEXT),
        (None, "text/plain;q=0.5, text/markdown", Format.MARKDOWN),
        (None, "application/pdf", Format.PDF),
        (None, "APPLICATION/ALTO+XML", Format.ALTO),
        (None, "image/png", Format.JSON),
        (None, "text/plain;q=0", Format.JSON),
        (None, "text/plain;q=x", Format.JSON),
        ("md", "application/pdf", Format.MARKDOWN),
        ("", "text/plain", Format.TEXT),
    ],
)
def test_the_format_is_the_one_asked_for(named: str | None, accept: str, chosen: Format) -> None:
    """By name first, then by the Accept header, JSON when neither says."""
    assert chosen_format(named, accept) is chosen


def test_an_unknown_format_is_named() -> None:
    """A misspelled format is an error, not JSON."""
    with pytest.raises(InvalidRequest) as caught:
        chosen_format("docx", "")
    assert caught.value.field == "format"


async def test_long_documents_are_written_off_the_loop() -> None:
    """Writing dense pages does not hold up the other requests."""
    pages = tuple(page_reading("x\n" * 90, number=n) for n in range(1, 4))
    here = threading.get_ident()
    long = await composed(Recognition(pages, "e"), lambda _: threading.get_ident())
    short = await composed(Recognition(pages[:1], "e"), lambda _: threading.get_ident())
    assert (long == here, short == here) == (False, True)

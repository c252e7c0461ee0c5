"""The names under which formats are asked for."""

import pytest

from ocrgate.errors import InvalidRequest
from ocrgate.formats import Format


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("json", Format.JSON),
        ("txt", Format.TEXT),
        ("MD", Format.MARKDOWN),
        (" alto ", Format.ALTO),
        ("hOCR", Format.HOCR),
        ("pdf", Format.PDF),
    ],
)
def test_formats_have_the_names_people_type(name: str, kind: Format) -> None:
    """Case, white space and the usual short names do not matter."""
    assert Format.parse(name) is kind


def test_an_unknown_format_is_refused_with_the_list() -> None:
    """The refusal names the field and all formats there are."""
    with pytest.raises(InvalidRequest, match="text, markdown, json, hocr, alto, pdf") as caught:
        Format.parse("docx")
    assert caught.value.field == "format"


def test_every_format_has_a_suffix_of_its_own_and_a_media_type() -> None:
    """Two formats of one document can be written to one folder."""
    assert len({kind.suffix for kind in Format}) == len(Format)
    assert all("/" in kind.media_type for kind in Format)
    assert {kind for kind in Format if kind.needs_boxes} == {
        Format.HOCR,
        Format.ALTO,
        Format.PDF,
    }

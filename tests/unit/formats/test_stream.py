"""Results written page by page, to streams and to files."""

import json
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ocrgate.domain.recognition import Block, Line, PageReading, Point, Recognition, Usage
from ocrgate.errors import InvalidRequest
from ocrgate.formats import Format, document_json, open_writer, render, text_writer

TEXTUAL = [kind for kind in Format if kind is not Format.PDF]
CORNERS = (Point(0, 0), Point(50, 0), Point(50, 10), Point(0, 10))


def page(number: int, text: str = 'a "b" \\ c') -> PageReading:
    """A page of one line."""
    return PageReading(number, 100, 100, (Block((Line(text, CORNERS, 0.5),)),))


@pytest.mark.parametrize("kind", TEXTUAL)
def test_pages_together_read_like_pages_one_by_one(kind: Format) -> None:
    """Streaming does not change what is written."""
    pages = (page(1), PageReading(2, 5, 5), page(3, "第三页"))
    recognition = Recognition(pages, "cpu/x", Usage(3, 30, 3))
    sink = StringIO()
    writer = text_writer(kind, sink, engine="cpu/x")
    for reading in pages:
        writer.page(reading, usage=Usage(1, 10, 1))
    writer.close()
    writer.close()
    if kind is Format.JSON:
        assert json.loads(sink.getvalue()) == document_json(recognition)
        assert json.loads(render(recognition, kind)) == document_json(recognition)
    else:
        assert sink.getvalue() == render(recognition, kind)


def test_text_keeps_pages_apart_and_terminals_safe() -> None:
    """Pages are divided by a form feed, and only by that; escape codes are not passed on."""
    pages = (page(1, "one\x1b[2J\x0c"), page(2, "two\r\nlines"))
    assert render(Recognition(pages, "e"), Format.TEXT) == "one\ufffd[2J\ufffd\n\ftwo\nlines\n"


@pytest.mark.parametrize("kind", TEXTUAL)
def test_an_interrupted_document_leaves_its_finished_pages(kind: Format, tmp_path: Path) -> None:
    """Ctrl-C in the middle leaves a valid file of what was read."""
    path = tmp_path / f"out{kind.suffix}"

    def interrupted() -> None:
        with open_writer(kind, path, engine="e") as writer:
            writer.page(page(1))
            assert not path.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    text = path.read_text("utf-8")
    assert text == render(Recognition((page(1),), "e"), kind) or kind is Format.JSON
    if kind is Format.JSON:
        assert json.loads(text)["pages"][0]["index"] == 1
    if kind in {Format.HOCR, Format.ALTO}:
        ET.fromstring(text)
    assert list(tmp_path.iterdir()) == [path]


def test_finished_text_pages_are_on_disk_before_the_end(tmp_path: Path) -> None:
    """Even a killed process leaves the pages of a text file that it had finished."""
    with open_writer(Format.TEXT, tmp_path / "out.txt", engine="e") as writer:
        writer.page(page(1, "done"))
        assert (tmp_path / "out.txt.part").read_text("utf-8") == "done\n"


@pytest.mark.parametrize("kind", list(Format))
def test_a_document_without_a_page_leaves_no_file(kind: Format, tmp_path: Path) -> None:
    """An error on the first page does not leave an empty result behind."""
    with open_writer(kind, tmp_path / "out", engine="e"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_refused_page_leaves_the_pages_before_it_whole(tmp_path: Path) -> None:
    """A page that the format cannot take does not damage the file."""
    path = tmp_path / "out.hocr"
    with open_writer(Format.HOCR, path, engine="e") as writer:
        writer.page(page(1))
        with pytest.raises(InvalidRequest):
            writer.page(PageReading(2, 9, 9, (Block((Line("", CORNERS), Line("x"))),)))
        assert writer.pages == 1
    assert path.read_text("utf-8") == render(Recognition((page(1),), "e"), Format.HOCR)


def test_pdf_is_not_text() -> None:
    """Asking for the text of a PDF is a mistake of ours that shows at once."""
    with pytest.raises(ValueError, match="not text"):
        render(Recognition((), "e"), Format.PDF)

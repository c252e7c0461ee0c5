"""Searchable PDFs made of images, as a reader sees them."""

import math
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pikepdf
import pypdfium2 as pdfium
import pytest

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.domain.recognition import Block, Box, Line, PageReading, Point
from ocrgate.errors import InvalidRequest
from ocrgate.formats.searchable_pdf import PdfWriter

Builder = Callable[..., Line]
Picture = Callable[[int, int], PageImage]
Opener = Callable[[Path], pdfium.PdfDocument]
DPI = 200


def written(path: Path, image: PageImage, *lines: Line, rotation: int = 0) -> Path:
    """A PDF of one page."""
    page = PageReading(
        1, image.source_width, image.source_height, (Block(lines),), rotation=rotation
    )
    with PdfWriter(path, dpi=DPI) as writer:
        writer.page(page, image=image)
    return path


def places(page: pdfium.PdfPage, text: str) -> Iterator[Box]:
    """Where a reader's search finds a text, in pixels of an unturned source page."""
    content = page.get_textpage()
    found = content.search(text, match_case=True).get_next()
    assert found, f"{text!r} is not found"
    scale = DPI / 72
    height = page.get_mediabox()[3] * scale
    for index in range(found[0], found[0] + found[1]):
        left, bottom, right, top = content.get_charbox(index)
        yield Box(left * scale, height - top * scale, right * scale, height - bottom * scale)


def around(boxes: list[Box]) -> Box:
    """The box around boxes."""
    x1, y1, x2, y2 = zip(*boxes, strict=True)
    return Box(min(x1), min(y1), max(x2), max(y2))


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    wide = min(a.x2, b.x2) - max(a.x1, b.x1)
    high = min(a.y2, b.y2) - max(a.y1, b.y1)
    shared = max(wide, 0) * max(high, 0)
    areas = sum((box.x2 - box.x1) * (box.y2 - box.y1) for box in (a, b))
    return shared / (areas - shared)


def test_words_are_found_exactly_where_they_stand(
    tmp_path: Path, level_line: Builder, jpeg: Picture, opened: Opener
) -> None:
    """A search highlights the word on the picture, not something near it."""
    line = level_line(("Illicit", 100, 180), ("WIDEWORD", 300, 700), ("你好世界", 750, 910))
    page = opened(written(tmp_path / "a.pdf", jpeg(1000, 600), line))[0]
    for word in line.words:
        expected = Box(word.polygon[0].x, 100, word.polygon[1].x, 140)
        assert overlap(around(list(places(page, word.text))), expected) > 0.97
    assert page.get_textpage().get_text_bounded() == "Illicit WIDEWORD 你好世界"


def test_characters_beyond_the_first_plane_are_found(
    tmp_path: Path, level_line: Builder, jpeg: Picture, opened: Opener
) -> None:
    """Rare Chinese characters and emoji are searched and copied like any other."""
    line = level_line(("𠮷野家", 100, 220), ("👍", 300, 340))
    page = opened(written(tmp_path / "a.pdf", jpeg(1000, 600), line))[0]
    assert page.get_textpage().get_text_bounded().rstrip() == "𠮷野家 👍"


def test_nothing_is_painted_but_the_picture(
    tmp_path: Path, level_line: Builder, jpeg: Picture, opened: Opener
) -> None:
    """The text is not seen: a blank page stays blank."""
    line = level_line(("visible?", 100, 900))
    page = opened(written(tmp_path / "a.pdf", jpeg(1000, 600), line))[0]
    assert page.render(scale=1).to_pil().convert("L").getextrema() == (255, 255)


@pytest.mark.parametrize("degrees", [-170, -90, -30, 5, 45, 90, 180])
def test_tilted_lines_are_found_along_their_slope(
    degrees: float, tmp_path: Path, jpeg: Picture, opened: Opener
) -> None:
    """Each character lies on the tilted line, in order."""
    angle = math.radians(degrees)
    along, up = (math.cos(angle), math.sin(angle)), (math.sin(angle), -math.cos(angle))

    def at(x: float, y: float) -> Point:
        return Point(500 + along[0] * x + up[0] * y, 500 + along[1] * x + up[1] * y)

    line = Line("abcdefgh", (at(-200, 20), at(200, 20), at(200, -20), at(-200, -20)), 0.9)
    page = opened(written(tmp_path / "a.pdf", jpeg(1000, 1000), line))[0]
    boxes = list(places(page, "abcdefgh"))
    centres = [((box.x1 + box.x2) / 2 - 500, (box.y1 + box.y2) / 2 - 500) for box in boxes]
    forward = [x * along[0] + y * along[1] for x, y in centres]
    assert forward == sorted(forward)
    assert forward[0] == pytest.approx(-175, abs=15)
    assert forward[-1] == pytest.approx(175, abs=15)
    assert all(abs(x * up[0] + y * up[1]) < 3 for x, y in centres)


def test_a_column_of_characters_is_found_top_down(
    tmp_path: Path, jpeg: Picture, opened: Opener
) -> None:
    """Vertical Chinese is selected down the column."""
    column = (Point(100, 50), Point(140, 50), Point(140, 210), Point(100, 210))
    page = opened(written(tmp_path / "a.pdf", jpeg(400, 400), Line("竖排文字", column, 0.9)))[0]
    for index, box in enumerate(places(page, "竖排文字")):
        assert overlap(box, Box(100, 50 + 40 * index, 140, 90 + 40 * index)) > 0.9


@pytest.mark.parametrize(
    ("rotation", "size", "mark", "word"),
    [
        (0, (600, 300), (0, 0), Box(100, 100, 300, 140)),
        (90, (300, 600), (299, 0), Box(160, 100, 200, 300)),
        (180, (600, 300), (599, 299), Box(300, 160, 500, 200)),
        (270, (300, 600), (0, 599), Box(100, 300, 140, 500)),
    ],
)
def test_a_turned_page_is_shown_upright(
    rotation: int,
    size: tuple[int, int],
    mark: tuple[int, int],
    word: Box,
    tmp_path: Path,
    level_line: Builder,
    opened: Opener,
) -> None:
    """The picture and its text are turned together, without decoding the picture."""
    pixels = bytearray(b"\xff" * 600 * 300)
    for row in range(20):  # a black square in the picture's top left corner
        pixels[row * 600 : row * 600 + 20] = bytes(20)
    image = PageImage(bytes(pixels), Encoding.RAW, 600, 300, 1, 600, 300)
    line = level_line(("turned", 100, 300))
    page = opened(written(tmp_path / "a.pdf", image, line, rotation=rotation))[0]
    shown = page.render(scale=DPI / 72).to_pil().convert("L")
    assert shown.size == size
    corners = {(x, y) for x in (0, size[0] - 1) for y in (0, size[1] - 1)}
    assert {corner for corner in corners if shown.getpixel(corner) < 128} == {mark}
    assert overlap(around(list(places(page, "turned"))), word) > 0.95


def test_phrases_are_found_on_a_page_that_lay_on_its_side(
    tmp_path: Path, jpeg: Picture, opened: Opener
) -> None:
    """A sentence of a sideways scan is copied as one line."""
    downwards = (Point(560, 20), Point(560, 380), Point(530, 380), Point(530, 20))
    text = "the image goes through a many layered net"
    line = Line(text, downwards, 0.9)
    page = opened(written(tmp_path / "a.pdf", jpeg(600, 400), line, rotation=270))[0]
    assert page.get_textpage().get_text_bounded().rstrip() == text


def test_a_jpeg_is_embedded_byte_for_byte(
    tmp_path: Path, level_line: Builder, jpeg: Picture
) -> None:
    """No quality is lost, however often a scan is read."""
    image = jpeg(320, 200)
    path = written(tmp_path / "a.pdf", image, level_line(("x", 1, 9)))
    with pikepdf.open(path) as pdf:
        assert pdf.pages[0].Resources.XObject.page.read_raw_bytes() == image.data
        assert str(pdf.docinfo.Producer).startswith("ocrgate ")


def test_a_shrunk_picture_fills_the_page_and_text_fits_the_source(
    tmp_path: Path, level_line: Builder, opened: Opener
) -> None:
    """Boxes are pixels of the source, even where the picture handed in is smaller."""
    image = PageImage(bytes(250 * 150), Encoding.RAW, 250, 150, 1, 1000, 600)
    page = opened(written(tmp_path / "a.pdf", image, level_line(("Wort", 500, 700))))[0]
    assert page.get_size() == pytest.approx((360, 216))
    assert overlap(around(list(places(page, "Wort"))), Box(500, 100, 700, 140)) > 0.97
    assert page.render(scale=1).to_pil().convert("L").getextrema() == (0, 0)


def test_a_very_long_page_stays_within_what_readers_open(tmp_path: Path, opened: Opener) -> None:
    """A page of 50,000 pixels is made smaller on paper, not refused by readers."""
    image = PageImage(bytes(50), Encoding.RAW, 1, 50, 1, 1000, 50_000)
    page = opened(written(tmp_path / "a.pdf", image))[0]
    assert page.get_height() == pytest.approx(14_400)
    assert page.get_width() == pytest.approx(288)


def test_many_pages_hang_in_a_tree(
    tmp_path: Path, level_line: Builder, jpeg: Picture, opened: Opener
) -> None:
    """Hundreds of pages come out in order, each with its own text."""
    image = jpeg(50, 50)
    with PdfWriter(tmp_path / "a.pdf", title="Übersicht 目录") as writer:
        for number in range(1, 301):
            line = level_line((f"page{number}", 5, 45), y=5)
            writer.page(PageReading(number, 50, 50, (Block((line,)),)), image=image)
    document = opened(tmp_path / "a.pdf")
    assert len(document) == 300
    for number in (1, 128, 129, 256, 257, 300):
        text = document[number - 1].get_textpage().get_text_bounded()
        assert text.rstrip() == f"page{number}"
    assert document.get_metadata_value("Title") == "Übersicht 目录"


def test_the_file_has_no_fault(tmp_path: Path, level_line: Builder, jpeg: Picture) -> None:
    """A strict parser finds nothing to repair."""
    path = written(tmp_path / "a.pdf", jpeg(100, 100), level_line(("x", 1, 9)))
    with pikepdf.open(path) as pdf:
        assert pdf.check_pdf_syntax() == []
        assert pdf.get_warnings() == []


def test_a_page_without_a_picture_is_refused(tmp_path: Path) -> None:
    """There is nothing to show under the text."""
    with PdfWriter(tmp_path / "a.pdf") as writer, pytest.raises(InvalidRequest) as caught:
        writer.page(PageReading(1, 10, 10))
    assert caught.value.field == "image"
    assert not (tmp_path / "a.pdf").exists()


def test_an_engine_without_boxes_is_told(tmp_path: Path, jpeg: Picture) -> None:
    """There is no searchable PDF of text without places."""
    with pytest.raises(InvalidRequest, match="gives no boxes") as caught:
        written(tmp_path / "a.pdf", jpeg(10, 10), Line("x"))
    assert caught.value.field == "format"


def test_a_torn_line_does_not_take_the_page_away(
    tmp_path: Path, level_line: Builder, jpeg: Picture
) -> None:
    """An answer that was cut off ends in a line without a place; the others are found."""
    path = written(tmp_path / "a.pdf", jpeg(100, 100), level_line(("x", 1, 9)), Line("torn"))
    with pikepdf.open(path) as pdf:
        assert pdf.check_pdf_syntax() == []


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler's pdftotext is not installed")
def test_a_second_reader_agrees(tmp_path: Path, level_line: Builder, jpeg: Picture) -> None:
    """Words, Chinese, rare characters and Hebrew come out of an independent reader, too."""
    lines = (
        level_line(("Hello", 100, 300), ("world", 320, 500), y=100),
        level_line(("你好世界", 100, 300), ("𠮷野家", 320, 500), y=200),
        level_line(("שלום", 400, 500), ("עולם", 300, 380), y=300),
    )
    path = written(tmp_path / "a.pdf", jpeg(600, 600), *lines)
    run = subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=True)
    plain = "".join(c for c in run.stdout if c not in "\u202a\u202b\u202c")
    for line in lines:
        assert all(word.text in plain for word in line.words)
    assert "Hello world" in plain
    assert "你好世界 𠮷野家" in plain

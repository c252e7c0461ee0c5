"""Searchable PDFs made of PDFs: pages as they were, text where it is seen."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2 as pdfium
import pytest
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import ImageOps

from ocrgate.domain.recognition import Block, Box, Line, PageReading, Point, Polygon
from ocrgate.errors import InvalidRequest, UnreadableDocument
from ocrgate.formats.searchable_pdf import PdfWriter

Opener = Callable[[Path], pdfium.PdfDocument]
MARK = Box(150, 300, 290, 330)  # a black bar in user space: what stands for printed text
HELVETICA = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)


def add_page(pdf: Pdf, content: str = "", **entries: Any) -> None:
    """A page of 400 by 500 with a black bar at MARK."""
    pdf.add_blank_page(page_size=(400, 500))
    page = pdf.pages[-1]
    bar = f"q 0 g {MARK.x1} {MARK.y1} {MARK.x2 - MARK.x1} {MARK.y2 - MARK.y1} re f Q\n"
    page.Contents = pdf.make_stream((bar + content).encode())
    page.Resources = Dictionary(Font=Dictionary(F1=HELVETICA))
    for key, value in entries.items():
        page.obj["/" + key] = Array(value) if isinstance(value, list) else value


def saved(pdf: Pdf, path: Path) -> Path:
    """The file of a PDF."""
    pdf.save(path)
    return path


def seen(page: pdfium.PdfPage, scale: float) -> tuple[int, int, Polygon]:
    """Size of the page as displayed, and where the black bar is on it."""
    shown = page.render(scale=scale).to_pil().convert("L")
    box = ImageOps.invert(shown).getbbox()
    assert box
    x1, y1, x2, y2 = box
    corners = (Point(x1, y1), Point(x2, y1), Point(x2, y2), Point(x1, y2))
    return shown.width, shown.height, corners


def reading_of(page: pdfium.PdfPage, number: int, text: str, scale: float = 3.0) -> PageReading:
    """What an engine would say: the text where the bar is seen."""
    width, height, corners = seen(page, scale)
    return PageReading(number, width, height, (Block((Line(text, corners, 0.9),)),))


def characters(page: pdfium.PdfPage) -> Iterator[tuple[float, float, float, float]]:
    """Boxes of all characters but spaces in user space."""
    content = page.get_textpage()
    for index in range(content.count_chars()):
        if content.get_text_range(index, 1).isspace():
            continue
        yield content.get_charbox(index)


def text_of(page: pdfium.PdfPage) -> str:
    """All text of a page."""
    return " ".join(page.get_textpage().get_text_bounded().split())


@pytest.mark.parametrize("rotate", [0, 90, 180, 270, -90, 450])
@pytest.mark.parametrize(
    "boxes",
    [
        {},
        {"CropBox": [100, 200, 350, 450]},
        {"MediaBox": [-50, -60, 400, 500], "UserUnit": 2},
        {"MediaBox": [400, 500, 0, 0], "CropBox": [-900, 250, 300, 900]},
        {"CropBox": [10, 10]},
        {"MediaBox": [0, 0, 0, 0]},
    ],
)
def test_text_lies_over_what_is_seen(
    rotate: int, boxes: dict[str, Any], tmp_path: Path, opened: Opener
) -> None:
    """However a page is turned, cropped, moved or scaled, search finds the text at its place."""
    with Pdf.new() as pdf:
        add_page(pdf, Rotate=rotate, **boxes)
        source = saved(pdf, tmp_path / "in.pdf")
    with PdfWriter(tmp_path / "out.pdf", source) as writer:
        writer.page(reading_of(opened(source)[0], 1, "abc"))
    page = opened(tmp_path / "out.pdf")[0]
    assert text_of(page) == "abc"
    left, bottom, right, top = (list(side) for side in zip(*characters(page), strict=True))
    found = (min(left), min(bottom), max(right), max(top))
    assert found == pytest.approx(tuple(MARK), abs=2.5)


def test_the_page_looks_as_before_and_keeps_its_parts(tmp_path: Path, opened: Opener) -> None:
    """Nothing painted changes; outline, title and other documents' data stay."""
    with Pdf.new() as pdf:
        # content that leaves the graphics state moved and unbalanced
        add_page(pdf, "q 2 0 0 2 50 50 cm 1 0 0 rg 20 20 30 30 re f")
        with pdf.open_outline() as outline:
            outline.root.append(pikepdf.OutlineItem("Chapter", 0))
        pdf.docinfo["/Title"] = "Annual report"
        source = saved(pdf, tmp_path / "in.pdf")
    before = opened(source)[0]
    with PdfWriter(tmp_path / "out.pdf", source) as writer:
        writer.page(reading_of(before, 1, "words"))
    after = opened(tmp_path / "out.pdf")
    assert after[0].render(scale=2).to_pil().tobytes() == before.render(scale=2).to_pil().tobytes()
    assert text_of(after[0]) == "words"
    assert after.get_metadata_value("Title") == "Annual report"
    assert after.get_metadata_value("Producer").startswith("ocrgate ")
    assert [item.get_title() for item in after.get_toc()] == ["Chapter"]


def test_only_the_pages_read_are_kept_in_the_order_read(tmp_path: Path, opened: Opener) -> None:
    """Pages 3 and 1 of a file, asked for so, come out so, and nothing of page 2 is left inside."""
    with Pdf.new() as pdf:
        for number in (1, 2, 3):
            add_page(pdf, f"BT /F1 20 Tf 20 450 Td (printed {number}) Tj ET")
        pdf.Root.Metadata = pdf.make_stream(b"about all pages")
        source = saved(pdf, tmp_path / "in.pdf")
    pages = opened(source)
    blank = [PageReading(number, 400, 500) for number in (3, 1)]
    with PdfWriter(tmp_path / "out.pdf", source) as writer:
        for reading in blank:
            writer.page(reading)
    after = opened(tmp_path / "out.pdf")
    assert [text_of(page) for page in after] == ["printed 3", "printed 1"]
    assert len(pages) == 3
    with pikepdf.open(tmp_path / "out.pdf") as pdf:
        streams = [item.read_bytes() for item in pdf.objects if isinstance(item, pikepdf.Stream)]
    assert not any(b"printed 2" in data for data in streams)


def test_an_interrupted_file_has_its_finished_pages(tmp_path: Path, opened: Opener) -> None:
    """Ctrl-C on page 2 of 3 leaves page 1, searchable."""
    with Pdf.new() as pdf:
        for _ in range(3):
            add_page(pdf)
        source = saved(pdf, tmp_path / "in.pdf")
    page = opened(source)[0]

    def interrupted() -> None:
        with PdfWriter(tmp_path / "out.pdf", source) as writer:
            writer.page(reading_of(page, 1, "first"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [text_of(page) for page in opened(tmp_path / "out.pdf")] == ["first"]


def test_pages_that_share_parts_do_not_share_text(tmp_path: Path, opened: Opener) -> None:
    """Two pages with one content stream and one set of resources each get their own words."""
    with Pdf.new() as pdf:
        add_page(pdf)
        add_page(pdf)
        pdf.pages[0].Contents = Array([pdf.pages[0].Contents])
        pdf.pages[0].obj.Resources = pdf.make_indirect(pdf.pages[0].obj.Resources)
        pdf.pages[0].obj.Contents = pdf.make_indirect(pdf.pages[0].obj.Contents)
        pdf.pages[1].obj.Contents = pdf.pages[0].obj.Contents
        pdf.pages[1].obj.Resources = pdf.pages[0].obj.Resources
        source = saved(pdf, tmp_path / "in.pdf")
    before = opened(source)
    with PdfWriter(tmp_path / "out.pdf", source) as writer:
        writer.page(reading_of(before[0], 1, "one"))
        writer.page(reading_of(before[1], 2, "two"))
    assert [text_of(page) for page in opened(tmp_path / "out.pdf")] == ["one", "two"]


def test_reading_twice_does_not_double_the_text(tmp_path: Path, opened: Opener) -> None:
    """The text of a former reading is replaced, not piled up."""
    with Pdf.new() as pdf:
        add_page(pdf)
        path = saved(pdf, tmp_path / "0.pdf")
    for turn, text in enumerate(("wrnog", "wrong", "right"), 1):
        with PdfWriter(tmp_path / f"{turn}.pdf", path) as writer:
            writer.page(reading_of(opened(path)[0], 1, text))
        path = tmp_path / f"{turn}.pdf"
    assert text_of(opened(path)[0]) == "right"


def test_printed_text_is_not_doubled_but_pictures_are_read(tmp_path: Path, opened: Opener) -> None:
    """On a page with real text, only what stands in a picture gets a text layer."""
    with Pdf.new() as pdf:
        add_page(pdf, "BT /F1 20 Tf 20 450 Td (printed) Tj ET q 100 0 0 60 200 50 cm /Im Do Q")
        image = pdf.make_stream(bytes(1), Type=Name.XObject, Subtype=Name.Image, Width=1, Height=1)
        image.ColorSpace, image.BitsPerComponent = Name.DeviceGray, 8
        pdf.pages[0].Resources.XObject = Dictionary(Im=image)
        source = saved(pdf, tmp_path / "in.pdf")

    def line(text: str, x: float, y: float) -> Line:
        top = 500 - y
        corners = (
            Point(x, top - 20),
            Point(x + 80, top - 20),
            Point(x + 80, top),
            Point(x, top),
        )
        return Line(text, corners, 0.9)

    lines = (line("printed", 20, 450), line("pictured", 210, 70))
    with PdfWriter(tmp_path / "out.pdf", source) as writer:
        writer.page(PageReading(1, 400, 500, (Block(lines),)))
    assert sorted(text_of(opened(tmp_path / "out.pdf")[0]).split()) == ["pictured", "printed"]


def test_a_locked_or_damaged_source_is_a_typed_error(tmp_path: Path) -> None:
    """A password or a broken file is named as such."""
    with Pdf.new() as pdf:
        add_page(pdf)
        pdf.save(tmp_path / "locked.pdf", encryption=pikepdf.Encryption(user="u", owner="o"))
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing")
    with pytest.raises(UnreadableDocument, match="password"):
        PdfWriter(tmp_path / "out.pdf", tmp_path / "locked.pdf")
    with pytest.raises(UnreadableDocument, match="damaged"):
        PdfWriter(tmp_path / "out.pdf", tmp_path / "broken.pdf")


def test_a_page_that_is_not_there_is_a_typed_error(tmp_path: Path) -> None:
    """A source that lost pages since it was read is noticed."""
    with Pdf.new() as pdf:
        add_page(pdf)
        source = saved(pdf, tmp_path / "in.pdf")
    with PdfWriter(tmp_path / "out.pdf", source) as writer, pytest.raises(UnreadableDocument):
        writer.page(PageReading(2, 400, 500))


def test_an_engine_without_boxes_is_told(tmp_path: Path) -> None:
    """There is no searchable PDF of text without places."""
    with Pdf.new() as pdf:
        add_page(pdf)
        source = saved(pdf, tmp_path / "in.pdf")
    with (
        PdfWriter(tmp_path / "out.pdf", source) as writer,
        pytest.raises(InvalidRequest, match="gives no boxes"),
    ):
        writer.page(PageReading(1, 400, 500, (Block((Line("x"),)),)))

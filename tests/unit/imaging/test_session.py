"""What a worker process does with files, run here in this process."""

import io
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pikepdf
import psutil
import pytest
from PIL import Image, ImageDraw
from tests import hostile_files

from ocrgate.domain.document import Encoding, ImageSpec, MediaType, PageImage
from ocrgate.errors import (
    DeadlineExceeded,
    DocumentLimit,
    PayloadTooLarge,
    UnreadableDocument,
    UnsupportedMedia,
)
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.session import RasterSession

# This process holds a test suite; its memory is nobody's page.
LIMITS = ImageLimits(memory=2**40)
RAW = ImageSpec(max_side=4096, encoding=Encoding.RAW)


@pytest.fixture
def session() -> RasterSession:
    """A session that does not bound the test process."""
    return RasterSession(LIMITS, confine=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A path to write a document to."""
    return tmp_path / "document"


def put(file: Path, data: bytes) -> str:
    """Write a file and return its path."""
    file.write_bytes(data)
    return str(file)


def pixels(page: PageImage) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Rows of a RAW page."""
    return np.frombuffer(page.data, np.uint8).reshape(page.height, page.width, page.channels)


def scan(size: tuple[int, int], dpi: float, mode: str = "L") -> bytes:
    """A PDF of one page that is one picture, dark in its upper half."""
    image = Image.new(mode, size, "white")
    ImageDraw.Draw(image).rectangle((0, 0, size[0], size[1] // 2), fill="black")
    out = io.BytesIO()
    image.save(out, "PDF", resolution=dpi)
    return out.getvalue()


def test_text_page_is_drawn_at_the_resolution_asked_for(session: RasterSession, file: Path) -> None:
    """A letter page is 1700 by 2200 pixels at 200 dpi, and black on white is gray."""
    path = put(file, hostile_files.pdf_box(612, 792))
    info = session.probe(path)
    assert (info.media, info.pages, info.width, info.height) == (MediaType.PDF, 1, 1700, 2200)
    page = session.prepare(path, 1, RAW)
    assert (page.width, page.height, page.channels) == (1700, 2200, 1)
    assert (page.source_width, page.source_height) == (1700, 2200)
    assert pixels(page)[2080:2160, 40:300].min() < 100
    assert pixels(page)[:2000].min() == 255


def test_page_is_drawn_no_larger_than_the_engine_takes(session: RasterSession, file: Path) -> None:
    """Pages are drawn small, not drawn large and shrunk; boxes keep the page's own pixels."""
    page = session.prepare(put(file, hostile_files.pdf_box(612, 792)), 1, ImageSpec(1024))
    assert (page.width, page.height) == (791, 1024)
    assert (page.source_width, page.source_height) == (1700, 2200)


def test_fine_scan_keeps_its_own_resolution(session: RasterSession, file: Path) -> None:
    """A 300-dpi scan is not thrown away to 200 dpi, and still not over what the engine takes."""
    path = put(file, scan((600, 900), 300))
    page = session.prepare(path, 1, RAW)
    assert (page.width, page.height) == (600, 900)
    assert (page.source_width, page.source_height) == (400, 600)
    assert session.prepare(path, 1, ImageSpec(500)).height == 500


def test_coarse_scan_is_drawn_at_the_usual_resolution(session: RasterSession, file: Path) -> None:
    """Text over a coarse background picture must stay sharp."""
    assert session.prepare(put(file, scan((100, 200), 72)), 1, RAW).height == 556


def test_turned_page_comes_out_as_shown(session: RasterSession, file: Path) -> None:
    """A page's own rotation is applied."""
    with pikepdf.open(io.BytesIO(scan((300, 600), 200))) as pdf:
        pdf.pages[0].Rotate = 90
        pdf.save(file)
    page = session.prepare(str(file), 1, RAW)
    assert (page.width, page.height) == (600, 300)
    assert pixels(page)[150, 50].max() == 255
    assert pixels(page)[150, 550].max() == 0


def test_color_page_stays_color(session: RasterSession, file: Path) -> None:
    """Red is red, in RGB order."""
    content = hostile_files.stream(b"1 0 0 rg 0 0 72 72 re f")
    page = session.prepare(put(file, hostile_files.pdf_page(content, box="0 0 72 72")), 1, RAW)
    assert page.channels == 3
    assert pixels(page)[100, 100].tolist() == [255, 0, 0]


def test_annotations_and_form_fields_are_drawn(session: RasterSession, file: Path) -> None:
    """What somebody filled in or stamped is part of the page."""
    look = hostile_files.stream(
        b"0 0 50 50 re f", "/Type /XObject /Subtype /Form /BBox [0 0 50 50]"
    )
    note = b"<< /Type /Annot /Subtype /Stamp /Rect [10 10 60 60] /F 4 /AP << /N 6 0 R >> >>"
    data = hostile_files.pdf_page(
        hostile_files.stream(b""), box="0 0 72 72", page="/Annots [5 0 R]", more={5: note, 6: look}
    )
    assert pixels(session.prepare(put(file, data), 1, RAW)).min() == 0
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(72, 72))
        field = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Widget,
            FT=pikepdf.Name.Tx,
            T="name",
            Rect=[10, 10, 60, 60],
            F=4,
            MK=pikepdf.Dictionary(BG=[0, 0, 0]),
            AP=pikepdf.Dictionary(
                N=pdf.make_stream(
                    b"0 0 50 50 re f",
                    Type=pikepdf.Name.XObject,
                    Subtype=pikepdf.Name.Form,
                    BBox=[0, 0, 50, 50],
                )
            ),
        )
        pdf.pages[0].Annots = pdf.make_indirect(pikepdf.Array([pdf.make_indirect(field)]))
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pdf.pages[0].Annots)
        pdf.save(file)
    assert pixels(session.prepare(str(file), 1, RAW)).min() < 100


def test_hidden_text_is_not_what_is_read(session: RasterSession, file: Path) -> None:
    """A text layer that nobody sees leaves no mark."""
    text = hostile_files.stream(b"BT 3 Tr /F1 24 Tf 20 20 Td (lies) Tj ET")
    font = "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    data = hostile_files.pdf_page(text, resources=font)
    assert pixels(session.prepare(put(file, data), 1, RAW)).min() == 255


@pytest.mark.parametrize(("width", "height"), [(14_400, 14_400), (100_000, 2000), (300, 90_000)])
def test_huge_sheets_are_drawn_coarser(
    session: RasterSession, file: Path, width: int, height: int
) -> None:
    """A wall-sized plan is read at the resolution that the limits allow, not refused."""
    path = put(file, hostile_files.pdf_box(width, height))
    info = session.probe(path)
    assert max(info.width, info.height) <= LIMITS.max_side
    assert info.width * info.height <= LIMITS.max_pixels * 1.001
    page = session.prepare(path, 1, ImageSpec(1024))
    assert max(page.width, page.height) == 1024


def test_impossible_sheets_are_refused(session: RasterSession, file: Path) -> None:
    """Kilometres of paper are a trick."""
    with pytest.raises(DocumentLimit, match="no sheet of paper"):
        session.probe(put(file, hostile_files.pdf_box(1e9, 1e9)))


def test_locked_pdf_says_so(session: RasterSession, file: Path) -> None:
    """The reader learns that a password is in the way."""
    with pikepdf.open(io.BytesIO(hostile_files.pdf_box(72, 72))) as pdf:
        pdf.save(file, encryption=pikepdf.Encryption(user="secret", owner="owner"))
    with pytest.raises(UnreadableDocument, match="password"):
        session.probe(str(file))


def test_pdf_that_only_forbids_printing_is_read(session: RasterSession, file: Path) -> None:
    """An owner's password locks rights, not pages."""
    with pikepdf.open(io.BytesIO(hostile_files.pdf_box(72, 72))) as pdf:
        pdf.save(file, encryption=pikepdf.Encryption(user="", owner="owner"))
    assert session.prepare(str(file), 1, RAW).width == 200


def test_bad_page_leaves_the_others(session: RasterSession, file: Path) -> None:
    """One page that cannot be drawn is named; its neighbours are read."""
    bomb = hostile_files.stream(
        hostile_files.deflate_repeated(b" " * 2**20, 100), "/Filter /FlateDecode"
    )
    pages = b"<< /Type /Pages /Kids [3 0 R 5 0 R 6 0 R] /Count 3 >>"
    sheet = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 72 72] %s >>"
    data = hostile_files.pdf(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: pages,
            3: sheet % b"",
            4: bomb,
            5: sheet % b"/Contents 4 0 R",
            6: sheet % b"",
        }
    )
    path = put(file, data)
    with pytest.raises(DocumentLimit, match="page 2 unpacks to more"):
        session.prepare(path, 2, RAW)
    assert [session.prepare(path, number, RAW).width for number in (1, 3)] == [200, 200]
    with pytest.raises(UnreadableDocument, match="no page 4"):
        session.prepare(path, 4, RAW)


def test_forms_within_forms_are_weighed(session: RasterSession, file: Path) -> None:
    """Three kilobytes that draw a billion squares are refused; twenty levels of one are drawn."""
    with pytest.raises(DocumentLimit, match="unpacks"):
        session.prepare(put(file, hostile_files.pdf_nested_forms(12, 10)), 1, RAW)
    session.prepare(put(file, hostile_files.pdf_nested_forms(20, 1)), 1, RAW)


def test_form_that_draws_itself_ends(session: RasterSession, file: Path) -> None:
    """A circle of forms is no endless page."""
    form = hostile_files.stream(
        b"/F Do",
        "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F 5 0 R >> >>",
    )
    data = hostile_files.pdf_page(
        hostile_files.stream(b"/#46 Do"), resources="/XObject << /F 5 0 R >>", more={5: form}
    )
    assert session.prepare(put(file, data), 1, RAW).width == 1700


def test_given_up_page_stops(session: RasterSession, file: Path) -> None:
    """A page whose caller is gone is not drawn to its end."""
    path = put(file, hostile_files.pdf_image(4000, 4000))
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return True

    with pytest.raises(DeadlineExceeded):
        session.prepare(path, 1, RAW, cancelled=cancelled)
    assert len(asked) == 1


def test_slow_page_stops(file: Path) -> None:
    """A page has its time and no more, and the next page has its own."""
    session = RasterSession(ImageLimits(memory=2**40, timeout=0.05), confine=False)
    with pytest.raises(DocumentLimit, match="too long"):
        session.prepare(put(file, hostile_files.pdf_image(20_000, 20_000)), 1, RAW)
    assert session.prepare(put(file, hostile_files.pdf_box(72, 72)), 1, RAW).width == 200


def test_changed_file_is_opened_anew(session: RasterSession, file: Path) -> None:
    """A path that holds another document now is not answered from the old one."""
    assert session.probe(put(file, hostile_files.pdf_of_pages(3))).pages == 3
    assert session.probe(put(file, hostile_files.pdf_of_pages(40))).pages == 40


def test_memory_stays_flat_over_a_long_scan(session: RasterSession, file: Path) -> None:
    """The streams of finished pages are given back."""
    noise = np.random.default_rng(1).integers(0, 256, (900, 700), np.uint8)
    image = Image.fromarray(noise)
    image.save(file, "PDF", save_all=True, append_images=[image] * 79, resolution=100)
    spec = ImageSpec(512)
    for number in range(1, 11):
        session.prepare(str(file), number, spec)
    early = psutil.Process().memory_info().rss
    for number in range(11, 81):
        session.prepare(str(file), number, spec)
    assert psutil.Process().memory_info().rss - early < 40 * 2**20


def test_finished_document_is_closed(session: RasterSession, file: Path) -> None:
    """After its last page no handle keeps a deleted upload on disk."""
    path = put(file, hostile_files.pdf_of_pages(2))
    session.prepare(path, 1, RAW)
    session.prepare(path, 2, RAW)
    handles = [handle.path for handle in psutil.Process().open_files()]
    assert path not in handles


def test_raster_files_are_read_too(session: RasterSession, file: Path) -> None:
    """Fax, bitmap and photo go through the same two calls."""
    path = put(file, hostile_files.tiff_of_many_pages(3))
    assert session.probe(path).pages == 3
    assert session.prepare(path, 3, RAW).width == 8
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "BMP")
    assert session.prepare(put(file, out.getvalue()), 1, RAW).channels == 3


def test_decoder_warnings_are_not_errors(session: RasterSession, file: Path) -> None:
    """Pillow warns of odd files; where warnings are errors the page is read all the same."""
    sheet = Image.new("L", (8, 8), 255)
    out = io.BytesIO()
    sheet.save(out, "TIFF", tiffinfo={700: b"x"})
    odd = out.getvalue().replace(struct.pack("<HH", 296, 3), struct.pack("<HH", 296, 99))
    assert session.prepare(put(file, odd), 1, RAW).width == 8


def test_limits_hold_for_files(file: Path) -> None:
    """Bytes are counted before anything is read."""
    session = RasterSession(ImageLimits(max_bytes=10, memory=2**40), confine=False)
    with pytest.raises(PayloadTooLarge):
        session.probe(put(file, hostile_files.pdf_box(72, 72)))


@pytest.mark.skipif(find_spec("pi_heif") is not None, reason="the heic extra is installed")
def test_heic_without_the_extra_says_how_to_get_it(session: RasterSession, file: Path) -> None:
    """A phone's photo is refused with the command that would make it readable."""
    data = struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic"
    with pytest.raises(UnsupportedMedia, match=r"pip install 'ocrgate\[heic\]'"):
        session.probe(put(file, data))


def test_every_handle_is_closed_after_errors(session: RasterSession, file: Path) -> None:
    """A stream of broken files does not use up file descriptors."""
    before = psutil.Process().num_fds()
    for cut in range(0, 600, 7):
        data = hostile_files.pdf_box(72, 72)[: cut + 9]
        with pytest.raises(UnreadableDocument):
            session.prepare(put(file, data), 2, RAW)
    assert psutil.Process().num_fds() <= before + 2


def test_page_that_is_no_page_is_named(session: RasterSession, file: Path) -> None:
    """Where the page list points to something else that page is damaged, and no other."""
    page = b"4 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
    data = hostile_files.pdf_of_pages(3).replace(page, b"4 0 obj\n42".ljust(len(page)))
    path = put(file, data)
    with pytest.raises(UnreadableDocument, match="page 2"):
        session.prepare(path, 2, RAW)
    assert [session.prepare(path, number, RAW).width for number in (1, 3)] == [1653, 1653]

"""What headers say, and what is refused on their word alone."""

import io
import struct

import pytest
from PIL import Image
from tests import hostile_files

from ocrgate.domain.document import MediaType
from ocrgate.errors import (
    DocumentLimit,
    OcrgateError,
    PayloadTooLarge,
    UnreadableDocument,
    UnsupportedMedia,
)
from ocrgate.imaging.headers import gif, jpeg
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.probe import belongs_in_worker, probe, read_header

LIMITS = ImageLimits()
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int) -> Image.Exif:
    """EXIF data with one tag."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize("kind", FORMATS)
def test_size_is_read_from_the_header(kind: str) -> None:
    """Width, height and byte count of every raster format."""
    data = saved(Image.new("RGB", (123, 45), "teal"), kind)
    info = probe(data, LIMITS)
    assert (info.media, info.pages) == (MediaType(f"image/{kind.lower()}"), 1)
    assert (info.width, info.height, info.bytes) == (123, 45, len(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_turned_pictures_have_the_size_that_is_shown(kind: str, orientation: int) -> None:
    """A phone's portrait photo is stored lying down; its size is that of the portrait."""
    data = saved(Image.new("RGB", (123, 45)), kind, exif=exif(orientation))
    info = probe(data, LIMITS)
    assert (info.width, info.height) == ((45, 123) if orientation >= 5 else (123, 45))


def test_orientation_after_the_pixels_is_found() -> None:
    """Some programs write a PNG's EXIF chunk behind the picture."""
    tag = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) + bytes(4)
    whole = hostile_files.png(40, 30)
    data = whole[:-12] + hostile_files.png_chunk(b"eXIf", tag) + whole[-12:]
    assert read_header(data, LIMITS).displayed == (30, 40)


def test_broken_exif_does_not_matter() -> None:
    """A picture with garbage where its orientation should be is upright."""
    data = saved(Image.new("L", (40, 30)), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert probe(data, LIMITS).width == 40


@pytest.mark.parametrize("mode", ["VP8", "VP8L", "VP8X"])
def test_all_three_kinds_of_webp(mode: str) -> None:
    """Lossy, lossless and extended files keep their size in different places."""
    options: dict[str, object] = {} if mode == "VP8" else {"lossless": True}
    options |= {"icc_profile": b"x" * 40} if mode == "VP8X" else {}
    data = saved(Image.new("RGB", (123, 45), "teal"), "WEBP", **options)
    assert data[12:16].strip() == mode.encode()
    assert (probe(data, LIMITS).width, probe(data, LIMITS).height) == (123, 45)


def test_bottom_up_and_old_bitmaps() -> None:
    """BMP sizes may be negative, and 16-bit in the oldest header."""
    assert probe(hostile_files.bmp(40, -30), LIMITS).height == 30
    old = b"BM" + struct.pack("<IHHIIHHHH", 26, 0, 0, 26, 12, 40, 30, 1, 24)
    assert (probe(old, LIMITS).width, probe(old, LIMITS).height) == (40, 30)


def test_tiff_pages_are_counted() -> None:
    """A fax of five sheets is five pages."""
    assert probe(hostile_files.tiff_of_many_pages(5), LIMITS).pages == 5


@pytest.mark.parametrize("order", ["<", ">"])
def test_bigtiff_of_both_byte_orders(order: str) -> None:
    """Files over 4 GB changed the format; small ones come in it too."""
    rows = ((256, 40), (257, 30))
    data = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HHHQ", 43, 8, 0, 16)
    data += struct.pack(f"{order}Q", len(rows))
    for tag, value in rows:
        data += struct.pack(f"{order}HHQHHI", tag, 3, 1, value, 0, 0)
    info = probe(data + bytes(8), LIMITS)
    assert (info.width, info.height, info.pages) == (40, 30, 1)


def test_tiff_chain_that_bites_its_tail_ends() -> None:
    """A page list that returns to its start is not followed for ever."""
    assert probe(hostile_files.tiff_cycle(), LIMITS).pages == 1


def test_animation_is_one_page() -> None:
    """Of moving pictures the first is read; a million frames cost nothing."""
    assert probe(hostile_files.gif(40, 30, frames=100_000), LIMITS).pages == 1


def test_gif_frame_may_reach_beyond_its_screen() -> None:
    """A GIF's true size is that of its first frame when this is larger than the screen."""
    whole = bytearray(hostile_files.gif(40, 30))
    whole[6:10] = struct.pack("<HH", 1, 1)
    header = gif.read(bytes(whole))
    assert (header.width, header.height) == (40, 30)


def test_progressive_scans_are_counted_to_the_end_of_the_picture() -> None:
    """A film that a phone appends does not count as scans of the photo."""
    data = hostile_files.jpeg(64, 64, progressive=True)
    film = b"\xff\xda\x00\x02" * 500
    assert jpeg.read(data, 64) == jpeg.read(data + film + b"\xff\xd9", 64)
    assert 1 < jpeg.read(data, 64).scans < 20


def test_scan_bomb_is_refused_at_the_limit() -> None:
    """As many scans as allowed pass, one more does not."""
    data = hostile_files.jpeg_scans(64, 64, 30)
    scans = jpeg.read(data, 1000).scans
    assert probe(data, ImageLimits(max_jpeg_scans=scans)).width == 64
    with pytest.raises(DocumentLimit, match="too many times") as refused:
        probe(data, ImageLimits(max_jpeg_scans=scans - 1))
    assert refused.value.limit == f"{scans - 1} scans"


def test_scans_cannot_hide_behind_a_false_end() -> None:
    """An end marker inside a comment between two scans does not stop the count."""
    data = hostile_files.jpeg_scans(64, 64, 30)
    first = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    hidden = data[:first] + b"\xff\xfe\x00\x04\xff\xd9" + data[first:]
    assert jpeg.read(hidden, 1000).scans == jpeg.read(data, 1000).scans


LIMIT_CASES = {
    "bytes": (ImageLimits(max_bytes=100), PayloadTooLarge, "100 bytes"),
    "pixels": (ImageLimits(max_pixels=1_000_000), DocumentLimit, "1 megapixels"),
    "side": (ImageLimits(max_side=1000), DocumentLimit, "1000 pixels per side"),
}


@pytest.mark.parametrize("name", LIMIT_CASES)
def test_refusals_name_field_and_limit(name: str) -> None:
    """Who is refused learns what was too much and how much is allowed."""
    limits, kind, text = LIMIT_CASES[name]
    with pytest.raises(kind) as refused:
        probe(hostile_files.png(2000, 1000), limits)
    assert (refused.value.field, refused.value.limit) == ("image", text)


def test_picture_that_no_worker_could_hold() -> None:
    """A WebP of 28 bytes within the pixel limit would still take a gigabyte to decode."""
    with pytest.raises(DocumentLimit, match="too much memory") as refused:
        probe(hostile_files.webp(8900, 8900), LIMITS)
    assert refused.value.limit == "1024 MB"
    assert probe(hostile_files.webp(4000, 3000), LIMITS).width == 4000


def test_heavy_and_dangerous_files_belong_in_a_worker() -> None:
    """Photos are decoded at once, faxes and gigabytes in disguise apart, nonsense nowhere."""
    assert not belongs_in_worker(hostile_files.jpeg(4000, 3000), LIMITS)
    assert belongs_in_worker(hostile_files.tiff_g4(8, 8), LIMITS)
    assert belongs_in_worker(hostile_files.pdf_box(72, 72), LIMITS)
    assert belongs_in_worker(hostile_files.webp(7000, 7000), LIMITS)
    assert not belongs_in_worker(hostile_files.webp(16_383, 16_383), LIMITS)
    assert not belongs_in_worker(b"<svg/>", LIMITS)


def test_too_many_pages() -> None:
    """Frames are bounded like pages."""
    with pytest.raises(DocumentLimit) as refused:
        probe(hostile_files.tiff_of_many_pages(6), ImageLimits(max_pages=5))
    assert refused.value.limit == "5 pages"


@pytest.mark.parametrize("data", [b"<svg/>", b"\0\0\x01\0\x01\0", b"hello"])
def test_unknown_bytes_learn_what_is_read(data: bytes) -> None:
    """The refusal lists the accepted formats."""
    with pytest.raises(UnsupportedMedia, match="JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC and PDF"):
        probe(data, LIMITS)


def test_empty_file() -> None:
    """Zero bytes are called empty."""
    with pytest.raises(UnreadableDocument, match="empty"):
        probe(b"", LIMITS)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_truncation_is_typed(kind: str) -> None:
    """An upload that broke off anywhere gives a size or a typed error."""
    data = saved(Image.new("RGB", (40, 30), "teal"), kind)
    for end in range(min(len(data), 400)):
        try:
            info = probe(data[:end], LIMITS)
        except OcrgateError:
            continue
        assert (info.width, info.height) == (40, 30)


def test_pictures_without_pixels() -> None:
    """A width of zero is damage."""
    with pytest.raises(UnreadableDocument, match="no pixels"):
        probe(hostile_files.jpeg_claiming(0, 10), LIMITS)


def test_pdf_is_not_probed_here() -> None:
    """PDF needs a worker process, and this function says so rather than guess."""
    with pytest.raises(UnsupportedMedia, match="worker"):
        probe(hostile_files.pdf_box(72, 72), LIMITS)


def test_only_tiff_has_further_pages() -> None:
    """Page 2 of a photo does not exist."""
    with pytest.raises(UnreadableDocument, match="no page 2"):
        read_header(hostile_files.png(4, 4), LIMITS, page=2)
    with pytest.raises(UnreadableDocument, match="no page 6"):
        read_header(hostile_files.tiff_of_many_pages(5), LIMITS, page=6)

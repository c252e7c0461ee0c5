"""From a file to a page that an engine can take."""

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from tests import hostile_files

from ocrgate.domain.document import Encoding, ImageSpec, PageImage
from ocrgate.errors import DocumentLimit, UnreadableDocument
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.prepare import as_it_came, prepare

LIMITS = ImageLimits()
RAW = ImageSpec(max_side=4096, encoding=Encoding.RAW)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def pixels(page: PageImage) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Rows of a RAW page, as height x width x channels."""
    assert page.encoding is Encoding.RAW
    rows = np.frombuffer(page.data, np.uint8)
    return rows.reshape(page.height, page.width, page.channels)


def drawn(size: tuple[int, int] = (640, 480), mode: str = "RGB") -> Image.Image:
    """A page with a colored mark, so that turning and channel order show."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).rectangle((10, 20, size[0] // 2, size[1] // 3), fill=(200, 30, 60))
    return image.convert(mode)


def opened(page: PageImage) -> Image.Image:
    """An encoded page, decoded again."""
    return Image.open(io.BytesIO(page.data))


def test_large_photo_is_shrunk_and_turned() -> None:
    """A lying 12-megapixel JPEG of an upright page comes out upright at 1024 pixels."""
    tags = Image.Exif()
    tags[0x0112] = 6
    photo = drawn((4000, 3000))
    page = prepare(saved(photo, "JPEG", exif=tags), 1, ImageSpec(1024), LIMITS)
    assert (page.width, page.height, page.channels) == (768, 1024, 3)
    assert (page.source_width, page.source_height) == (3000, 4000)
    wanted = photo.rotate(-90, expand=True).resize((768, 1024), Image.Resampling.LANCZOS)
    error = np.asarray(opened(page), float) - np.asarray(wanted, float)
    assert np.abs(error).mean() < 1.0


@pytest.mark.parametrize(
    ("mode", "kind", "channels"),
    [
        ("1", "PNG", 1),
        ("1", "TIFF", 1),
        ("L", "PNG", 1),
        ("L", "JPEG", 1),
        ("P", "GIF", 3),
        ("P", "PNG", 3),
        ("RGB", "WEBP", 3),
        ("RGB", "BMP", 3),
        ("RGB", "PNG", 3),
        ("CMYK", "TIFF", 3),
        ("CMYK", "JPEG", 3),
        ("YCbCr", "TIFF", 3),
        ("LAB", "TIFF", 1),
        ("I;16", "PNG", 1),
        ("I;16", "TIFF", 1),
        ("I", "TIFF", 1),
        ("F", "TIFF", 1),
    ],
)
def test_every_pixel_format_is_read(mode: str, kind: str, channels: int) -> None:
    """White stays white and the mark stays dark, in gray where the source is gray."""
    if mode in {"I;16", "I", "F"}:
        deep = np.asarray(drawn(mode="L"), np.uint16) * 257
        image = Image.fromarray(deep) if mode == "I;16" else Image.fromarray(deep).convert(mode)
    else:
        image = drawn(mode="RGB" if mode == "LAB" else mode)
        image = image.convert("L") if mode == "LAB" else image
        image = Image.merge("LAB", [image] * 3) if mode == "LAB" else image
    page = prepare(saved(image, kind), 1, RAW, LIMITS)
    assert page.channels == channels
    assert pixels(page)[400, 600].min() >= 250
    assert pixels(page)[50, 50].mean() < 160


def test_gray_stays_gray_and_gray_color_becomes_gray() -> None:
    """A gray page saved as color costs a third downstream."""
    gray = saved(drawn(mode="L").convert("RGB"), "PNG")
    assert prepare(gray, 1, RAW, LIMITS).channels == 1
    speck = drawn(mode="L").convert("RGB")
    speck.putpixel((333, 222), (0, 0, 200))
    assert prepare(saved(speck, "PNG"), 1, RAW, LIMITS).channels == 3


def test_dim_sixteen_bit_scan_is_not_black() -> None:
    """Scanners put 12 bits into 16: the brightest pixel is still paper."""
    deep = Image.fromarray(np.asarray(drawn(mode="L"), np.uint16) * 16)
    assert pixels(prepare(saved(deep, "TIFF"), 1, RAW, LIMITS)).max() >= 250


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_dark_ink_on_nothing_is_put_on_white(mode: str) -> None:
    """A logo cut out of its background stays legible."""
    image = Image.new("RGBA", (100, 60), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((10, 10, 30, 30), fill=(20, 20, 20, 255))
    kind = "TIFF" if mode == "PA" else "PNG"
    image = image if mode == "PA" else image.convert(mode)
    page = pixels(prepare(saved(image, kind), 1, RAW, LIMITS))
    assert page[50, 90].min() == 255
    assert page[20, 20].max() < 40


def test_light_ink_on_nothing_is_put_on_black() -> None:
    """White text made for dark pages does not vanish."""
    image = Image.new("RGBA", (100, 60), (255, 255, 255, 0))
    ImageDraw.Draw(image).rectangle((10, 10, 30, 30), fill=(250, 250, 250, 255))
    page = pixels(prepare(saved(image, "WEBP", lossless=True), 1, RAW, LIMITS))
    assert page[50, 90].max() == 0
    assert page[20, 20].min() >= 248


def test_screenshot_with_transparent_corners_stays_on_white() -> None:
    """A light window with a shadow is a page, not light ink."""
    image = Image.new("RGBA", (100, 60), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((5, 5, 95, 55), fill=(245, 245, 245, 255))
    page = pixels(prepare(saved(image, "PNG"), 1, RAW, LIMITS))
    assert page[0, 0].min() == 255


def test_transparent_palette_color_is_paper() -> None:
    """A GIF's or PNG's one transparent color counts as transparent."""
    image = Image.new("P", (60, 40), 0)
    image.putpalette([0, 0, 0, 10, 10, 10, 250, 0, 0])
    ImageDraw.Draw(image).rectangle((10, 10, 20, 20), fill=1)
    for kind in ("GIF", "PNG"):
        page = pixels(prepare(saved(image, kind, transparency=0), 1, RAW, LIMITS))
        assert page[35, 55].min() == 255
        assert page[15, 15].max() <= 10


@pytest.mark.corpus
def test_real_white_text_on_transparent_ground(corpus: Path) -> None:
    """The file that taught the rule: its ink stands out from its ground."""
    data = (corpus / "images" / "rapid_white_font_color_transparent.png").read_bytes()
    page = pixels(prepare(data, 1, RAW, LIMITS))
    assert page.min() == 0
    assert page.max() >= 250


@pytest.mark.parametrize(("kind", "encoding"), [("JPEG", Encoding.JPEG), ("PNG", Encoding.PNG)])
def test_file_that_fits_is_handed_on_unchanged(kind: str, encoding: Encoding) -> None:
    """No loss and no cost when there is nothing to do."""
    data = saved(drawn(), kind)
    page = prepare(data, 1, ImageSpec(1024), LIMITS)
    assert page.data == data
    assert (page.encoding, page.width, page.height, page.channels) == (encoding, 640, 480, 3)


def not_to_be_passed() -> dict[str, bytes]:
    """Files that fit and still need work."""
    tags = Image.Exif()
    tags[0x0112] = 3
    small = drawn()
    broken = bytearray(saved(small, "PNG"))
    broken[-20] ^= 1
    return {
        "turned": saved(small, "JPEG", exif=tags),
        "four colors": saved(drawn(mode="CMYK"), "JPEG"),
        "alpha": saved(drawn(mode="RGBA"), "PNG"),
        "transparent color": saved(drawn(mode="P"), "PNG", transparency=0),
        "animation": saved(small, "PNG", save_all=True, append_images=[ImageOps.mirror(small)]),
        "webp": saved(small, "WEBP"),
        "gif": saved(small, "GIF"),
        "appended film": saved(small, "JPEG") + b"mp4",
        "second picture": saved(small, "MPO", save_all=True, append_images=[small]) + b"\0",
    }


@pytest.mark.parametrize("name", not_to_be_passed())
def test_file_that_needs_work_is_not_handed_on(name: str) -> None:
    """Turned, transparent, animated or unusual files are encoded anew, as JPEG."""
    data = not_to_be_passed()[name]
    page = prepare(data, 1, ImageSpec(1024), LIMITS)
    assert page.data != data
    assert page.encoding is Encoding.JPEG
    assert (page.width, page.height) == (640, 480)


def test_damaged_png_is_not_handed_on() -> None:
    """A wrong checksum is found here and not by the engine."""
    whole = saved(drawn(), "PNG")
    at = whole.index(b"IDAT") + 20
    damaged = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
    with pytest.raises(UnreadableDocument, match="page 1"):
        prepare(damaged, 1, ImageSpec(1024), LIMITS)


def test_cut_jpeg_is_a_typed_error() -> None:
    """An upload that broke off near its end says so."""
    data = saved(drawn(), "JPEG")
    with pytest.raises(UnreadableDocument, match="cut off"):
        prepare(data[: len(data) * 3 // 4], 1, ImageSpec(1024), LIMITS)


def test_pixels_missing_inside_a_whole_png() -> None:
    """A PNG whose data ends early although its chunks are whole is cut off too."""
    rows = zlib.compress(bytes(100))
    whole = hostile_files.png(40, 30, bits=8)
    start, end = whole.index(b"IDAT") - 4, whole.index(b"IEND") - 4
    data = whole[:start] + hostile_files.png_chunk(b"IDAT", rows) + whole[end:]
    with pytest.raises(UnreadableDocument):
        prepare(data, 1, RAW, LIMITS)


@pytest.mark.parametrize(
    ("mode", "spec", "encoding"),
    [
        ("RGB", ImageSpec(300), Encoding.JPEG),
        ("L", ImageSpec(300), Encoding.JPEG),
        ("RGB", ImageSpec(300, lossless=True), Encoding.WEBP),
        ("L", ImageSpec(300, lossless=True), Encoding.PNG),
        ("RGB", ImageSpec(300, encoding=Encoding.PNG), Encoding.PNG),
        ("RGB", ImageSpec(300, encoding=Encoding.RAW), Encoding.RAW),
    ],
)
def test_encoding_follows_the_spec(mode: str, spec: ImageSpec, encoding: Encoding) -> None:
    """JPEG by default, lossless on request, rows for an engine in memory."""
    page = prepare(saved(drawn(mode=mode), "PNG"), 1, spec, LIMITS)
    assert (page.encoding, page.width, page.height) == (encoding, 300, 225)
    if encoding is Encoding.RAW:
        assert len(page.data) == 300 * 225 * page.channels
    else:
        assert opened(page).size == (300, 225)


def test_lossless_pages_beyond_webp_are_png() -> None:
    """WebP ends at 16,383 pixels."""
    long = drawn((17_000, 90))
    spec = ImageSpec(20_000, encoding=Encoding.JPEG, lossless=True)
    assert prepare(saved(long, "BMP"), 1, spec, LIMITS).encoding is Encoding.PNG


def test_jpeg_keeps_full_color_resolution() -> None:
    """Red text on white stays red: no chroma subsampling."""
    page = prepare(saved(drawn(), "BMP"), 1, ImageSpec(600), LIMITS)
    components = opened(page)
    components.load()
    assert getattr(components, "layer", None)  # (id, horizontal, vertical, table) per component
    assert {layer[1:3] for layer in components.layer} == {(1, 1)}  # type: ignore[attr-defined]


def test_second_page_of_a_fax() -> None:
    """Pages of a TIFF are read one by one, each with its own size."""
    sheets = [Image.new("1", size, 1) for size in ((80, 60), (50, 90))]
    data = saved(sheets[0], "TIFF", save_all=True, append_images=sheets[1:], compression="group4")
    page = prepare(data, 2, RAW, LIMITS)
    assert (page.width, page.height, page.channels) == (50, 90, 1)
    with pytest.raises(UnreadableDocument, match="no page 3"):
        prepare(data, 3, RAW, LIMITS)


def test_later_page_over_the_limit() -> None:
    """Each page is measured when its turn comes."""
    sheets = [Image.new("1", size, 1) for size in ((80, 60), (500, 900))]
    data = saved(sheets[0], "TIFF", save_all=True, append_images=sheets[1:])
    with pytest.raises(DocumentLimit):
        prepare(data, 2, RAW, ImageLimits(max_pixels=100_000))


def test_first_picture_of_an_animation() -> None:
    """The first frame is the page."""
    frames = [Image.new("RGB", (60, 40), color) for color in ("white", "black")]
    for kind in ("GIF", "WEBP", "PNG"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        assert pixels(prepare(data, 1, RAW, LIMITS)).min() >= 250


def test_views_of_memory_are_accepted() -> None:
    """A part of a request body need not be copied out first."""
    data = saved(drawn(), "PNG")
    body = memoryview(b"--boundary" + data + b"--")[10:-2]
    assert prepare(body, 1, ImageSpec(1024), LIMITS).data == data


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_page_that_fits_is_known_by_its_head(kind: str) -> None:
    """Without decoding, and to the same result as with it."""
    data = saved(drawn(), kind)
    page = as_it_came(data, 1, ImageSpec(1024), LIMITS)
    assert page is not None
    assert page == prepare(data, 1, ImageSpec(1024), LIMITS)
    assert page.data == data


def test_a_page_that_needs_work_is_left_to_those_who_do_it() -> None:
    """Too large, turned, or for an engine that wants raw pixels."""
    tags = Image.Exif()
    tags[0x0112] = 6
    assert as_it_came(saved(drawn((2000, 100)), "JPEG"), 1, ImageSpec(1024), LIMITS) is None
    assert as_it_came(saved(drawn(), "JPEG", exif=tags), 1, ImageSpec(1024), LIMITS) is None
    assert as_it_came(saved(drawn(), "JPEG"), 1, RAW, LIMITS) is None

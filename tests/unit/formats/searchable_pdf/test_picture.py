"""Page images on their way into a PDF."""

import io
import zlib

import pytest
from PIL import Image

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.errors import UnreadableDocument
from ocrgate.formats.searchable_pdf.picture import picture


def encoded(mode: str, kind: str, **options: object) -> bytes:
    """An image of 30 by 20 with some structure."""
    image = Image.linear_gradient("L").resize((30, 20)).convert(mode)
    sink = io.BytesIO()
    image.save(sink, kind, **options)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("mode", "space", "inverted"),
    [("L", "/DeviceGray", False), ("RGB", "/DeviceRGB", False), ("CMYK", "/DeviceCMYK", True)],
)
def test_a_jpeg_keeps_its_bytes_and_says_its_colors(mode: str, space: str, inverted: bool) -> None:
    """Gray, color and printer's JPEGs are passed on with the color space they have."""
    data = encoded(mode, "JPEG")
    shown = picture(PageImage(data, Encoding.JPEG, 30, 20, 3, 30, 20))
    assert shown.data is data
    assert (shown.width, shown.height, shown.space) == (30, 20, space)
    assert ("/Decode [1 0" in shown.entries) is inverted


def test_a_progressive_jpeg_with_metadata_is_understood() -> None:
    """Segments before the frame are skipped, whatever is in them."""
    exif = Image.Exif()
    exif[270] = "a description " * 50
    data = encoded("RGB", "JPEG", progressive=True, exif=exif, comment=b"\xff\xc0 not a frame")
    assert picture(PageImage(data, Encoding.JPEG, 30, 20, 3, 30, 20)).width == 30


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xe0\x00\x00", b"\x89PNG" + bytes(50)],
)
def test_what_is_no_jpeg_is_a_typed_error(data: bytes) -> None:
    """Damaged data is refused, not embedded and not looped over."""
    with pytest.raises(UnreadableDocument):
        picture(PageImage(data, Encoding.JPEG, 30, 20, 3, 30, 20))


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
@pytest.mark.parametrize(("kind", "encoding"), [("PNG", Encoding.PNG), ("WEBP", Encoding.WEBP)])
def test_a_lossless_image_stays_lossless(
    mode: str, channels: int, kind: str, encoding: Encoding
) -> None:
    """Screenshots and line art keep every pixel."""
    data = encoded(mode, kind, **({"lossless": True} if kind == "WEBP" else {}))
    shown = picture(PageImage(data, encoding, 30, 20, channels, 30, 20))
    with Image.open(io.BytesIO(data)) as image:
        assert zlib.decompress(shown.data) == image.convert(mode).tobytes()
    assert "/FlateDecode" in shown.entries


@pytest.mark.parametrize("channels", [1, 3])
def test_raw_pixels_are_packed(channels: int) -> None:
    """Pixels from an engine in this machine become a JPEG that looks the same."""
    raw = Image.linear_gradient("L").resize((30, 20)).convert("L" if channels == 1 else "RGB")
    image = PageImage(raw.tobytes(), Encoding.RAW, 30, 20, channels, 30, 20)
    with Image.open(io.BytesIO(picture(image).data)) as shown:
        assert shown.mode == raw.mode
        pairs = zip(shown.tobytes(), raw.tobytes(), strict=True)
        assert max(abs(a - b) for a, b in pairs) < 8


@pytest.mark.parametrize("encoding", [Encoding.RAW, Encoding.PNG])
def test_data_that_does_not_fit_is_a_typed_error(encoding: Encoding) -> None:
    """Too few pixels, or none that can be decoded, are refused."""
    with pytest.raises(UnreadableDocument):
        picture(PageImage(b"abc", encoding, 30, 20, 3, 30, 20))

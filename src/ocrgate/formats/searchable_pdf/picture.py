"""A page's pixels as a PDF image."""

import io
import zlib
from dataclasses import dataclass

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.errors import UnreadableDocument

_QUALITY = 90  # of JPEG, for pixels that come as they are
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start-of-frame markers
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_SPACES = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}


@dataclass(frozen=True, slots=True)
class Picture:
    """The data of an image XObject and its dictionary's entries."""

    data: bytes
    width: int
    height: int
    space: str
    filter: str
    decode: str = ""

    @property
    def entries(self) -> str:
        """The dictionary without its brackets and ``/Length``."""
        return (
            f"/Type /XObject /Subtype /Image /Width {self.width} /Height {self.height}"
            f" /ColorSpace {self.space} /BitsPerComponent 8 /Filter {self.filter}{self.decode}"
        )


def picture(image: PageImage) -> Picture:
    """The image for embedding: JPEG bytes as they are, PNG and WebP lossless, raw pixels as JPEG.

    Raises:
        UnreadableDocument: the image's data is not what it says.
    """
    if image.encoding is Encoding.JPEG:
        return _jpeg(image.data)
    if image.encoding is Encoding.RAW:
        return _jpeg(_compressed(image))
    return _lossless(image)


def _jpeg(data: bytes) -> Picture:
    width, height, components, inverted = _frame_header(data)
    # Adobe's CMYK JPEGs store ink the other way round, and say so by their APP14 segment.
    decode = " /Decode [1 0 1 0 1 0 1 0]" if components == 4 and inverted else ""
    return Picture(data, width, height, _SPACES[components], "/DCTDecode", decode)


def _frame_header(data: bytes) -> tuple[int, int, int, bool]:
    """Width, height, components, and whether Adobe's segment is there (ITU-T T.81, B.2.2)."""
    at, adobe = 2, False
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _BARE:
            at += 1 if marker == 0xFF else 2
            continue
        adobe |= marker == 0xEE and data[at + 4 : at + 9] == b"Adobe"
        if marker in _FRAMES and at + 10 <= len(data) and data[at + 9] in _SPACES:
            height = int.from_bytes(data[at + 5 : at + 7], "big")
            return int.from_bytes(data[at + 7 : at + 9], "big"), height, data[at + 9], adobe
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise UnreadableDocument("the page's JPEG data has no frame header", field="image")


def _compressed(image: PageImage) -> bytes:
    from PIL import Image  # noqa: PLC0415 (only where pixels come unpacked)

    mode = "L" if image.channels == 1 else "RGB"
    try:
        pixels = Image.frombytes(mode, (image.width, image.height), image.data)
    except ValueError as error:
        raise UnreadableDocument(f"the page's pixels do not fit its size: {error}") from error
    sink = io.BytesIO()
    pixels.save(sink, "JPEG", quality=_QUALITY, subsampling=0)
    return sink.getvalue()


def _lossless(image: PageImage) -> Picture:
    from PIL import Image  # noqa: PLC0415 (only for PNG and WebP)

    mode = "L" if image.channels == 1 else "RGB"
    try:
        with Image.open(io.BytesIO(image.data)) as opened:
            pixels = opened.convert(mode)
    except (OSError, ValueError, SyntaxError) as error:
        raise UnreadableDocument(f"the page's image cannot be decoded: {error}") from error
    data = zlib.compress(pixels.tobytes(), 6)
    return Picture(data, pixels.width, pixels.height, _SPACES[image.channels], "/FlateDecode")

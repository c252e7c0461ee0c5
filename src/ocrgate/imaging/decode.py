"""Bytes to pixels, through Pillow, with nothing switched on that a page does not need."""

from typing import BinaryIO, Final

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from ocrgate.domain.document import MediaType
from ocrgate.imaging.faults import decoding
from ocrgate.imaging.geometry import Reach, Size
from ocrgate.imaging.headers.header import Header
from ocrgate.imaging.modes import simplify

# How much larger than the target a JPEG must stay when the decoder shrinks it. At 1.0 (Pillow's
# own choice) text of 2048 to 2900 pixel wide pages is visibly damaged; at 1.5 SSIM stays >= 0.997.
DRAFT_MARGIN: Final = 1.5

# Our own limits were checked on the header. Pillow's would warn or raise at another number.
Image.MAX_IMAGE_PIXELS = None

# The classes themselves rather than Image.open: no format is guessed, and a JPEG with a second
# picture behind it (MPO) is opened as the JPEG that it is.
_OPENERS: Final[dict[MediaType, type[ImageFile.ImageFile]]] = {
    MediaType.JPEG: JpegImagePlugin.JpegImageFile,
    MediaType.PNG: PngImagePlugin.PngImageFile,
    MediaType.WEBP: WebPImagePlugin.WebPImageFile,
    MediaType.TIFF: TiffImagePlugin.TiffImageFile,
    MediaType.BMP: BmpImagePlugin.BmpImageFile,
    MediaType.GIF: GifImagePlugin.GifImageFile,
}


def decode(
    file: BinaryIO, header: Header, page: int, target: Size
) -> tuple[Image.Image, Reach | None]:
    """The pixels of a 1-based page as ``L`` or ``RGB``, stored orientation, no smaller than needed.

    The second item is the part of them that the page covers, when that is not all.

    Args:
        file: the whole file, seekable.
        header: what its probing found.
        page: frame of a TIFF; 1 for every other format.
        target: the size to which the caller will shrink it, in stored orientation.

    Raises:
        UnreadableDocument: damaged or cut off.
        DocumentLimit: out of memory.
    """
    with decoding(f"page {page}"):
        drafted = None
        image = _OPENERS[header.media](file)
        if header.media is MediaType.TIFF:
            image.seek(page - 1)
        elif header.media is MediaType.JPEG:
            drafted = image.draft(None, _with_margin(target))
        image.load()
        return simplify(image), drafted and drafted[1][2:]


def _with_margin(target: Size) -> Size:
    width, height = (max(1, round(side * DRAFT_MARGIN)) for side in target)
    return width, height

"""Pixels to bytes: rows for an engine in this machine, files for one over HTTP."""

from io import BytesIO
from typing import Final

from PIL import Image

from ocrgate.domain.document import Encoding, ImageSpec, PageImage
from ocrgate.imaging.geometry import Size

_WEBP_SIDE: Final = 16_383  # the format's own bound

# Measured on pages of 1024 pixels: 4:4:4 keeps colored text sharp for 1.4 ms; higher PNG and WebP
# levels cost tens to hundreds of milliseconds for a few per cent.
_OPTIONS: Final[dict[Encoding, dict[str, object]]] = {
    Encoding.JPEG: {"quality": 95, "subsampling": 0},
    Encoding.PNG: {"compress_level": 1},
    Encoding.WEBP: {"lossless": True, "method": 0, "quality": 0},
}


def encode(image: Image.Image, spec: ImageSpec, source: Size) -> PageImage:
    """Pack an upright ``L`` or ``RGB`` picture as ``spec`` asks; ``source`` is the page's size."""
    encoding = chosen(spec, image.mode, image.size)
    return PageImage(
        image.tobytes() if encoding is Encoding.RAW else _file(image, encoding),
        encoding,
        image.width,
        image.height,
        len(image.getbands()),
        *source,
    )


def chosen(spec: ImageSpec, mode: str, size: Size) -> Encoding:
    """The encoding for a picture: lossless is PNG for gray, WebP for color where WebP reaches."""
    wanted = spec.encoding
    if wanted is Encoding.JPEG and spec.lossless:
        wanted = Encoding.PNG if mode == "L" else Encoding.WEBP
    if wanted is Encoding.WEBP and max(size) > _WEBP_SIDE:
        return Encoding.PNG
    return wanted


def _file(image: Image.Image, encoding: Encoding) -> bytes:
    out = BytesIO()
    image.save(out, encoding.value, **_OPTIONS[encoding])
    return out.getvalue()

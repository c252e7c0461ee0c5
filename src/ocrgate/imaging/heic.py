"""HEIC photographs, when the extra that reads them is installed."""

from pathlib import Path
from typing import Any

from PIL import Image

from ocrgate.errors import UnsupportedMedia
from ocrgate.imaging.faults import decoding
from ocrgate.imaging.geometry import Size
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.modes import simplify
from ocrgate.imaging.probe import check_size


def size(path: Path, limits: ImageLimits) -> Size:
    """Displayed width and height of the main picture, from the file's boxes alone.

    Raises:
        UnsupportedMedia: the extra is not installed; the message says how to get it.
        UnreadableDocument: damaged.
        DocumentLimit: too many pixels.
    """
    return _checked(path, limits)[1]


def decode(path: Path, limits: ImageLimits) -> Image.Image:
    """The main picture, upright, as ``L`` or ``RGB``. Raises what ``size`` raises."""
    picture, _ = _checked(path, limits)
    with decoding("the picture"):
        return simplify(picture.to_pillow())


def _checked(path: Path, limits: ImageLimits) -> tuple[Any, Size]:
    library = _library()
    with decoding("the picture"):
        picture = library.open_heif(path)  # lazy: pixels are decoded when first asked for
        width, height = picture.size
    check_size(width, height, limits)
    return picture, (width, height)


def _library() -> Any:
    try:
        import pi_heif  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UnsupportedMedia(
            "HEIC photographs need an extra: pip install 'ocrgate[heic]'", field="image"
        ) from error
    return pi_heif

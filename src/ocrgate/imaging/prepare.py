"""One page of a raster file, ready for an engine: decode, shrink, turn upright, pack."""

from io import BytesIO
from typing import BinaryIO

from PIL import Image

from ocrgate.domain.document import Encoding, ImageSpec, MediaType, PageImage
from ocrgate.imaging.decode import decode
from ocrgate.imaging.encode import encode
from ocrgate.imaging.geometry import Size, lies, target, upright
from ocrgate.imaging.headers import png
from ocrgate.imaging.headers.header import Buffer, Header
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.modes import to_gray_if_gray
from ocrgate.imaging.probe import check_bytes, read_header, read_tiff
from ocrgate.imaging.resize import shrink
from ocrgate.imaging.windows import FileBytes

_FILES = {MediaType.JPEG: Encoding.JPEG, MediaType.PNG: Encoding.PNG}


def prepare(data: Buffer, page: int, spec: ImageSpec, limits: ImageLimits) -> PageImage:
    """One 1-based page of a raster file in memory, upright and at most ``spec.max_side`` long.

    Runs for milliseconds to seconds without the interpreter lock: call it in a bounded thread
    pool, and in a worker process for formats of which ``needs_worker`` is true.

    Raises:
        UnsupportedMedia, UnreadableDocument, DocumentLimit, PayloadTooLarge.
    """
    header = _read(data, page, limits)
    return _passed(data, header, spec) or _ready(BytesIO(data), header, page, spec)


def as_it_came(data: Buffer, page: int, spec: ImageSpec, limits: ImageLimits) -> PageImage | None:
    """What :func:`prepare` makes of a page that the engine can be given unchanged, else None.

    Looks at the file without decoding it.

    Raises:
        UnsupportedMedia, UnreadableDocument, DocumentLimit, PayloadTooLarge.
    """
    return _passed(data, _read(data, page, limits), spec)


def _read(data: Buffer, page: int, limits: ImageLimits) -> Header:
    check_bytes(len(data), limits)
    return read_header(data, limits, page)


def prepare_tiff(file: BinaryIO, page: int, spec: ImageSpec, limits: ImageLimits) -> PageImage:
    """The same for one page of a TIFF on disk, of which only that page is read."""
    data = FileBytes(file)
    check_bytes(len(data), limits)
    return _ready(file, read_tiff(data, limits, page), page, spec)


def _ready(file: BinaryIO, header: Header, page: int, spec: ImageSpec) -> PageImage:
    stored, turn = (header.width, header.height), header.orientation
    if header.media is MediaType.TIFF:  # Pillow turns these upright itself while it loads them
        stored, turn = header.displayed, 1
    size = target(stored, spec, turned=lies(turn))
    image, reach = decode(file, header, page, size)
    small = to_gray_if_gray(shrink(image, size, reach))
    return encode(upright(small, turn), spec, header.displayed)


def pack(image: Image.Image, spec: ImageSpec, source: Size) -> PageImage:
    """Shrink and encode upright pixels that were drawn; ``source`` is the page's own size."""
    small = shrink(image, target(image.size, spec))
    return encode(to_gray_if_gray(small), spec, source)


def _may_pass(data: Buffer, header: Header, spec: ImageSpec) -> bool:
    """Whether the engine can be given the very bytes that came, without loss or cost."""
    size = (header.width, header.height)
    if not (target(size, spec) == size and header.plain and spec.encoding is Encoding.JPEG):
        return False
    return header.media is MediaType.JPEG or png.intact(data)


def _passed(data: Buffer, header: Header, spec: ImageSpec) -> PageImage | None:
    if not _may_pass(data, header, spec):
        return None
    size = (header.width, header.height)
    return PageImage(bytes(data), _FILES[header.media], *size, header.channels, *size)

"""What a file is and how large, without decoding: every limit is checked here, before any cost."""

from ocrgate.domain.document import DocumentInfo, MediaType
from ocrgate.errors import (
    DocumentLimit,
    PayloadTooLarge,
    RequestError,
    UnreadableDocument,
    UnsupportedMedia,
)
from ocrgate.imaging.headers import bmp, gif, jpeg, png, tiff, webp
from ocrgate.imaging.headers.header import Buffer, Header, Sliced
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.media import ACCEPTED, HELD_BYTES, needs_worker, sniff, working_memory

__all__ = [
    "belongs_in_worker",
    "check_bytes",
    "check_held",
    "check_size",
    "media_of",
    "probe",
    "probe_tiff",
    "read_header",
    "read_tiff",
    "sniff",
]


def probe(data: Buffer, limits: ImageLimits) -> DocumentInfo:
    """Format, pages and displayed size of a raster file in memory, in well under a millisecond.

    An animation counts as one page, its first picture.

    Raises:
        PayloadTooLarge: more than ``limits.max_bytes``.
        UnsupportedMedia: not a format read here, or one that only a worker reads (PDF, HEIC).
        UnreadableDocument: empty or cut off.
        DocumentLimit: too many pixels, pages or scans.
    """
    check_bytes(len(data), limits)
    return _info(read_header(data, limits), len(data))


def probe_tiff(data: Sliced, limits: ImageLimits) -> DocumentInfo:
    """The same for a TIFF of any size, of which only the directories are looked at."""
    check_bytes(len(data), limits)
    return _info(read_tiff(data, limits), len(data))


def _info(header: Header, size: int) -> DocumentInfo:
    width, height = header.displayed
    return DocumentInfo(header.media, header.frames, width, height, size)


def belongs_in_worker(data: Buffer, limits: ImageLimits) -> bool:
    """Whether a file in memory must be decoded by a worker: dangerous, or heavy for its size.

    A WebP of 28 bytes can ask for a gigabyte. False for what ``probe`` will refuse anyway.
    """
    media = sniff(data)
    if media is None or needs_worker(media):
        return media is not None
    try:
        header = read_header(data, limits)
    except RequestError:
        return False
    return needs_worker(media, header.width * header.height)


def read_header(data: Buffer, limits: ImageLimits, page: int = 1) -> Header:
    """The header of one 1-based page, within limits. Raises what ``probe`` raises."""
    media = media_of(data)
    if media is MediaType.TIFF:
        return read_tiff(data, limits, page)
    if page != 1:
        raise UnreadableDocument(f"there is no page {page}, the picture is one", field="image")
    if media is MediaType.JPEG:
        return _within(jpeg.read(data, limits.max_jpeg_scans), limits)
    return _within(_other(media, data), limits)


def read_tiff(data: Sliced, limits: ImageLimits, page: int = 1) -> Header:
    """The header of one 1-based page of a TIFF, within limits. Raises what ``probe`` raises."""
    return _within(tiff.read(data, limits.max_pages, page), limits)


def _within(header: Header, limits: ImageLimits) -> Header:
    check_size(header.width, header.height, limits)
    if working_memory(header.media, header.width * header.height) > limits.memory:
        raise DocumentLimit(
            f"the picture of {header.width} by {header.height} pixels takes too much memory",
            field="image",
            limit=f"{limits.memory // 2**20} MB",
        )
    return header


def media_of(data: Buffer) -> MediaType:
    """The format of these bytes.

    Raises:
        UnreadableDocument: there are none.
        UnsupportedMedia: no format read here; the message names those that are.
    """
    if not len(data):
        raise UnreadableDocument("the file is empty", field="image")
    media = sniff(data)
    if media is None:
        raise UnsupportedMedia(f"these bytes are none of {ACCEPTED}", field="image")
    return media


def check_bytes(size: int, limits: ImageLimits) -> None:
    """Refuse a file of more bytes than allowed.

    Raises:
        PayloadTooLarge: it has.
    """
    if size > limits.max_bytes:
        raise PayloadTooLarge(
            f"the file has {size} bytes", field="image", limit=f"{limits.max_bytes} bytes"
        )


def check_held(size: int, limits: ImageLimits) -> None:
    """Refuse a file that is of a format read into memory whole, and has too many bytes for it.

    PDF and TIFF are read piece by piece and may be larger.

    Raises:
        PayloadTooLarge: it has.
    """
    if size > HELD_BYTES < limits.max_bytes:
        raise PayloadTooLarge(
            f"the picture has {size} bytes; only PDF and TIFF may have as many",
            field="image",
            limit=f"{HELD_BYTES} bytes",
        )
    check_bytes(size, limits)


def check_size(width: int, height: int, limits: ImageLimits) -> None:
    """Refuse pictures without pixels and pictures with too many.

    Raises:
        UnreadableDocument: a side is zero.
        DocumentLimit: a side or the area is over its limit.
    """
    if min(width, height) < 1:
        raise UnreadableDocument("the picture has no pixels", field="image")
    if max(width, height) > limits.max_side:
        raise DocumentLimit(
            f"a side of the picture of {width} by {height} pixels is too long",
            field="image",
            limit=f"{limits.max_side} pixels per side",
        )
    if width * height > limits.max_pixels:
        raise DocumentLimit(
            f"the picture has {width} by {height} pixels",
            field="image",
            limit=f"{limits.max_pixels / 1e6:g} megapixels",
        )


def _other(media: MediaType, data: Buffer) -> Header:
    reader = _READERS.get(media)
    if reader is None:
        raise UnsupportedMedia(f"{media} is read by a worker process only", field="image")
    return reader(data)


_READERS = {
    MediaType.PNG: png.read,
    MediaType.WEBP: webp.read,
    MediaType.GIF: gif.read,
    MediaType.BMP: bmp.read,
}

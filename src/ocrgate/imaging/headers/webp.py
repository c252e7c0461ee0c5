"""WebP: the RIFF chunks in front of the picture (RFC 9649)."""

from collections.abc import Iterator

from ocrgate.domain.document import MediaType
from ocrgate.errors import UnreadableDocument
from ocrgate.imaging.headers import exif
from ocrgate.imaging.headers.header import Buffer, Header, number

_MAX_CHUNKS = 5_000


def read(data: Buffer) -> Header:
    """Size (of the canvas where there is one) and orientation; an animation is its first picture.

    Raises:
        UnreadableDocument: cut off, or no picture where one must be.
    """
    first = bytes(data[12:16])
    if first == b"VP8X":
        width, height = 1 + number(data, 24, 3, "little"), 1 + number(data, 27, 3, "little")
        return Header(MediaType.WEBP, width, height, orientation=_orientation(data))
    if first == b"VP8L" and number(data, 20, 1, "little") == 0x2F:
        bits = number(data, 21, 4, "little")
        return Header(MediaType.WEBP, 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if first == b"VP8 " and bytes(data[23:26]) == b"\x9d\x01\x2a":
        width, height = number(data, 26, 2, "little"), number(data, 28, 2, "little")
        return Header(MediaType.WEBP, width & 0x3FFF, height & 0x3FFF)
    raise UnreadableDocument("the WebP has no picture in it", field="image")


def _orientation(data: Buffer) -> int:
    if not data[20] & 0x08:  # the flag that an EXIF chunk follows
        return 1
    for kind, at, size in _chunks(data):
        if kind == b"EXIF":
            return exif.orientation(data[at : at + size])
    return 1


def _chunks(data: Buffer) -> Iterator[tuple[bytes, int, int]]:
    at = 12
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(data):
            return
        size = number(data, at + 4, 4, "little")
        yield bytes(data[at : at + 4]), at + 8, size
        at += 8 + size + size % 2

"""PNG: a walk over the chunks' own headers (ISO/IEC 15948, clauses 5 and 11)."""

import zlib
from collections.abc import Iterator

from ocrgate.domain.document import MediaType
from ocrgate.errors import DocumentLimit, UnreadableDocument
from ocrgate.imaging.headers import exif
from ocrgate.imaging.headers.header import Buffer, Header, number

_MAX_CHUNKS = 20_000  # 64 MB in the 8 kB chunks that common writers make; more only slows decoders
_GRAY, _COLOR, _PALETTE = 0, 2, 3
# Chunks that make a file more than 8 bits of opaque color: transparency, animation, orientation.
_NOT_PLAIN = frozenset({b"tRNS", b"acTL", b"eXIf"})


def read(data: Buffer) -> Header:
    """Size, orientation, and whether the file may be handed on unchanged.

    Raises:
        UnreadableDocument: cut off before the picture, or without one.
        DocumentLimit: tens of thousands of chunks.
    """
    if bytes(data[12:16]) != b"IHDR" or number(data, 8, 4, "big") != 13:
        raise UnreadableDocument("the PNG does not begin with its header", field="image")
    kinds: set[bytes] = set()
    orientation = 1
    for kind, at, size in _chunks(data):
        kinds.add(kind)
        if kind == b"eXIf":
            orientation = exif.orientation(data[at : at + size])
    if b"IDAT" not in kinds:
        raise UnreadableDocument("the PNG has no picture in it", field="image")
    bits, color = number(data, 24, 1, "big"), number(data, 25, 1, "big")
    return Header(
        MediaType.PNG,
        number(data, 16, 4, "big"),
        number(data, 20, 4, "big"),
        orientation=orientation,
        plain=_is_plain(bits, color, kinds),
        channels=1 if color == _GRAY else 3,
    )


def intact(data: Buffer) -> bool:
    """Whether every chunk's checksum is right: what a decoder would find out, at memory speed."""
    view = memoryview(data)
    return all(
        zlib.crc32(view[at - 4 : at + size]) == number(data, at + size, 4, "big")
        for _, at, size in _chunks(data)
    )


def _chunks(data: Buffer) -> Iterator[tuple[bytes, int, int]]:
    """Kind, offset and size of each complete chunk's content."""
    at, end = 8, len(data)
    for _ in range(_MAX_CHUNKS):
        if at + 12 > end:
            return
        size, kind = int.from_bytes(data[at : at + 4], "big"), bytes(data[at + 4 : at + 8])
        complete = at + 12 + size <= end
        if complete or kind == b"IDAT":
            yield kind if complete else b"IDAT", at + 8, size
        if kind == b"IEND" or not complete:
            return
        at += 12 + size
    raise DocumentLimit(
        "the PNG is cut into too many chunks", field="image", limit=f"{_MAX_CHUNKS} chunks"
    )


def _is_plain(bits: int, color: int, kinds: set[bytes]) -> bool:
    shallow = bits <= 8 and color in {_GRAY, _COLOR, _PALETTE}
    return shallow and b"IEND" in kinds and not kinds & _NOT_PLAIN

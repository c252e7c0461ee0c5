"""GIF: the screen, and the first picture on it (GIF89a specification, sections 18 to 20)."""

from ocrgate.domain.document import MediaType
from ocrgate.errors import UnreadableDocument
from ocrgate.imaging.headers.header import Buffer, Header, number, truncated

_EXTENSION, _PICTURE = 0x21, 0x2C
_MAX_BLOCKS = 5_000  # of at most 255 bytes: over a megabyte of comments in front of a picture


def read(data: Buffer) -> Header:
    """Size, which is the screen's or the first picture's reach, whichever is larger.

    An animation is one page, its first picture; the others are not even counted.

    Raises:
        UnreadableDocument: no picture in it, or too much in front of it.
    """
    width, height = number(data, 6, 2, "little"), number(data, 8, 2, "little")
    at = _first_picture(data)
    right = number(data, at + 1, 2, "little") + number(data, at + 5, 2, "little")
    bottom = number(data, at + 3, 2, "little") + number(data, at + 7, 2, "little")
    return Header(MediaType.GIF, max(width, right), max(height, bottom))


def _first_picture(data: Buffer) -> int:
    flags = number(data, 10, 1, "little")
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    blocks = 0
    while blocks < _MAX_BLOCKS and at < len(data):
        if data[at] == _PICTURE:
            return at
        if data[at] != _EXTENSION:
            raise UnreadableDocument("the GIF has no picture in it", field="image")
        at, skipped = _after_blocks(data, at + 2, _MAX_BLOCKS - blocks)
        blocks += skipped + 1
    if at >= len(data):
        raise truncated()
    raise UnreadableDocument("the GIF has too much in front of its picture", field="image")


def _after_blocks(data: Buffer, at: int, most: int) -> tuple[int, int]:
    """Where the sub-blocks that begin at ``at`` end, and how many they were."""
    for count in range(most):
        if at >= len(data) or data[at] == 0:
            return at + 1, count
        at += 1 + data[at]
    return at, most

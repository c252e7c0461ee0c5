"""Directories of TIFF tags, as TIFF files and EXIF blocks hold them (TIFF 6.0, section 2)."""

from dataclasses import dataclass

from ocrgate.errors import UnreadableDocument
from ocrgate.imaging.headers.header import Buffer, Order, Sliced, number

_ORIENTATION = 0x0112
_MAX_ENTRIES = 1024  # a real directory has under a hundred
_SIZES = {1: 1, 3: 2, 4: 4, 16: 8}  # BYTE, SHORT, LONG, LONG8


@dataclass(frozen=True, slots=True)
class Layout:
    """Byte order and field widths: classic TIFF has 4-byte offsets, BigTIFF 8-byte ones."""

    order: Order
    first: int
    offset: int
    count: int

    @property
    def entry(self) -> int:
        """Bytes of one directory entry."""
        return 4 + 2 * self.offset


def layout(data: Sliced) -> Layout:
    """Read the header in front of the directories.

    Raises:
        UnreadableDocument: it is no TIFF header.
    """
    order: Order = "little" if bytes(data[:2]) == b"II" else "big"
    magic = number(data, 2, 2, order)
    if bytes(data[:2]) not in {b"II", b"MM"} or magic not in {42, 43}:
        raise UnreadableDocument("the file does not begin like a TIFF", field="image")
    if magic == 43:
        return Layout(order, number(data, 8, 8, order), offset=8, count=8)
    return Layout(order, number(data, 4, 4, order), offset=4, count=2)


def following(data: Sliced, at: int, form: Layout) -> int:
    """The offset of the directory after the one at ``at``; 0 after the last."""
    entries = number(data, at, form.count, form.order)
    return number(data, at + form.count + entries * form.entry, form.offset, form.order)


def tags(data: Sliced, at: int, form: Layout, wanted: frozenset[int]) -> dict[int, int]:
    """The first value of each wanted integer tag of the directory at ``at``.

    Raises:
        UnreadableDocument: the directory is cut off or has absurdly many entries.
    """
    entries = number(data, at, form.count, form.order)
    if entries > _MAX_ENTRIES:
        raise UnreadableDocument("a TIFF directory with thousands of tags", field="image")
    found: dict[int, int] = {}
    for index in range(entries):
        entry = at + form.count + index * form.entry
        tag = number(data, entry, 2, form.order)
        if tag in wanted:
            kind = number(data, entry + 2, 2, form.order)
            found[tag] = number(data, entry + 4 + form.offset, _SIZES.get(kind, 2), form.order)
    return found


def orientation(block: Buffer) -> int:
    """The orientation that an EXIF block tells, 1 to 8; 1 when it tells none or is broken."""
    block = block[6:] if bytes(block[:6]) == b"Exif\0\0" else block
    try:
        form = layout(block)
        value = tags(block, form.first, form, frozenset({_ORIENTATION})).get(_ORIENTATION, 1)
    except UnreadableDocument:  # a camera's broken notes do not make its picture unreadable
        return 1
    return value if 1 <= value <= 8 else 1

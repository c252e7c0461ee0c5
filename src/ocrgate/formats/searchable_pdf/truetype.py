"""The smallest TrueType font that readers accept: a few blank glyphs of different widths.

Text in a searchable PDF is never painted, but a reader takes the place of each character from
its width and the extent of its outline, and wants the font to be in the file. Each outline is a
line there and back between two corners: it has a box and encloses nothing. Table layouts: Apple
TrueType Reference Manual, chapter 6; ISO/IEC 14496-22 (OpenType).
"""

import struct

from ocrgate.formats.characters import BROAD, FULL, MEDIUM, NARROW

UNITS_PER_EM = 1000
ASCENT = 800
DESCENT = -200
WIDTHS = (0, NARROW, MEDIUM, BROAD, FULL)  # of glyph 0 (missing), 1, 2, 3, 4

_OUTLINE = 26  # bytes of each glyph's outline, even, as short offsets count in twos
_CHECKSUM_MAGIC = 0xB1B0AFBA  # "head", checkSumAdjustment: what the whole file sums to


def glyphless_font() -> bytes:
    """The font file; glyph ``i`` is blank and ``WIDTHS[i]`` wide."""
    tables = {
        b"cmap": struct.pack(">HHHHIHHHHH", 0, 1, 3, 1, 12, 6, 10, 0, 0, 0),
        b"glyf": b"".join(map(_outline, WIDTHS)),
        b"head": _head(),
        b"hhea": _hhea(),
        b"hmtx": b"".join(struct.pack(">Hh", width, 0) for width in WIDTHS),
        b"loca": struct.pack(
            f">{len(WIDTHS) + 1}H", *(index * _OUTLINE // 2 for index in range(len(WIDTHS) + 1))
        ),
        b"maxp": struct.pack(">I14H", 0x00010000, len(WIDTHS), 2, 1, 0, 0, 2, *[0] * 8),
        b"post": struct.pack(">IIhhIIIII", 0x00030000, 0, -100, 50, 0, 0, 0, 0, 0),
    }
    return _assembled(tables)


def _outline(width: int) -> bytes:
    """One contour of two points, from the lower left to the upper right corner."""
    contours, last_point, instructions, on_curve = 1, 1, 0, 1
    header = struct.pack(">5h", contours, 0, DESCENT, width, ASCENT)
    points = struct.pack(">2H2B", last_point, instructions, on_curve, on_curve)
    return header + points + struct.pack(">4h", 0, width, DESCENT, ASCENT - DESCENT) + bytes(2)


def _head() -> bytes:
    versions = (0x00010000, 0x00010000)
    checksum, magic, flags = 0, 0x5F0F3CF5, 0b1011  # the checksum is filled in at the end
    created = modified = 0
    box = (0, DESCENT, UNITS_PER_EM, ASCENT)
    style, smallest, direction, short_offsets, glyph_format = 0, 8, 2, 0, 0
    return struct.pack(
        ">4I2H2q4h2H3h",
        *versions,
        checksum,
        magic,
        flags,
        UNITS_PER_EM,
        created,
        modified,
        *box,
        style,
        smallest,
        direction,
        short_offsets,
        glyph_format,
    )


def _hhea() -> bytes:
    line_gap = left = right = caret_offset = reserved = data_format = 0
    extent, caret_rise, caret_run = UNITS_PER_EM, 1, 0
    return struct.pack(
        ">I3hH11hH",
        0x00010000,
        *(ASCENT, DESCENT, line_gap, max(WIDTHS)),
        *(left, right, extent, caret_rise, caret_run, caret_offset),
        *[reserved] * 4,
        data_format,
        len(WIDTHS),
    )


def _assembled(tables: dict[bytes, bytes]) -> bytes:
    count = len(tables)
    power = count.bit_length() - 1
    search = 16 << power
    directory = struct.pack(">IHHHH", 0x00010000, count, search, power, 16 * count - search)
    offset = len(directory) + 16 * count
    body = b""
    head_at = 0
    for tag, data in sorted(tables.items()):
        if tag == b"head":
            head_at = offset
        directory += struct.pack(">4sIII", tag, _checksum(data), offset, len(data))
        padded = data + bytes(-len(data) % 4)
        body += padded
        offset += len(padded)
    font = directory + body
    adjustment = (_CHECKSUM_MAGIC - _checksum(font)) & 0xFFFFFFFF
    return font[: head_at + 8] + struct.pack(">I", adjustment) + font[head_at + 12 :]


def _checksum(data: bytes) -> int:
    padded = data + bytes(-len(data) % 4)
    words: tuple[int, ...] = struct.unpack(f">{len(padded) // 4}I", padded)
    return sum(words) & 0xFFFFFFFF

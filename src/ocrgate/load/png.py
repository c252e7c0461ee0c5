"""Gray PNGs whose top margin carries a number, each made in some microseconds.

Engines and gateways remember pictures they have seen. A load test that sends the same page twice
measures their memory. Here the packed page is kept, and only a strip above it is packed anew: light
gray squares in which the number is written in bits. They are wide enough to outlast being made
smaller and packed as JPEG, and faint enough to be no text.
"""

import struct
import zlib
from dataclasses import dataclass

_MAGIC = b"\x89PNG\r\n\x1a\n"
_BASE = 65521  # of Adler-32
_ZLIB = b"\x78\x01"  # a header: 32 kB window, fastest
_BITS = 48
_FAINT = 226
_LEAST = 8  # pixels of a square


@dataclass(frozen=True, slots=True)
class Stamped:
    """A page under a strip for a number.

    Attributes:
        width: pixels.
        height: pixels, with the strip.
        square: pixels of a side of the strip's squares.
        packed: the page below the strip as a chunk of its own.
        checksum: Adler-32 of the page's rows, ``size`` bytes.
    """

    width: int
    height: int
    square: int
    packed: bytes
    checksum: int
    size: int

    def png(self, number: int) -> bytes:
        """The page with ``number`` in its strip (its lowest bits where the page is narrow)."""
        strip = self._strip(number)
        packer = zlib.compressobj(1, zlib.DEFLATED, -15)
        # A full flush ends at a byte and forgets the past, so the page's own stream may follow.
        top = _ZLIB + packer.compress(strip) + packer.flush(zlib.Z_FULL_FLUSH)
        checksum = _combined(zlib.adler32(strip), self.checksum, self.size)
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 0, 0, 0, 0)
        return b"".join(
            (
                _MAGIC,
                _chunk(b"IHDR", header),
                _chunk(b"IDAT", top),
                self.packed,
                _chunk(b"IDAT", struct.pack(">I", checksum)),
                _chunk(b"IEND", b""),
            )
        )

    def _strip(self, number: int) -> bytes:
        count = min(_BITS, self.width // self.square)
        row = b"".join(
            bytes((_FAINT if number >> place & 1 else 255,)) * self.square for place in range(count)
        )
        return (b"\0" + row.ljust(self.width, b"\xff")) * self.square


def stamped(width: int, height: int, pixels: bytes) -> Stamped:
    """A page of ``width`` times ``height`` gray pixels, row by row, with a strip put above it."""
    rows = b"".join(
        b"\0" + pixels[start : start + width] for start in range(0, width * height, width)
    )
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(rows) + packer.flush()
    square = max(_LEAST, min(16, width // _BITS))
    checksum = zlib.adler32(rows)
    return Stamped(width, height + square, square, _chunk(b"IDAT", packed), checksum, len(rows))


def _combined(first: int, second: int, size: int) -> int:
    """Adler-32 of two pieces from those of each; ``size`` is the second's (as zlib does it)."""
    rest = size % _BASE
    low = (first & 0xFFFF) + (second & 0xFFFF) - 1
    high = rest * (first & 0xFFFF) + (first >> 16) + (second >> 16) - rest
    return (high % _BASE) << 16 | low % _BASE


def _chunk(name: bytes, data: bytes) -> bytes:
    checked = name + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

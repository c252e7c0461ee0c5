"""Width and height of a picture from its first bytes: nothing is decoded."""

import base64
import binascii
import struct
from dataclasses import dataclass
from hashlib import blake2b

from ocrgate.simulate.server.faults import bad, unreachable

_HEAD = 1024  # characters of base64 that are looked at first; 768 bytes
_PNG = b"\x89PNG\r\n\x1a\n"
_NO_FRAME = {0xC4, 0xC8, 0xCC}  # markers among JPEG's frame headers that are none


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it was sent: its size in pixels, and a number that is its own."""

    width: int
    height: int
    digest: int


def read_picture(url: str) -> Picture:
    """The picture of a data URI.

    Raises:
        ApiFault: it is an address, no base64, or no PNG, JPEG, WebP, GIF or BMP.
    """
    head, comma, data = url.partition(",")
    if not head.startswith("data:") or not comma:
        raise unreachable(url)
    if not head.endswith(";base64"):
        raise bad("Only base64 data URLs are supported for now.")
    size = _size(_decoded(data[:_HEAD])) or _size(_decoded(data))
    if size is None or min(size) < 1:
        raise bad("Failed to load image: cannot identify image file <_io.BytesIO object>")
    return Picture(*size, digest_of(data))


def digest_of(data: str) -> int:
    """64 bits of the picture's base64 text: the same picture gives the same text."""
    return int.from_bytes(blake2b(data.encode(), digest_size=8).digest(), "big")


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data + "=" * (-len(data) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise bad("Non-base64 digit found") from None


def _size(data: bytes) -> tuple[int, int] | None:
    try:
        if data.startswith(_PNG):
            return struct.unpack(">II", data[16:24])
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
        if data[:6] in {b"GIF87a", b"GIF89a"}:
            return struct.unpack("<HH", data[6:10])
        if data.startswith(b"BM"):
            width, height = struct.unpack("<ii", data[18:26])
            return width, abs(height)
    except (struct.error, IndexError):
        pass
    return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    place = 2
    while place < len(data):
        while data[place] == 0xFF:  # fill bytes may stand before a marker
            place += 1
        marker = data[place]
        length, _, height, width = struct.unpack(">HBHH", data[place + 1 : place + 8])
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            return width, height
        place += 1 + length
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":
        bits = int.from_bytes(data[24:30], "little")
        return (bits & 0xFFFFFF) + 1, (bits >> 24) + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None

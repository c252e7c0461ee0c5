"""Pages that cost next to nothing to make and to send, and as much as any to read.

An engine counts pixels, so a picture of two colours is as dear to it as a photograph. Each has its
number in blocks of 16 x 16 pixels at its top: no two are alike, and re-encoding leaves it readable.
"""

import base64
import random
import struct
import zlib

WIDTH = 1024
HEIGHTS = range(640, 1025, 32)  # 660 to 1060 image tokens by the rule of HunyuanOCR
PROMPT = "Extract all text of the image in reading order; answer with the text alone, no remarks."
LONGEST = 2048
_ROW = WIDTH // 8


def picture(number: int, height: int) -> bytes:
    """A PNG of one bit a pixel, white but for the 64 bits of ``number``."""
    bits = [number >> place & 1 for place in range(WIDTH // 16)]
    marked = b"\0" + b"".join(b"\0\0" if bit else b"\xff\xff" for bit in bits)
    rows = marked * 16 + (b"\0" + b"\xff" * _ROW) * (height - 16)
    header = struct.pack(">IIBBBBB", WIDTH, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    checked = name + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def chat(source: random.Random) -> bytes:
    """The body of a chat request with a page drawn from ``source``."""
    image = picture(source.getrandbits(64), source.choice(HEIGHTS))
    return (
        b'{"max_tokens":%d,"temperature":0,"messages":[{"role":"user","content":[' % LONGEST
        + b'{"type":"image_url","image_url":{"url":"data:image/png;base64,'
        + base64.b64encode(image)
        + b'"}},{"type":"text","text":"%s"}]}]}' % PROMPT.encode()
    )

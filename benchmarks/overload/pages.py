"""Pages that cost next to nothing to make and to send, and as much as any to read.

An engine counts pixels, so a picture of two colours is as dear to it as a photograph. Each has its
number in blocks of 16 x 16 pixels at its top: no two are alike, and re-encoding leaves it readable.
What kind of page one is shows in its proportions, so that a simulated engine can write a text of
the length that such pages have.
"""

import base64
import math
import random
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from benchmarks.overload import plan

from ocrgate.simulate.cost import ImageRule
from ocrgate.simulate.profile import Lengths
from ocrgate.simulate.workload import Page, PlainMix, draw_length


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of page.

    Attributes:
        width: in pixels, the same for all of the kind; ``heights`` is drawn from evenly.
        text: times as long as the engine's usual text (its profile's median).
    """

    width: int
    heights: range
    text: float = 1.0

    @property
    def ratio(self) -> float:
        """Logarithm of the usual height over the width, which tells the kinds apart."""
        return math.log((self.heights[0] + self.heights[-1]) / 2 / self.width)

    def lengths(self, usual: Lengths) -> Lengths:
        """How long its texts are, by those of usual pages."""
        return replace(usual, median=self.text * usual.median)


SHAPES: Mapping[plan.Kind, Shape] = {
    "plain": Shape(1024, range(640, 1025, 32)),  # 660 to 1060 image tokens by HunyuanOCR's rule
    "screenshot": Shape(768, range(256, 385, 32), 0.3),
    "dense": Shape(736, range(896, 1025, 32), 2.0),
    "mouse": Shape(768, range(128, 193, 32), 0.1),  # 1 : 30 in their texts
    "elephant": Shape(608, range(928, 1025, 32), 3.0),
}


def kind_of(width: int, height: int) -> plan.Kind:
    """The kind whose proportions are nearest: a gate may make a picture smaller."""
    ratio = math.log(height / width)
    return min(SHAPES, key=lambda kind: abs(SHAPES[kind].ratio - ratio))


PROMPT = "Extract all text of the image in reading order; answer with the text alone, no remarks."
LONGEST = 2048


def picture(number: int, height: int, width: int = 1024) -> bytes:
    """A PNG of one bit a pixel, white but for as many bits of ``number`` as it has blocks across,
    of which there are 64 at most.
    """
    bits = [number >> place & 1 for place in range(min(64, width // 16))]
    row = b"".join(b"\0\0" if bit else b"\xff\xff" for bit in bits)
    marked = b"\0" + row.ljust(width // 8, b"\xff")
    rows = marked * 16 + (b"\0" + b"\xff" * (width // 8)) * (height - 16)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    checked = name + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def chat(source: random.Random, kind: plan.Kind = "plain") -> bytes:
    """The body of a chat request with a page drawn from ``source``."""
    shape = SHAPES[kind]
    image = picture(source.getrandbits(64), source.choice(shape.heights), shape.width)
    return (
        b'{"max_tokens":%d,"temperature":0,"messages":[{"role":"user","content":[' % LONGEST
        + b'{"type":"image_url","image_url":{"url":"data:image/png;base64,'
        + base64.b64encode(image)
        + b'"}},{"type":"text","text":"%s"}]}]}' % PROMPT.encode()
    )


def virtual(kind: plan.Kind, usual: Lengths, source: random.Random) -> Iterator[Page]:
    """Pages without end for a virtual engine whose usual texts are of such lengths.

    Plain ones have no picture but a prompt of 700 to 1,300 tokens, as in the reference model of
    the limit laws; the others cost what those do that are sent over HTTP.
    """
    lengths = SHAPES[kind].lengths(usual)
    if kind == "plain":
        text = (lengths.median, lengths.sigma, LONGEST, lengths.loops)
        yield from PlainMix("plain", 700, 1300, *text).pages(source)
    while True:
        yield _drawn(kind, lengths, source)


_AROUND = 24  # tokens of instruction and template around an image


def _drawn(kind: plan.Kind, lengths: Lengths, source: random.Random) -> Page:
    shape = SHAPES[kind]
    width, height = shape.width, source.choice(shape.heights)
    image = ImageRule().tokens(width, height)
    output = draw_length(source, lengths.median, lengths.sigma, lengths.longest)
    loops = min(output, 64) if source.random() < lengths.loops else None
    return Page(kind, width, height, image, image + _AROUND, output, loops)

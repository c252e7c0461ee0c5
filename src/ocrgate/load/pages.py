"""Pages drawn for the purpose, whose text is known: sizes and lengths as a mix says.

The letters are those of the font that Pillow carries, so that every machine draws the same pages.
"""

import random
from collections.abc import Callable, Iterator
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from ocrgate.load.png import stamped
from ocrgate.load.words import WORDS
from ocrgate.load.workload import Document, Workload
from ocrgate.simulate.workload import Mix, Page

SIZES = (40, 32, 26, 22, 18, 15, 13)
"""Heights of type in pixels; the largest that fits is taken."""

_TOKENS_PER_WORD = 1.3  # of English, in the large vocabularies of today's models
_LEADING = 1.35
_INK, _PAPER = 25, 255

Told = Callable[[int, int], None]
"""Is told how many pages of how many are drawn."""


def synthetic(mix: Mix, count: int, seed: int, told: Told = lambda _done, _all: None) -> Workload:
    """``count`` pages of a mix. The same seed draws the same pages.

    A page is no two times sent alike: a number in its margin tells requests apart.
    """
    source = random.Random(f"{seed} pages")  # noqa: S311 - a draw that can be repeated
    documents = []
    for number, page in zip(range(count), mix.pages(source), strict=False):
        documents.append(draw(page, f"{mix.name} {number}", source))
        told(number + 1, count)
    return Workload(tuple(documents), f"drawn pages, mix {mix.name}")


def draw(page: Page, name: str, source: random.Random) -> Document:
    """One page of a mix, with as many words as its tokens, or as many as fit."""
    count = max(1, round(page.output_tokens / _TOKENS_PER_WORD))
    words = source.choices(WORDS, k=count)
    lines, font = _set(words, page.width, page.height)
    image = Image.new("L", (page.width, page.height), _PAPER)
    pen = ImageDraw.Draw(image)
    for place, line in enumerate(lines):
        at = (_margin(page.width), _margin(page.height) + place * font.size * _LEADING)
        pen.text(at, line, fill=_INK, font=font)
    sheet = stamped(page.width, page.height, image.tobytes())
    return Document(name, page.kind, "image/png", sheet.png(0), "\n".join(lines), fresh=sheet.png)


def _set(words: list[str], width: int, height: int) -> tuple[list[str], ImageFont.FreeTypeFont]:
    """Lines of words in the largest type in which all fit, else as many as fit in the smallest."""
    lines: list[str] = []
    font = _font(SIZES[-1])
    for size in SIZES:
        font = _font(size)
        most = max(1, int((height - 2 * _margin(height)) / (size * _LEADING)))
        room = width - 2 * _margin(width)
        lines = list(_lines(words, font, room))
        if len(lines) <= most and max(_length(word, size) for word in words) <= room:
            return lines, font
        lines = lines[:most]
    return lines, font


def _margin(length: int) -> int:
    return min(90, max(4, length // 14))


def _lines(words: list[str], font: ImageFont.FreeTypeFont, width: int) -> Iterator[str]:
    """Words in lines as wide as fits; a word wider than a line is left out."""
    line: list[str] = []
    used = 0.0
    blank = _length(" ", font.size)
    for word in words:
        length = _length(word, font.size)
        if length > width:
            continue
        if line and used + blank + length > width:
            yield " ".join(line)
            line, used = [], 0.0
        used += length + (blank if line else 0)
        line.append(word)
    if line:
        yield " ".join(line)


@cache
def _length(word: str, size: float) -> float:
    return _font(int(size)).getlength(word)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow's wheels are all built with FreeType
    return font

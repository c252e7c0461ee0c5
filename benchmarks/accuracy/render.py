"""Pages drawn with Pillow whose text, and the order it is read in, is known exactly.

The words are drawn by lot from small lists, so a page says nothing and no model has seen it.
Fonts: DejaVu, Liberation and Noto CJK (Debian: fonts-dejavu fonts-liberation fonts-noto-cjk).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from benchmarks.accuracy.corpus import Pixels
from PIL import Image, ImageDraw, ImageFont

FONTS = Path("/usr/share/fonts")
SERIF = FONTS / "truetype/liberation/LiberationSerif-Regular.ttf"
SANS = FONTS / "truetype/dejavu/DejaVuSans.ttf"
BOLD = FONTS / "truetype/dejavu/DejaVuSans-Bold.ttf"
CJK = FONTS / "opentype/noto/NotoSansCJK-Regular.ttc"

_WIDTH, _HEIGHT, _MARGIN = 1240, 1754, 110  # A4 at 150 dpi
_WORDS = Path(__file__).with_name("words.txt").read_text(encoding="utf-8").splitlines()
_ENGLISH, _CHINESE = (tuple(line.split()) for line in _WORDS)


@dataclass(slots=True)
class Sheet:
    """A page under way: what is drawn, and what it says in reading order."""

    image: Image.Image = field(default_factory=lambda: Image.new("L", (_WIDTH, _HEIGHT), 255))
    lines: list[str] = field(default_factory=list)

    def line(self, x: float, y: float, text: str, font: ImageFont.FreeTypeFont) -> None:
        """Draw one line with its top left at x, y; it is read after those drawn before."""
        ImageDraw.Draw(self.image).text((x, y), text, fill=20, font=font)
        self.lines.append(text)

    @property
    def truth(self) -> str:
        """The text in reading order."""
        return "\n".join(self.lines)

    @property
    def pixels(self) -> Pixels:
        """The page as an array, (height, width) gray."""
        return np.asarray(self.image)


@cache
def font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """A font file at a size in pixels."""
    return ImageFont.truetype(path, size)


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is set: its words, what stands between them, font, size and leading."""

    words: tuple[str, ...]
    glue: str
    path: Path
    size: int

    @property
    def font(self) -> ImageFont.FreeTypeFont:
        """The font at its size."""
        return font(self.path, self.size)

    @property
    def leading(self) -> float:
        """Pixels from line to line."""
        return self.size * 1.42


ENGLISH = Style(_ENGLISH, " ", SERIF, 22)
SMALL_ENGLISH = Style(_ENGLISH, " ", SANS, 17)
CHINESE = Style(_CHINESE, "", CJK, 22)


def fill(style: Style, width: float, count: int, lot: random.Random) -> list[str]:
    """``count`` lines of words as wide as fits, the last of them short."""
    lines: list[str] = []
    line = ""
    while len(lines) < count:
        word = lot.choice(style.words)
        longer = f"{line}{style.glue}{word}" if line else word
        if style.font.getlength(longer) > width:
            lines.append(line)
            longer = word
        line = longer
    lines[-1] = style.glue.join(lot.choices(style.words, k=2))
    return lines


def column(
    sheet: Sheet, style: Style, box: tuple[float, float, float], count: int, lot: random.Random
) -> float:
    """Paragraphs of ``count`` lines in all below ``box`` (x, y, width); returns the bottom."""
    x, y, width = box
    while count > 0:
        part = min(count, lot.randint(4, 9))
        for text in fill(style, width, part, lot):
            sheet.line(x, y, text, style.font)
            y += style.leading
        count -= part
        y += style.leading * 0.5
    return y


def columns(number: int, style: Style, lines: int) -> Callable[[random.Random], Sheet]:
    """A title across a page of so many columns of text."""

    def draw(lot: random.Random) -> Sheet:
        sheet = Sheet()
        title = style.glue.join(lot.choices(style.words, k=5))
        sheet.line(_MARGIN, 90, title, font(style.path, 40))
        body(sheet, style, (number, 190, lines), lot)
        return sheet

    return draw


def body(sheet: Sheet, style: Style, shape: tuple[int, float, int], lot: random.Random) -> float:
    """Columns beside each other: ``shape`` is how many, their top, lines in each."""
    number, top, lines = shape
    gutter = style.size * 1.6
    width = (_WIDTH - 2 * _MARGIN - gutter * (number - 1)) / number
    bottoms = []
    for index in range(number):
        x = _MARGIN + index * (width + gutter)
        count = lines if index < number - 1 else lines - lot.randint(1, 5)
        bottoms.append(column(sheet, style, (x, top, width), count, lot))
    return max(bottoms)


def magazine(lot: random.Random) -> Sheet:
    """A headline, an introduction across, three columns, a heading across, two columns."""
    sheet = Sheet()
    sheet.line(_MARGIN, 70, " ".join(lot.choices(_ENGLISH, k=4)).title(), font(BOLD, 44))
    bottom = column(sheet, ENGLISH, (_MARGIN, 150, _WIDTH - 2 * _MARGIN), 4, lot)
    bottom = body(sheet, SMALL_ENGLISH, (3, bottom + 20, 24), lot)
    heading = " ".join(lot.choices(_ENGLISH, k=6)).capitalize()
    sheet.line(_MARGIN, bottom + 25, heading, font(BOLD, 28))
    body(sheet, SMALL_ENGLISH, (2, bottom + 85, 18), lot)
    return sheet


def table(lot: random.Random) -> Sheet:
    """A caption and a table of numbers, read row by row."""
    sheet = Sheet()
    sheet.line(_MARGIN, 120, "Table 4. " + " ".join(lot.choices(_ENGLISH, k=6)), font(SANS, 24))
    edges = (0, 330, 560, 760, 900)
    for row in range(26):
        cells = ["Item", "Quantity", "Price", "Tax", "Total"] if row == 0 else _cells(lot)
        for edge, cell in zip(edges, cells, strict=True):
            sheet.line(_MARGIN + edge, 200 + row * 52, cell, font(SANS, 22))
    return sheet


def _cells(lot: random.Random) -> list[str]:
    numbers = [f"{lot.uniform(1, 9999):,.2f}" for _ in range(3)]
    return [" ".join(lot.sample(_ENGLISH[:40], 2)), str(lot.randint(1, 900)), *numbers]


def dense(style: Style) -> Callable[[random.Random], Sheet]:
    """One column of text from the top to the bottom."""

    def draw(lot: random.Random) -> Sheet:
        sheet = Sheet()
        width = _WIDTH - 2 * _MARGIN
        column(sheet, style, (_MARGIN, 110, width), int(1380 / style.leading), lot)
        return sheet

    return draw


LAYOUTS: dict[str, Callable[[random.Random], Sheet]] = {
    "two columns, English": columns(2, ENGLISH, 40),
    "two columns, Chinese": columns(2, CHINESE, 40),
    "three columns, English": columns(3, SMALL_ENGLISH, 52),
    "three columns, Chinese": columns(3, CHINESE, 40),
    "magazine": magazine,
    "table": table,
}
DENSE = {"dense page, English": dense(ENGLISH), "dense page, Chinese": dense(CHINESE)}

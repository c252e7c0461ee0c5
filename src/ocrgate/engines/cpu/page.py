"""One page: find its lines, turn it upright, read it, put the lines in order."""

from dataclasses import dataclass

import numpy as np

from ocrgate.domain.recognition import Block, Box, Line, PageWarning
from ocrgate.engines.cpu.cancel import Check
from ocrgate.engines.cpu.ctc import Reading
from ocrgate.engines.cpu.direction import turn_of
from ocrgate.engines.cpu.geometry import (
    Pixels,
    Quad,
    crop,
    part_of,
    turned,
    turned_back,
)
from ocrgate.engines.cpu.gutters import levelling, skew_of, split_at_gutters
from ocrgate.engines.cpu.layout import arrange
from ocrgate.engines.cpu.models import Models, Plan
from ocrgate.engines.cpu.reader import LineReader, ReadLine, read_cells
from ocrgate.engines.cpu.words import polygon, words_of

_ENOUGH = 6  # characters from which their places tell where the text begins and ends
_LEAST = 0.5  # confidence below which a line is noise
_TRUSTED = 0.8  # confidence below which a line's text is not to be relied on


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a page says: blocks in reading order in the pixels given, its turn, its warnings."""

    blocks: tuple[Block, ...]
    rotation: int
    warnings: tuple[PageWarning, ...]


@dataclass(frozen=True, slots=True)
class PageReader:
    """Reads pages by one plan."""

    models: Models
    plan: Plan
    side: int
    check: Check

    def read(self, page: Pixels, source: tuple[int, int]) -> Outcome:
        """Everything on one page.

        Args:
            page: (height, width) gray or (height, width, 3) RGB.
            source: width and height of the page in whose pixels polygons are wanted.
        """
        quads = self._find(page)
        lines = LineReader(self.models, self.plan, page, self.check)
        turn = turn_of(quads, _Samples(lines))
        upright = page
        if turn:
            upright = turned(page, turn)
            quads = self._find(upright)
            lines = LineReader(self.models, self.plan, upright, self.check)
        found = lines.read(split_at_gutters(upright, quads))
        kept = [line for line in found if line.reading.confidence >= _LEAST]
        place = _Place(turn, (page.shape[1], page.shape[0]), source)
        blocks = tuple(
            Block(tuple(place.line(kept[index]) for index in block))
            for block in arrange(level_boxes(kept))
        )
        return Outcome(blocks, turn, warnings_of(found))

    def _find(self, page: Pixels) -> list[Quad]:
        self.check()
        return self.models.detector(self.plan.detector).find(page, self.side, self.check)


@dataclass(frozen=True, slots=True)
class _Samples:
    """Lines of a page as it lies, read in other directions."""

    lines: LineReader

    def turned(self, quad: Quad, clockwise: int) -> Reading:
        if clockwise == 0:
            return self.lines.first(quad).reading
        self.lines.check()
        pixels = np.rot90(crop(self.lines.page, quad), -(clockwise // 90))
        return self.lines.models.recognizer(self.lines.plan.first).read(pixels)

    def cells(self, quad: Quad, reading: Reading) -> Reading:
        self.lines.check()
        recognizer = self.lines.models.recognizer(self.lines.plan.first)
        return read_cells(recognizer, self.lines.page, quad, reading)


@dataclass(frozen=True, slots=True)
class _Place:
    """How places on the upright page become places on the page as displayed."""

    turn: int
    size: tuple[int, int]
    source: tuple[int, int]

    def line(self, line: ReadLine) -> Line:
        scale = np.array(self.source, np.float32) / np.array(self.size, np.float32)
        quad = (turned_back(line.quad, self.turn, self.size) * scale).astype(np.float32)
        reading = line.reading
        words = words_of(reading, quad, vertical=line.vertical)
        return Line(reading.text, polygon(quad), round(reading.confidence, 4), words)


def level_boxes(lines: list[ReadLine]) -> list[Box]:
    """Boxes in a system in which rows are level and text runs to the right.

    A skewed page is turned back by the median slope of its lines. A page of text set downwards
    lies on its side here, its rightmost column first.
    """
    if 2 * sum(line.vertical for line in lines) > len(lines):
        return [_box(line.quad[:, ::-1] * np.array([1, -1], np.float32)) for line in lines]
    level = levelling(skew_of([line.quad for line in lines]))
    return [_box(_read_part(line) @ level) for line in lines]


def _read_part(line: ReadLine) -> Quad:
    """The part of a line's quad that holds its characters, one character more at both ends.

    The detector now and then draws a box far into the gutter beside it.
    """
    places = line.reading.places
    if len(places) < _ENOUGH:
        return line.quad
    pitch = (places[-1] - places[0]) / (len(places) - 1)
    begin, end = max(0.0, places[0] - pitch), min(1.0, places[-1] + pitch)
    return part_of(line.quad, begin, end)


def _box(points: Quad) -> Box:
    low, high = points.min(axis=0), points.max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def warnings_of(lines: list[ReadLine]) -> tuple[PageWarning, ...]:
    """What a caller should know: nothing was found, or most of it cannot be trusted."""
    if not lines:
        return (PageWarning.EMPTY,)
    lengths = [max(_extent(line), 1.0) for line in lines]
    doubtful = sum(
        length
        for line, length in zip(lines, lengths, strict=True)
        if line.reading.confidence < _TRUSTED
    )
    return (PageWarning.LOW_CONFIDENCE,) if 2 * doubtful > sum(lengths) else ()


def _extent(line: ReadLine) -> float:
    return float(np.linalg.norm(line.quad.max(axis=0) - line.quad.min(axis=0)))

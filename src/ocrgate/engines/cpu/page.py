"""One page: find its lines, turn it upright, read it, put the lines in order."""

from dataclasses import dataclass

import numpy as np

from ocrgate.domain.recognition import Block, PageWarning
from ocrgate.engines.cpu.cancel import Check
from ocrgate.engines.cpu.ctc import Reading
from ocrgate.engines.cpu.direction import turn_of
from ocrgate.engines.cpu.geometry import (
    Pixels,
    Quad,
    crop,
    turned,
)
from ocrgate.engines.cpu.gutters import split_at_gutters
from ocrgate.engines.cpu.layout import arrange
from ocrgate.engines.cpu.models import Models, Plan
from ocrgate.engines.cpu.placing import Place, level_boxes
from ocrgate.engines.cpu.reader import LineReader, ReadLine, read_cells
from ocrgate.engines.cpu.snippet import as_one_line, frame_of, framed

_GUESS = 0.8  # confidence from which a whole snippet is taken for a line
_LEAST = 0.5  # confidence below which a line is noise
_SHORT, _LEAST_SHORT = 3, 0.75  # the same for lines of so few characters
_TRUSTED = 0.9  # mean confidence, by length of lines, below which a page is not to be trusted


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
        frame = frame_of(page)
        shown = framed(page, frame)
        quads = self._find(shown)
        lines = LineReader(self.models, self.plan, shown, self.check)
        turn = turn_of(quads, _Samples(lines))
        if turn:
            shown = turned(shown, turn)
            quads = self._find(shown)
            lines = LineReader(self.models, self.plan, shown, self.check)
        place = Place(turn, frame, (page.shape[1], page.shape[0]), source)
        if not quads:
            return _outcome(_believed(lines.read(as_one_line(shown, frame))), place)
        return _outcome(lines.read(split_at_gutters(shown, quads)), place)

    def _find(self, page: Pixels) -> list[Quad]:
        self.check()
        return self.models.detector(self.plan.detector).find(page, self.side, self.check)


@dataclass(frozen=True, slots=True)
class _Samples:
    """Lines of a page as it lies, read in other directions."""

    lines: LineReader

    def turned(self, quad: Quad, clockwise: int, *, strong: bool = False) -> Reading:
        lines = self.lines
        if clockwise == 0 and not strong:
            return lines.first(quad).reading
        lines.check()
        plan = lines.plan
        recognizer = lines.models.recognizer((strong and plan.again) or plan.first)
        return recognizer.read(np.rot90(crop(lines.page, quad), -(clockwise // 90)))

    def cells(self, quad: Quad, reading: Reading) -> Reading:
        self.lines.check()
        plan = self.lines.plan
        recognizer = self.lines.models.recognizer(plan.again or plan.first)
        return read_cells(recognizer, self.lines.page, quad, reading)


def _believed(guess: list[ReadLine]) -> list[ReadLine]:
    """A snippet taken for one line on trust: its text must be sure, else it was no text."""
    return [line for line in guess if line.confidence >= _GUESS]


def is_text(line: ReadLine, *, alone: bool) -> bool:
    """Whether a line is kept: what is short among other lines is often a picture's detail."""
    short = len(line.reading.text) <= _SHORT and not alone
    return line.confidence >= (_LEAST_SHORT if short else _LEAST)


def _outcome(lines: list[ReadLine], place: Place) -> Outcome:
    kept = [line for line in lines if is_text(line, alone=len(lines) == 1)]
    blocks = tuple(
        Block(tuple(place.line(kept[index]) for index in block))
        for block in arrange(level_boxes(kept))
    )
    return Outcome(blocks, place.turn, warnings_of(lines))


def warnings_of(lines: list[ReadLine]) -> tuple[PageWarning, ...]:
    """What a caller should know: nothing was found, or most of it cannot be trusted."""
    if not lines:
        return (PageWarning.EMPTY,)
    lengths = [max(_extent(line), 1.0) for line in lines]
    trust = sum(length * line.confidence for line, length in zip(lines, lengths, strict=True))
    return (PageWarning.LOW_CONFIDENCE,) if trust < _TRUSTED * sum(lengths) else ()


def _extent(line: ReadLine) -> float:
    return float(np.linalg.norm(line.quad.max(axis=0) - line.quad.min(axis=0)))

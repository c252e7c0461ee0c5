"""Where lines are: on the page as displayed, and on a level page for the reading order."""

from dataclasses import dataclass

import numpy as np

from ocrgate.domain.recognition import Box, Line
from ocrgate.engines.cpu.geometry import Quad, clipped, part_of, turned_back
from ocrgate.engines.cpu.gutters import levelling, skew_of
from ocrgate.engines.cpu.reader import ReadLine
from ocrgate.engines.cpu.words import polygon, words_of

_ENOUGH = 6  # characters from which their places tell where the text begins and ends


@dataclass(frozen=True, slots=True)
class Place:
    """How places on the page as it was read become places on the page as displayed.

    Attributes:
        turn: clockwise degrees by which the page was turned before it was read.
        frame: pixels that were added on every side, before it was turned.
        size: width and height of the page without the frame, before it was turned.
        source: width and height in whose pixels polygons are wanted.
    """

    turn: int
    frame: int
    size: tuple[int, int]
    source: tuple[int, int]

    def line(self, line: ReadLine) -> Line:
        """The domain's line, its polygon and words on the page as displayed."""
        quad = self._displayed(line.quad)
        reading = line.reading
        words = words_of(reading, quad, vertical=line.vertical)
        return Line(reading.text, polygon(quad), round(line.confidence, 4), words)

    def _displayed(self, quad: Quad) -> Quad:
        width, height = self.size
        with_frame = (width + 2 * self.frame, height + 2 * self.frame)
        inside = turned_back(quad, self.turn, with_frame) - self.frame
        scale = np.array(self.source, np.float32) / np.array(self.size, np.float32)
        return (clipped(inside.astype(np.float32), width, height) * scale).astype(np.float32)


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

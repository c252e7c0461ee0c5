"""Words inside a line, from where the recognizer saw each character.

Scripts with spaces are cut at spaces. Chinese and Japanese are cut into runs of evenly spaced
characters: short enough that stretching a run over its box puts every character at its place,
long enough that a reader of the page can select and search phrases.
"""

from collections.abc import Iterator
from itertools import pairwise
from statistics import median

import numpy as np

from ocrgate.domain.recognition import Point, Word
from ocrgate.engines.cpu.ctc import Reading
from ocrgate.engines.cpu.geometry import Quad, part_of
from ocrgate.engines.cpu.script import is_cjk

_LONGEST_RUN = 8
_UNEVEN = 1.6  # times the usual pitch that ends a run

Run = tuple[int, int]  # first and past the last character of a word in its line


def words_of(reading: Reading, quad: Quad, *, vertical: bool = False) -> tuple[Word, ...]:
    """The words of a line with their polygons.

    Args:
        reading: the line as recognized.
        quad: where it stands, from the text's own top left.
        vertical: its characters stand below each other.
    """
    runs = list(_runs(reading))
    edges = _edges(reading, runs)
    return tuple(
        Word(
            reading.text[first:last],
            polygon(_part(quad, begin, end, vertical=vertical)),
            sum(reading.scores[first:last]) / (last - first),
        )
        for (first, last), (begin, end) in zip(runs, edges, strict=True)
    )


def polygon(quad: Quad) -> tuple[Point, ...]:
    """A quad as the domain's polygon, to a hundredth of a pixel."""
    return tuple(Point(round(float(x), 2), round(float(y), 2)) for x, y in quad)


def _runs(reading: Reading) -> Iterator[Run]:
    """Words from the left, as index ranges of the text."""
    begin = 0
    for end in range(1, len(reading.text) + 1):
        if end < len(reading.text) and not _breaks(reading, begin, end):
            continue
        first, last = _without_spaces(reading.text, begin, end)
        if last > first:
            yield first, last
        begin = end


def _without_spaces(text: str, begin: int, end: int) -> Run:
    part = text[begin:end]
    return begin + len(part) - len(part.lstrip()), begin + len(part.rstrip())


def _breaks(reading: Reading, begin: int, place: int) -> bool:
    """Whether a word that began at ``begin`` ends before the character at ``place``."""
    before, after = reading.text[place - 1], reading.text[place]
    if before.isspace() or after.isspace():
        return True
    if is_cjk(before) != is_cjk(after):
        return not (_is_mark(before) or _is_mark(after))
    return is_cjk(after) and (place - begin >= _LONGEST_RUN or _uneven(reading, begin, place))


def _uneven(reading: Reading, begin: int, place: int) -> bool:
    steps = [b - a for a, b in pairwise(reading.places[begin : place + 1])]
    return steps[-1] > _UNEVEN * median(steps)


def _is_mark(character: str) -> bool:
    return not character.isalnum()


def _edges(reading: Reading, runs: list[Run]) -> list[tuple[float, float]]:
    """Begin and end of every word along the line: half way to what stands beside it."""
    places = reading.places
    edges = []
    for first, last in runs:
        half = _half_pitch(places[first:last])
        begin = (places[first - 1] + places[first]) / 2 if first else 0.0
        end = (places[last - 1] + places[last]) / 2 if last < len(places) else 1.0
        if half:
            begin = max(begin, places[first] - 2 * half)
            end = min(end, places[last - 1] + 2 * half)
        edges.append((max(0.0, begin), min(1.0, end)))
    return edges


def _half_pitch(places: tuple[float, ...]) -> float:
    steps = [b - a for a, b in pairwise(places)]
    return median(steps) / 2 if steps else 0.0


def _part(quad: Quad, begin: float, end: float, *, vertical: bool) -> Quad:
    """The part of a quad between two places along its line."""
    if not vertical:
        return part_of(quad, begin, end)
    return np.roll(part_of(np.roll(quad, -1, axis=0), begin, end), 1, axis=0)

"""Lines that the detector drew across the gutter between two columns, cut apart again.

A blank in one line is only a wide space. It is a gutter when other lines end at its left and
others begin at its right, or when most long lines have a blank at the same place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import atan2, cos, sin
from statistics import median

import numpy as np
from numpy.typing import NDArray

from ocrgate.engines.cpu.geometry import Pixels, Quad, crop, is_tall, part_of, sides
from ocrgate.engines.cpu.ink import blank_runs, ink_columns

_NARROWEST = 0.35  # of the line's height: a blank that may be a gutter
_LONG = 12.0  # width in heights from which a line may hold two
_EDGE = 0.9  # heights by which the ends of lines of one column differ
_WITNESSES = 3  # lines that must end, and lines that must begin, at a gutter
_CROSSED = 6  # long lines that together prove a gutter without witnesses
_CROSSED_SHARE = 0.8
_TRIM = 0.15  # heights by which boxes are larger than their text


def skew_of(quads: list[Quad]) -> float:
    """Slope of the page in radians: the median slope of its level lines."""
    slopes = [
        atan2(float(quad[1, 1] - quad[0, 1]), float(quad[1, 0] - quad[0, 0]))
        for quad in quads
        if not is_tall(quad)
    ]
    return median(slopes) if slopes else 0.0


def levelling(angle: float) -> NDArray[np.float32]:
    """The matrix M with which ``points @ M`` undoes a slope of ``angle`` radians."""
    return np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]], np.float32)


@dataclass(frozen=True, slots=True)
class _Blank:
    """A blank inside a line, levelled: where it begins and ends."""

    line: int
    left: float
    right: float
    cut: tuple[float, float]  # where its halves end and begin, as shares of the line


def split_at_gutters(page: Pixels, quads: list[Quad]) -> list[Quad]:
    """The same lines, those that run across a gutter in two or more parts."""
    level = levelling(skew_of(quads))
    spans = np.array([_span(quad @ level) for quad in quads], np.float32).reshape(-1, 2)
    blanks = [
        blank
        for index, quad in enumerate(quads)
        if _may_hold_two(quad)
        for blank in _blanks(page, quad, index, level)
    ]
    shared = _shared(blanks, len({blank.line for blank in blanks}))
    cuts: dict[int, list[tuple[float, float]]] = {}
    for blank, common in zip(blanks, shared, strict=True):
        if common or _witnessed(blank, spans, sides(quads[blank.line])[1]):
            cuts.setdefault(blank.line, []).append(blank.cut)
    return [part for index, quad in enumerate(quads) for part in _parts(quad, cuts.get(index, []))]


def _span(points: Quad) -> tuple[float, float]:
    return float(points[:, 0].min()), float(points[:, 0].max())


def _may_hold_two(quad: Quad) -> bool:
    width, height = sides(quad)
    return width >= _LONG * height


def _blanks(page: Pixels, quad: Quad, index: int, level: NDArray[np.float32]) -> Iterator[_Blank]:
    pixels = crop(page, quad)
    height, width = pixels.shape[:2]
    inner = pixels[round(_TRIM * height) : height - round(_TRIM * height)]
    left, right = _span(quad @ level)
    for first, last in blank_runs(ink_columns(inner)):
        if last - first < _NARROWEST * height or first == 0 or last == width:
            continue
        begin, end = (left + place / width * (right - left) for place in (first, last))
        margin = min(_TRIM * height, (last - first) / 3)
        yield _Blank(index, begin, end, ((first + margin) / width, (last - margin) / width))


def _witnessed(blank: _Blank, spans: NDArray[np.float32], height: float) -> bool:
    """Whether lines of two columns end and begin at the blank."""
    ends = np.abs(spans[:, 1] - _TRIM * height - blank.left) <= _EDGE * height
    begins = np.abs(spans[:, 0] + _TRIM * height - blank.right) <= _EDGE * height
    return int(ends.sum()) >= _WITNESSES and int(begins.sum()) >= _WITNESSES


def _shared(blanks: list[_Blank], lines: int) -> NDArray[np.bool_]:
    """For every blank, whether most long lines have one where its middle is.

    A line's blanks do not overlap, so those that hold a place are as many as their lines.
    """
    lefts = np.sort([blank.left for blank in blanks])
    rights = np.sort([blank.right for blank in blanks])
    middles = np.array([(blank.left + blank.right) / 2 for blank in blanks])
    holding = np.searchsorted(lefts, middles, "right") - np.searchsorted(rights, middles, "left")
    return np.asarray(holding >= max(_CROSSED, _CROSSED_SHARE * lines))


def _parts(quad: Quad, cuts: list[tuple[float, float]]) -> Iterator[Quad]:
    """What is left of a quad when stretches of it, given as shares, are cut out."""
    cuts = sorted(cuts)
    begins = [0.0, *(end for _, end in cuts)]
    ends = [*(begin for begin, _ in cuts), 1.0]
    for begin, end in zip(begins, ends, strict=True):
        yield part_of(quad, begin, end)

"""Which way up a page is, found by reading a few of its lines both ways."""

from typing import Protocol

from ocrgate.engines.cpu.ctc import Reading
from ocrgate.engines.cpu.geometry import Quad, is_tall, sides
from ocrgate.engines.cpu.script import is_cjk_text, same_share

_SAMPLES = 5
_CLEAR = 0.85  # mean confidence from which a page stands as it is
_MARGIN = 0.1  # by which a turned page must read better
_READABLE = 0.75  # confidence below which nothing is known
_TALL_SHARE = 0.5  # of the total length of lines
_SAME = 0.5  # share of characters that prove upright characters below each other


class Sampler(Protocol):
    """Reads single lines of a page that may have to be turned."""

    def turned(self, quad: Quad, clockwise: int, *, strong: bool = False) -> Reading:
        """The line as it reads once the page is turned, by the plan's first or best weights."""

    def cells(self, quad: Quad, reading: Reading) -> Reading:
        """The characters of a downward line, cut out at ``reading.places`` and read upright."""


def turn_of(quads: list[Quad], sampler: Sampler) -> int:
    """The clockwise turn in degrees that makes a page with these lines upright."""
    tall = mostly_tall(quads)
    samples = sorted((quad for quad in quads if is_tall(quad) == tall), key=_length)[-_SAMPLES:]
    if not samples:
        return 0
    return _tall_turn(samples, sampler) if tall else _level_turn(samples, sampler)


def _level_turn(samples: list[Quad], sampler: Sampler) -> int:
    upright, over = _better(samples, sampler, 0, 180)
    return 180 if over >= max(_READABLE, upright + _MARGIN) else 0


def _tall_turn(samples: list[Quad], sampler: Sampler) -> int:
    """Lines that run downwards: the page lies on its side, or its text is set downwards."""
    downward = [sampler.turned(quad, 270) for quad in samples]
    if _set_downwards(samples, downward, sampler):
        return 0
    down, up = _better(samples, sampler, 270, 90)
    if max(down, up) < _READABLE:
        return 0
    return 90 if up > down else 270


def _better(samples: list[Quad], sampler: Sampler, one: int, other: int) -> tuple[float, float]:
    """Confidence after one turn and after the other, found with as few readings as will do.

    The fast weights do not know every script, so when both turns leave them in doubt the best
    weights settle it.
    """
    found = {one: 0.0, other: 0.0}
    for strong in (False, True):
        for turn in (one, other):
            readings = [sampler.turned(quad, turn, strong=strong) for quad in samples]
            found[turn] = mean_confidence(readings)
            if found[turn] >= _CLEAR and not strong:
                return (found[one], found[other])
    return (found[one], found[other])


def _set_downwards(samples: list[Quad], readings: list[Reading], sampler: Sampler) -> bool:
    """Whether upright characters stand below each other, as in traditional Chinese print."""
    chinese = [pair for pair in zip(samples, readings, strict=True) if is_cjk_text(pair[1].text)]
    if 2 * len(chinese) <= len(samples):
        return False
    shares = [
        same_share(reading.text, sampler.cells(quad, reading).text) for quad, reading in chinese
    ]
    return sum(shares) / len(shares) >= _SAME


def mostly_tall(quads: list[Quad]) -> bool:
    """Whether most of the page's text, by length of lines, runs up or down."""
    tall = sum(_length(quad) for quad in quads if is_tall(quad))
    return tall > _TALL_SHARE * sum(_length(quad) for quad in quads)


def mean_confidence(readings: list[Reading]) -> float:
    """Mean probability over all characters of some lines."""
    scores = [score for reading in readings for score in reading.scores]
    return sum(scores) / len(scores) if scores else 0.0


def _length(quad: Quad) -> float:
    return max(sides(quad))

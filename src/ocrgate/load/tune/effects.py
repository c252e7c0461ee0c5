"""What one step on an axis does to goodput, from pairs of settings that differ in it alone.

First trials all get the same pages in the same order, so the ratio of two of them is known far
better than either. A step that was seen at one setting says what it does at others near it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from ocrgate.load.tune.evidence import Site
from ocrgate.load.tune.trial import Setting, Space

_PRIOR = 0.25  # weight of knowing nothing, where a pair at the very place has 1
_SPREAD = 0.1  # of the logarithm of what a step does on an axis of which nothing is known
_NOTHING = 0.01  # of the best goodput: less is no more than that


@dataclass(frozen=True, slots=True)
class Effect:
    """Logarithm of the factor by which goodput changes, and how little that is known."""

    log: float
    doubt: float

    @property
    def hope(self) -> float:
        """What it may well be."""
        return self.log + self.doubt


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two neighbours among the settings tried on a line: where, and the factor of one step."""

    middle: float
    others: tuple[int, ...]
    log: float


class Effects:
    """What the settings tried say of steps.

    Args:
        found: them; those that killed the engine say nothing.
        space: what is searched.
    """

    def __init__(self, found: Mapping[Setting, Site], space: Space) -> None:
        alive = [site for site in found.values() if space.holds(site.setting) and not site.died]
        self._space = space
        self._pairs = [
            list(_pairs(alive, space, place)) if len(axis.values) > 1 else []
            for place, axis in enumerate(space.axes)
        ]
        self._spreads = [_spread(pairs) for pairs in self._pairs]

    def step(self, setting: Setting, place: int, up: int) -> Effect:
        """Of one step up (1) or down (-1) on an axis, from a setting.

        The mean over all pairs, each with half the weight for each step that it is away on any
        axis, drawn towards nothing by what is not known. That is more on an axis whose steps do
        much, wherever they were seen, than on one whose steps do nothing.
        """
        at = self._space.places(setting)
        others = (*at[:place], *at[place + 1 :])
        middle = at[place] + up / 2
        total = weighed = 0.0
        for pair in self._pairs[place]:
            away = abs(pair.middle - middle) + sum(
                abs(here - there) for here, there in zip(pair.others, others, strict=True)
            )
            weight = 2.0**-away
            total += weight
            weighed += weight * pair.log
        unknown = _PRIOR / (total + _PRIOR)
        return Effect(up * weighed / (total + _PRIOR), self._spreads[place] * unknown)


def _spread(pairs: Sequence[_Pair]) -> float:
    """How much steps on an axis do: the root of the mean square, with one of ``_SPREAD`` before."""
    squares = [_SPREAD**2, *(pair.log**2 for pair in pairs)]
    return math.sqrt(sum(squares) / len(squares))


def _pairs(alive: Iterable[Site], space: Space, place: int) -> Iterator[_Pair]:
    least = _NOTHING * max((site.goodput for site in alive), default=0.0)
    if least <= 0:
        return
    spots = sorted(
        ((*at[:place], *at[place + 1 :]), at[place], max(site.goodput, least))
        for site in alive
        for at in [space.places(site.setting)]
    )
    for others, line in groupby(spots, key=lambda spot: spot[0]):
        for (_, low, before), (_, high, after) in pairwise(line):
            log = math.log(after / before) / (high - low)
            yield _Pair((low + high) / 2, others, log)

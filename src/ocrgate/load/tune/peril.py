"""How likely a setting is to kill the engine, from those that did and those that lived.

What an engine holds beyond what it reserved grows with the work at once, and what is left for that
shrinks with every step on the other risky axes (its share of the memory). So there is a most work
at once, which is a straight line along those axes. Neither its height nor its slope is known; all
that are likely are held against what was seen (a Bayesian estimate on a grid).
"""

import math
from collections.abc import Iterable, Iterator
from itertools import product

from ocrgate.load.tune.evidence import Site
from ocrgate.load.tune.trial import Setting, Space

_SLOPES = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
"""Parts of the most work at once at the start that a step back on another axis adds."""

_STEPS = 4  # of the most work at once, to a doubling
_BEYOND = 4.0  # times the largest work at once that the most may be
_OVERLOOKED = 0.1  # chance that what is too much lives through one trial
_UNEXPECTED = 0.03  # chance that something dies that is not too much


class Peril:
    """What is believed of the engine's death.

    Args:
        found: the settings tried.
        space: what is searched; without a risky axis that climbs nothing is believed.
    """

    def __init__(self, found: Iterable[Site], space: Space) -> None:
        self._space = space
        self._climbing = space.climbing
        self._others = [
            place for place, axis in enumerate(space.axes) if axis.risky and not axis.climbs
        ]
        seen = [site for site in found if not site.unstarted]
        self._beliefs: list[tuple[float, tuple[float, ...], float]] = []
        climbs = self._climbing is not None and space.axes[self._climbing].risky
        if climbs and any(site.died for site in seen):
            self._beliefs = list(self._weighed(seen))

    def of(self, setting: Setting) -> float:
        """Probability that a trial of the setting ends with the engine's death.

        0 as long as nothing has died: somebody has to find out first.
        """
        if not self._beliefs:
            return 0.0
        hits = sum(
            weight * _fatal(self._asks(setting) > self._most(setting, most, slopes))
            for most, slopes, weight in self._beliefs
        )
        return hits / sum(weight for *_, weight in self._beliefs)

    def _asks(self, setting: Setting) -> float:
        assert self._climbing is not None
        return setting[self._climbing]

    def _most(self, setting: Setting, most: float, slopes: tuple[float, ...]) -> float:
        """The most work at once with what the setting has on the other axes."""
        found = 1.0
        for place, slope in zip(self._others, slopes, strict=True):
            axis = self._space.axes[place]
            found += slope * (axis.place(axis.start) - axis.place(setting[place]))
        return most * found

    def _weighed(self, seen: list[Site]) -> Iterator[tuple[float, tuple[float, ...], float]]:
        assert self._climbing is not None
        largest = self._space.axes[self._climbing].values[-1]
        heights = round(_STEPS * math.log2(_BEYOND * largest)) + 1
        for height, *slopes in product(range(heights), *(_SLOPES for _ in self._others)):
            most, taken = 2.0 ** (height / _STEPS), tuple(map(float, slopes))
            weight = 1.0
            for site in seen:
                fatal = _fatal(self._asks(site.setting) > self._most(site.setting, most, taken))
                weight *= fatal if site.died else 1 - fatal
            yield most, taken, weight


def _fatal(too_much: bool) -> float:
    return 1 - _OVERLOOKED if too_much else _UNEXPECTED

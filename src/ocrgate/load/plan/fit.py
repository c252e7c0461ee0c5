"""The model of an engine held to measured closed loops: two factors of its pace.

One is for the time of all steps, one for their fixed part alone (host and weights), which decides
with few pages at once and not with many. Loops of different concurrency tell them apart; where
there is only one, what is thought likely before does. Least squares in logarithms by Gauss and
Newton, with what is likely as two more squares.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ocrgate.load.plan.doubt import NINETY
from ocrgate.load.plan.wish import Wish
from ocrgate.load.tune.trial import Purpose, Trial
from ocrgate.load.tune.virtual import Pages, Stand, slots, unlimited
from ocrgate.simulate.gpus import Assumed

SURE = 1.08
"""A measurement on one day is no nearer to the next day's than that, nine times of ten."""

_ONE = 1.15  # the same after a single closed loop
_ROUNDS = 3  # of Gauss and Newton
_ASIDE = 0.25  # of a logarithm, to see which way a factor moves the rates
_LIKELY = (math.log(3.0) / NINETY, math.log(2.0) / NINETY)
"""Standard deviations of the factors' logarithms before anything was measured: all steps of a GPU
between a third and three times of what is assumed, nine times of ten, their fixed part twice."""

Factors = tuple[float, float]
"""Logarithms: of the time of all steps, and beside it of their fixed part."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A closed loop that was measured.

    Attributes:
        callers: at once.
        rate: pages a second.
        seconds: that it was held.
        pages: those that were read in it; None where nothing is known of them.
    """

    callers: int
    rate: float
    seconds: float
    pages: Pages | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """Where the model comes nearest.

    Attributes:
        factors: those.
        rates: pages a second of each loop as modelled with them.
        off: logarithms of how many times as fast as measured that is.
        slopes: of ``off`` by each factor, there.
    """

    factors: Factors
    rates: tuple[float, ...]
    off: tuple[float, ...]
    slopes: tuple[tuple[float, ...], tuple[float, ...]]

    @property
    def pace(self) -> float:
        """The factor by which a loop is still off, nine times of ten."""
        free = len(self.off) - len(self.factors)
        if free < 1:
            return _ONE if len(self.off) == 1 else SURE
        return max(SURE, math.exp(NINETY * math.sqrt(_dot(self.off, self.off) / free)))

    def put(self, assumed: Assumed) -> Assumed:
        """What is assumed, with the factors."""
        slower, start = map(math.exp, self.factors)
        return replace(assumed, slower=slower, slower_start=start)


def fitted(wish: Wish, loops: Sequence[Loop]) -> Fit:
    """The likeliest factors for an engine as the wish has it."""
    found = _looked(wish, loops, (0.0, 0.0))
    for _ in range(_ROUNDS):
        found = _looked(wish, loops, _moved(found, found.off))
    return found


def matched(fit: Fit, wish: Wish, loops: Sequence[Loop], assumed: Assumed) -> Assumed:
    """Other assumptions, brought to agree with the same loops: one step from the likeliest factors.

    So a guess at what the loops leave open is a guess at no more than that.
    """
    off = _logs(loops, _modelled(replace(wish, assumed=assumed), fit.factors, loops))
    return replace(fit, factors=_moved(fit, off)).put(assumed)


def _looked(wish: Wish, loops: Sequence[Loop], factors: Factors) -> Fit:
    rates = _modelled(wish, factors, loops)
    off = _logs(loops, rates)
    first = _slope(wish, loops, (factors[0] + _ASIDE, factors[1]), off)
    second = _slope(wish, loops, (factors[0], factors[1] + _ASIDE), off)
    return Fit(factors, rates, off, (first, second))


def _slope(
    wish: Wish, loops: Sequence[Loop], aside: Factors, off: Sequence[float]
) -> tuple[float, ...]:
    there = _logs(loops, _modelled(wish, aside, loops))
    return tuple((b - a) / _ASIDE for a, b in zip(off, there, strict=True))


def _moved(fit: Fit, off: Sequence[float]) -> Factors:
    """One step of Gauss and Newton from a fit's factors: two equations with two unknowns."""
    now, (first, second) = fit.factors, fit.slopes
    weight = (NINETY / math.log(SURE)) ** 2
    held = [deviation**-2 for deviation in _LIKELY]
    a = weight * _dot(first, first) + held[0]
    b = weight * _dot(first, second)
    c = weight * _dot(second, second) + held[1]
    up = -weight * _dot(first, off) - held[0] * now[0]
    down = -weight * _dot(second, off) - held[1] * now[1]
    whole = a * c - b * b
    return now[0] + (c * up - b * down) / whole, now[1] + (a * down - b * up) / whole


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return math.fsum(a * b for a, b in zip(left, right, strict=True))


def _modelled(wish: Wish, factors: Factors, loops: Sequence[Loop]) -> tuple[float, ...]:
    """Pages a second of each loop, with the very pages that it read where they are known."""
    slower, start = map(math.exp, factors)
    now = replace(wish, assumed=replace(wish.assumed, slower=slower, slower_start=start))
    return tuple(_rate(now, loop) for loop in loops)


def _rate(wish: Wish, loop: Loop) -> float:
    used = replace(wish, pages=loop.pages) if loop.pages else wish
    stand = Stand(
        slots(used.profile()),
        used.prepared,
        math.inf,
        loop.seconds,
        seed=7,
        pages=0 if loop.pages else 600,
        max_tokens=used.model.cap,
    )
    return unlimited(stand).measure(Trial((loop.callers,), Purpose.CONFIRM)).goodput


def _logs(loops: Sequence[Loop], rates: Sequence[float]) -> tuple[float, ...]:
    return tuple(
        math.log(max(rate, 1e-9) / loop.rate) for loop, rate in zip(loops, rates, strict=True)
    )

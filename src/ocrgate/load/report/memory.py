"""How much wider an interval has to be because a server remembers.

A queue near its limit stays long for many times the latency of one request, so a bad block follows
a bad one, and blocks drawn one by one make intervals far too narrow: two runs of one server at 90 %
of what it carries would differ "beyond noise" more often than not. What the blocks are like tells
how long the memory is: as a first-order autoregression with the correlation ``r`` of neighbours, a
mean of ``n`` blocks is worth one of ``n (1 - r) / (1 + r)`` that do not know each other (Bartlett,
1946).
"""

import math

import numpy as np
from numpy.typing import NDArray

LEAST = 3.0
"""Blocks that know nothing of each other; a run that is worth fewer gives no interval."""

_Z = 1.96  # of the normal curve, for 95 of 100
_MOST = 0.97

Floats = NDArray[np.float64]


def widening(*series: Floats) -> float | None:
    """By how much draws of single blocks have to be spread; None where a run is too short.

    Few blocks also know little of how much they differ, which Student's curve stands for.

    Args:
        series: one value for each block, in order of time; the longest memory counts.
    """
    blocks = len(series[0])
    memory = max(correlation(each) for each in series)
    worth = blocks * (1 - memory) / (1 + memory)
    if worth < LEAST:
        return None
    return math.sqrt(blocks / worth * blocks / (blocks - 1)) * _student(worth - 1)


def correlation(series: Floats) -> float:
    """Of neighbours, from 0 to 0.97; less than chance makes of none counts as none.

    The plain estimate is too low by ``(1 + 3 r) / n`` (Kendall, 1954), which is added.
    """
    blocks = len(series)
    off = series - series.mean()
    power = float(off @ off)
    if power <= 0:
        return 0.0
    plain = float(off[1:] @ off[:-1]) / power
    found = plain + (1 + 3 * plain) / blocks
    return min(found, _MOST) if found > blocks**-0.5 else 0.0


def _student(freedom: float) -> float:
    """Student's 97.5 % point over that of the normal curve (Cornish and Fisher, 1938)."""
    second = (5 * _Z**4 + 16 * _Z**2 + 3) / (96 * freedom**2)
    return 1 + (_Z**2 + 1) / (4 * freedom) + second

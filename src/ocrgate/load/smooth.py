"""Curves without their noise: isotonic regression, and curves that rise and then fall."""

import math
from collections.abc import Sequence


def rising(values: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """The never-falling curve nearest to ``values`` in weighted squares.

    Pool adjacent violators (Ayer et al., 1955): neighbours in the wrong order share their mean.

    Args:
        values: in order of what they depend on.
        weights: of each, above 0; 1 / variance where it is known. All alike without them.
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for value, weight in zip(values, weights or [1.0] * len(values), strict=True):
        pool = (value, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, mass, members = pools.pop()
            both = mass + pool[1]
            pool = ((mean * mass + pool[0] * pool[1]) / both, both, members + pool[2])
        pools.append(pool)
    return [mean for mean, _, members in pools for _ in range(members)]


def unimodal(values: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """The curve nearest to ``values`` that rises to one of its points and falls from there.

    Every point is tried as the peak; the one with the least squared distance is taken.
    """
    weights = weights or [1.0] * len(values)
    best, found = math.inf, list(values)
    for peak in range(1, len(values) + 1):
        down = rising([-value for value in values[peak:]], weights[peak:])
        curve = rising(values[:peak], weights[:peak]) + [-value for value in down]
        each = zip(values, curve, weights, strict=True)
        off = math.fsum(weight * (value - fitted) ** 2 for value, fitted, weight in each)
        if off < best - 1e-12:
            best, found = off, curve
    return found

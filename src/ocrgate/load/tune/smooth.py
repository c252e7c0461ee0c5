"""Curves without their noise: isotonic regression, and curves that rise and then fall."""

import math
from collections.abc import Sequence


def rising(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nearest curve that never falls (pool adjacent violators, Ayer and others 1955).

    Args:
        values: in order of what they depend on.
        weights: of each, above 0; 1 / variance where it is known.
    """
    pools: list[list[float]] = []  # mean, weight, members
    for value, weight in zip(values, weights, strict=True):
        pools.append([value, weight, 1])
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            mean, mass, count = pools.pop()
            before = pools[-1]
            total = before[1] + mass
            pools[-1] = [(before[0] * before[1] + mean * mass) / total, total, before[2] + count]
    return [mean for mean, _, count in pools for _ in range(int(count))]


def unimodal(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nearest curve that rises to one of its points and falls from there.

    Every point is tried as the peak; the one with the least squared distance is taken.
    """
    best, found = math.inf, list(values)
    for peak in range(len(values)):
        left = rising(values[: peak + 1], weights[: peak + 1])
        right = rising(values[peak:][::-1], weights[peak:][::-1])[::-1]
        curve = [*left[:-1], max(left[-1], right[0]), *right[1:]]
        off = sum(
            weight * (value - fitted) ** 2
            for value, weight, fitted in zip(values, weights, curve, strict=True)
        )
        if off < best:
            best, found = off, curve
    return found

"""Where a curve bends: the load beyond which more gives nothing more.

Each function takes points ``(load, value)`` by rising load, such as requests at once and pages a
second. The decision is :func:`plateau`'s; :func:`kneedle` and :func:`usl` are second opinions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]


def isotonic(values: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """The never-falling sequence nearest to ``values`` in weighted squares.

    Pool adjacent violators (Ayer et al., 1955): neighbours in the wrong order share their mean.
    """
    blocks: list[tuple[float, float, int]] = []  # mean, weight, members
    for place, value in enumerate(values):
        block = (value, weights[place] if weights is not None else 1.0, 1)
        while blocks and blocks[-1][0] > block[0]:
            mean, weight, members = blocks.pop()
            both = weight + block[1]
            block = (
                (mean * weight + block[0] * block[1]) / both,
                both,
                members + block[2],
            )
        blocks.append(block)
    return [mean for mean, _, members in blocks for _ in range(members)]


def unimodal(values: Sequence[float]) -> list[float]:
    """The rising, then falling sequence nearest to ``values`` in squares."""
    best: tuple[float, list[float]] = (math.inf, list(values))
    for top in range(len(values)):
        rising = isotonic(values[: top + 1])
        falling = [-value for value in isotonic([-value for value in values[top + 1 :]])]
        found = rising + falling
        off = math.fsum((a - b) ** 2 for a, b in zip(found, values, strict=True))
        if off < best[0] - 1e-12:
            best = (off, found)
    return best[1]


def plateau(points: Sequence[Point], within: float = 0.02) -> Point | None:
    """The smallest load whose value is within ``within`` of the best; None for no points.

    The best is that of the curve with single spikes taken off (the median of three neighbours,
    then the nearest curve that rises and falls), so that one lucky measurement beyond the knee does
    not count. The point that comes back is a measured one.
    """
    if not points:
        return None
    measured = [value for _, value in points]
    smooth = unimodal(_without_spikes(measured))
    enough = max(smooth) * (1 - within)
    pairs = zip(points, smooth, strict=True)
    return next(point for point, value in pairs if max(point[1], value) >= enough)


def _without_spikes(values: Sequence[float]) -> list[float]:
    inner = [sorted(values[place - 1 : place + 2])[1] for place in range(1, len(values) - 1)]
    return [*values[:1], *inner, *values[len(inner) + 1 :]]


def saturation(points: Sequence[Point], within: float = 0.05) -> Point | None:
    """The first point of (offered rate, throughput) from which on throughput falls short.

    Short means by more than ``within`` of what is offered, there and at all higher rates. None
    where the server kept up to the end.
    """
    found = None
    for offered, value in reversed(points):
        if value >= offered * (1 - within):
            break
        found = (offered, value)
    return found


def kneedle(points: Sequence[Point]) -> Point | None:
    """The point farthest above the chord from first to last (Satopaa et al., 2011).

    None where the curve nowhere rises above its chord. Sensitive to the range that was measured.
    """
    if len(points) < 3:
        return None
    (x0, y0), (x1, y1) = points[0], max(points, key=lambda point: point[1])
    if x1 <= x0 or y1 <= y0:
        return None
    above = [((y - y0) / (y1 - y0) - (x - x0) / (x1 - x0), (x, y)) for x, y in points if x <= x1]
    height, point = max(above)
    return point if height > 0.01 else None


@dataclass(frozen=True, slots=True)
class Usl:
    """The Universal Scalability Law: ``gamma N / (1 + sigma (N - 1) + kappa N (N - 1))``.

    Attributes:
        gamma: value of one alone.
        sigma: share that cannot run side by side.
        kappa: cost of each pair that has to agree.
    """

    gamma: float
    sigma: float
    kappa: float

    def at(self, load: float) -> float:
        """The value at a load."""
        lost = 1 + self.sigma * (load - 1) + self.kappa * load * (load - 1)
        return self.gamma * load / lost

    @property
    def peak(self) -> float:
        """The load of the highest value; infinite where it never falls."""
        return math.sqrt(max(0.0, 1 - self.sigma) / self.kappa) if self.kappa > 0 else math.inf


def usl(points: Sequence[Point]) -> Usl | None:
    """The law that fits best; None for fewer than three different loads, or where none fits.

    ``N / C`` is linear in three unknowns: least squares, each residual weighted by its value, so
    that all points count by their share of error. Neither sigma nor kappa is below 0.
    """
    rows = [(n, c) for n, c in points if n > 0 and c > 0]
    if len({n for n, _ in rows}) < 3:
        return None
    terms = [((1.0, n - 1, n * (n - 1)), n / c, c / n) for n, c in rows]
    for kept in ((0, 1, 2), (0, 2), (0, 1), (0,)):
        found = _least_squares(terms, kept)
        if found is not None and found[0] > 0 and min(found) >= -1e-12:
            return Usl(1 / found[0], max(0.0, found[1]) / found[0], max(0.0, found[2]) / found[0])
    return None


def _least_squares(
    terms: Sequence[tuple[tuple[float, float, float], float, float]], kept: tuple[int, ...]
) -> list[float] | None:
    """Three coefficients, those that are not ``kept`` 0; None where the equations do not decide."""
    size = len(kept)
    matrix = [[0.0] * (size + 1) for _ in range(size)]
    for basis, value, weight in terms:
        for row, i in enumerate(kept):
            scaled = weight * weight * basis[i]
            for column, j in enumerate(kept):
                matrix[row][column] += scaled * basis[j]
            matrix[row][size] += scaled * value
    solved = _solve(matrix)
    if solved is None:
        return None
    found = [0.0, 0.0, 0.0]
    for place, coefficient in zip(kept, solved, strict=True):
        found[place] = coefficient
    return found


def _solve(matrix: list[list[float]]) -> list[float] | None:
    """Gauss with pivots; the last column is the right-hand side."""
    size = len(matrix)
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(matrix[row][column]))
        if abs(matrix[pivot][column]) < 1e-12:
            return None
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        for row in range(size):
            if row != column:
                factor = matrix[row][column] / matrix[column][column]
                for place in range(column, size + 1):
                    matrix[row][place] -= factor * matrix[column][place]
    return [matrix[row][size] / matrix[row][row] for row in range(size)]

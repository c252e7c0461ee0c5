"""Readings of meters: by name and source, and what they come to."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from ocrgate.load.record import Point

Lines = Mapping[str, Mapping[str, Sequence[Point]]]
"""Readings by meter and by source, in the order in which they were taken."""

COUNTERS = frozenset({"preemptions", "generated_tokens", "rejections", "refusals", "wasted_tokens"})
"""Meters that only grow: what is of interest is how fast."""


def lines(series: Iterable[Point]) -> dict[str, dict[str, list[Point]]]:
    """Sort readings by meter and source."""
    found: dict[str, dict[str, list[Point]]] = {}
    for point in series:
        found.setdefault(point.name, {}).setdefault(point.source, []).append(point)
    for sources in found.values():
        for points in sources.values():
            points.sort(key=lambda point: point.at)
    return found


def highest(found: Lines, name: str) -> float | None:
    """The highest reading of a meter at any source."""
    values = [point.value for points in found.get(name, {}).values() for point in points]
    return max(values, default=None)


def grown(found: Lines, name: str) -> float | None:
    """By how much a counter grew at all sources together; a restart counts from 0 anew."""
    sources = found.get(name)
    if not sources:
        return None
    return sum(sum(each for _, each in rises(points)) for points in sources.values())


def rises(points: Sequence[Point]) -> list[tuple[Point, float]]:
    """A counter's readings after the first, each with what it grew by since the one before."""
    return [
        (after, after.value - before.value if after.value >= before.value else after.value)
        for before, after in pairwise(points)
    ]


def restarts(found: Lines, name: str = "preemptions") -> int:
    """How often a counter fell back, which it does when its process is new."""
    return sum(
        after.value < before.value
        for points in found.get(name, {}).values()
        for before, after in pairwise(points)
    )

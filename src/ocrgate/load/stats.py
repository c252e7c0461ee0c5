"""What many figures say together: quantiles, an integral over time, Little's law."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest of the values, sorted, that at least ``share`` of them do not exceed.

    It is one of the values, never between two, so that it never flatters. None for no values.
    """
    if not ordered:
        return None
    rank = math.ceil(share * len(ordered) - 1e-9)
    return ordered[min(len(ordered), max(1, rank)) - 1]


@dataclass(frozen=True, slots=True)
class Spread:
    """Some values, summed up; in the unit of the values."""

    count: int
    mean: float
    smallest: float
    p50: float
    p90: float
    p95: float
    p99: float
    largest: float

    def tells(self, name: str) -> bool:
        """Whether a quantile (``p95``) is another than the largest: 20 values tell of the p95."""
        return name == "p50" or self.count * (1 - float(name[1:]) / 100) >= 1 - 1e-9

    def told(self, name: str) -> float | None:
        """A quantile by its name; None where there are too few values for it."""
        return float(getattr(self, name)) if self.tells(name) else None


def spread(values: Iterable[float]) -> Spread | None:
    """The spread of values in any order; None for none."""
    ordered = sorted(values)
    if not ordered:
        return None
    p50, p90, p95, p99 = (
        ordered[max(1, math.ceil(share * len(ordered) - 1e-9)) - 1]
        for share in (0.5, 0.9, 0.95, 0.99)
    )
    mean = math.fsum(ordered) / len(ordered)
    return Spread(len(ordered), mean, ordered[0], p50, p90, p95, p99, ordered[-1])


_Z = 1.96  # of the normal curve, for 95 of 100


def wilson(part: float, whole: float) -> tuple[float, float]:
    """Where a share lies, 95 times of 100, of which ``part`` of ``whole`` were seen (Wilson, 1927).

    Of none in 100 it may still be 3.7 %. Nothing is known of none in none.
    """
    if whole <= 0:
        return 0.0, 1.0
    share, square = part / whole, _Z * _Z
    middle = share + square / (2 * whole)
    reach = _Z * math.sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    below, above = ((middle + sign * reach) / (1 + square / whole) for sign in (-1, 1))
    return (0.0 if part <= 0 else max(0.0, below)), (1.0 if part >= whole else min(1.0, above))


def without_one(share: float) -> int:
    """How many have to be seen without a single one until the share is surely not above that."""
    return math.ceil(_Z * _Z * (1 - share) / share - 1e-9) if share > 0 else 0


@dataclass(slots=True)
class Gauge:
    """A number that goes up and down, and its integral over time.

    Attributes:
        value: the number now.
        most: the highest it was.
    """

    value: int = 0
    most: int = 0
    _area: float = 0.0
    _last: float = 0.0

    def change(self, by: int, now: float) -> None:
        """It is ``by`` more from ``now`` on."""
        self._area += self.value * (now - self._last)
        self._last = now
        self.value += by
        self.most = max(self.most, self.value)

    def area(self, now: float) -> float:
        """Its integral until ``now``, in units times seconds."""
        return self._area + self.value * (now - self._last)


LEAST = 50
"""Requests below which Little's law says nothing: chance alone is above its tolerance."""

TOLERANCE = 0.05
"""Share by which both sides of Little's law may differ (beside chance)."""


@dataclass(frozen=True, slots=True)
class Little:
    """Both sides of Little's law, ``L = rate * wait``, each measured in its own way.

    Attributes:
        in_flight: requests on the wire, averaged over time.
        expected: requests a second times the mean time from when each was due to its end.
        holds: whether they agree; None where too little was measured to say.
    """

    in_flight: float
    expected: float
    holds: bool | None

    @property
    def gap(self) -> float:
        """How much more ``expected`` is, as a share of the larger."""
        largest = max(self.in_flight, self.expected)
        return (self.expected - self.in_flight) / largest if largest else 0.0


def little(in_flight: float, requests: int, seconds: float, mean: float) -> Little:
    """Check a run of ``seconds`` with itself.

    Waiting counts from the intended instant, presence on the wire from the real one: where the law
    does not hold, requests queued inside the client, and its figures are its own, not the server's.

    Args:
        in_flight: requests on the wire, averaged over the run.
        requests: that were due or under way in it.
        seconds: of the run.
        mean: seconds of each request that lie in the run, so that those which straddle its edges
            are counted alike on both sides.
    """
    if seconds <= 0:
        return Little(in_flight, 0.0, None)
    expected = requests / seconds * mean
    found = Little(in_flight, expected, None)
    if requests < LEAST:
        return found
    return Little(in_flight, expected, abs(found.gap) <= TOLERANCE + requests**-0.5)

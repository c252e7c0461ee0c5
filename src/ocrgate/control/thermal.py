"""A slow ceiling on the limit while the GPU is hot.

A GPU that is too hot lowers its own clock, and every page at it takes longer. The ceiling is a
factor on the limit: ``* cool`` for each ``period`` seconds in which the GPU is hot or says that it
is throttled by heat or power, ``* warm`` back for each in which it is neither, never under
``least`` and never over 1. Between ``exit`` and ``enter`` degrees it stays: a GPU held at its
threshold neither falls to the floor nor swings. It is slow on purpose and stands outside the fast
loop of the limit law, since two loops on one time scale chase each other.
"""

from dataclasses import dataclass
from typing import Literal

Reason = Literal["cool", "hot", "throttled", "warm", "recovering", "unknown"]


@dataclass(frozen=True, slots=True)
class ThermalParams:
    """When a GPU is hot, and what follows.

    Attributes:
        enter: degrees Celsius from which it is hot.
        exit: degrees Celsius from which down it is not.
        period: seconds in which one step is made.
        cool: factor of a step down.
        warm: factor of a step up.
        least: the factor is never below this.
        forget: seconds without any reading after which nothing is known.
    """

    enter: float = 83.0
    exit: float = 78.0
    period: float = 10.0
    cool: float = 0.9
    warm: float = 1.05
    least: float = 0.25
    forget: float = 60.0

    def __post_init__(self) -> None:
        bounds = {
            "exit": self.exit < self.enter,
            "period": self.period > 0,
            "cool": 0 < self.cool < 1,
            "warm": self.warm > 1,
            "least": 0 < self.least <= 1,
            "forget": self.forget > 0,
        }
        if wrong := [name for name, holds in bounds.items() if not holds]:
            raise ValueError(f"out of range: {', '.join(wrong)}")


@dataclass(frozen=True, slots=True)
class Heat:
    """What the GPU says; None for what cannot be read, as on a machine without one.

    Attributes:
        celsius: temperature of the GPU.
        throttled: whether its clock is lowered for heat or power.
    """

    celsius: float | None = None
    throttled: bool | None = None


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The part of the limit that may be used, 0 to 1, and why."""

    factor: float
    reason: Reason

    def over(self, limit: int) -> int:
        """The limit under this ceiling, at least 1."""
        return max(1, int(limit * self.factor))


class Thermal:
    """The ceiling of one GPU.

    Args:
        params: when it is hot, and what follows.
    """

    def __init__(self, params: ThermalParams | None = None) -> None:
        self._params = params or ThermalParams()
        self._factor = 1.0
        self._reason: Reason = "unknown"
        self._hot = False
        self._seen: float | None = None

    def ceiling(self) -> Ceiling:
        """As it stands."""
        return Ceiling(self._factor, self._reason)

    def read(self, heat: Heat, now: float) -> Ceiling:
        """A reading at ``now`` (seconds). The ceiling moves by the time since the last one.

        A gap of more than two periods counts as two: nobody knows how hot it was meanwhile.
        Readings that say nothing let the ceiling stand, and after ``forget`` seconds give way.
        """
        since = 0.0 if self._seen is None else max(0.0, now - self._seen)
        if heat.celsius is None and heat.throttled is None:
            return self._unread(since, now)
        self._seen = now if self._seen is None else max(now, self._seen)
        steps = min(since, 2 * self._params.period) / self._params.period
        self._move(heat, steps)
        return self.ceiling()

    def _move(self, heat: Heat, steps: float) -> None:
        params = self._params
        degrees = params.exit if heat.celsius is None else heat.celsius
        self._hot = degrees >= params.enter or (self._hot and degrees > params.exit)
        if heat.throttled or degrees >= params.enter:
            self._factor = max(params.least, self._factor * params.cool**steps)
            self._reason = "throttled" if heat.throttled else "hot"
        elif self._hot:
            self._reason = "warm"
        else:
            self._factor = min(1.0, self._factor * params.warm**steps)
            self._reason = "cool" if self._factor == 1.0 else "recovering"

    def _unread(self, since: float, now: float) -> Ceiling:
        if self._seen is None or since > self._params.forget:
            self._seen = self._seen or now
            self._factor, self._hot, self._reason = 1.0, False, "unknown"
        return self.ceiling()

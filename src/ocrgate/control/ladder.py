"""What is done for less under pressure, one rung after the other, and for whom.

The pressure is one number, see :func:`pressure`. Each
rung is entered when the pressure has been at or over its ``enter`` for ``sustain`` seconds, and
left when it has been under ``exit`` for as long; after any change all stays as it is for ``dwell``
seconds. So at most one change is made per ``dwell``, whatever the pressure does. A rung is entered
only on top of the one below it, and left from the top.

A caller may forbid rungs. The ladder is climbed for all alike; what a caller has forbidden is left
out for that caller, and nobody is moved to a higher rung for it.
"""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Rung(StrEnum):
    """What is done for less, from the least to the most that a caller notices."""

    SMALLER_IMAGE = "smaller_image"
    SHORTER_OUTPUT = "shorter_output"
    OTHER_ENGINE = "other_engine"
    JOB = "job"
    REFUSAL = "refusal"


Why = Literal["calm", "rising", "entered", "holding", "falling", "left", "dwelling"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """The pressure at which a rung is entered, and the lower one under which it is left."""

    enter: float
    exit: float

    def __post_init__(self) -> None:
        if not 0 <= self.exit < self.enter:
            raise ValueError("exit is at least 0 and below enter")


def _thresholds() -> dict[Rung, Threshold]:
    return {
        Rung.SMALLER_IMAGE: Threshold(0.5, 0.25),
        Rung.SHORTER_OUTPUT: Threshold(0.7, 0.4),
        Rung.OTHER_ENGINE: Threshold(0.85, 0.5),
        Rung.JOB: Threshold(1.0, 0.6),
        Rung.REFUSAL: Threshold(1.2, 0.7),
    }


@dataclass(frozen=True, slots=True)
class LadderParams:
    """When rungs are entered and left.

    Attributes:
        thresholds: pressures by rung; a rung that is missing is never entered. Both grow, or stay
            the same, from rung to rung.
        sustain: seconds for which the pressure must be beyond a threshold.
        dwell: seconds without a change after a change.
    """

    thresholds: dict[Rung, Threshold] = field(default_factory=_thresholds)
    sustain: float = 1.0
    dwell: float = 5.0

    def __post_init__(self) -> None:
        if min(self.sustain, self.dwell) < 0:
            raise ValueError("sustain and dwell are at least 0")
        steps = [self.thresholds[rung] for rung in Rung if rung in self.thresholds]
        enters, exits = [step.enter for step in steps], [step.exit for step in steps]
        if enters != sorted(enters) or exits != sorted(exits):
            raise ValueError("thresholds grow from rung to rung")


@dataclass(frozen=True, slots=True)
class Degradation:
    """The rungs that are in force, from the lowest up, and why no more and no fewer."""

    rungs: tuple[Rung, ...]
    why: Why

    def allowed(self, forbidden: frozenset[Rung] = frozenset()) -> tuple[Rung, ...]:
        """What may be done to a caller who has forbidden some."""
        return tuple(rung for rung in self.rungs if rung not in forbidden)


def pressure(wait: float, allowed: float, refused: float) -> float:
    """What a gate is under: 0 at rest, 1 where waits are as long as they may be or half is refused.

    Args:
        wait: seconds that a page which came now would wait.
        allowed: seconds that it may wait at most; above 0.
        refused: the part, 0 to 1, of what came in the last seconds that was refused.
    """
    return max(wait / allowed, 2 * refused)


class Ladder:
    """The rungs of one gate.

    Args:
        params: when rungs are entered and left.
    """

    def __init__(self, params: LadderParams | None = None) -> None:
        self._params = params or LadderParams()
        self._rungs = tuple(rung for rung in Rung if rung in self._params.thresholds)
        self._height = 0
        self._changed = -math.inf
        self._rose = False
        self._over: float | None = None
        self._under: float | None = None
        self._now = -math.inf

    def state(self) -> tuple[Rung, ...]:
        """The rungs in force, from the lowest up."""
        return self._rungs[: self._height]

    def press(self, pressure: float, now: float) -> Degradation:
        """The pressure is this at ``now`` (seconds). What is no number counts as no pressure."""
        self._now = now = max(now, self._now)
        pressure = 0.0 if math.isnan(pressure) else pressure
        up, down = self._next(), self._top()
        self._over = _since(self._over, now, up is not None and pressure >= up.enter)
        self._under = _since(self._under, now, down is not None and pressure < down.exit)
        return Degradation(self._act(now), self._why(now))

    def _act(self, now: float) -> tuple[Rung, ...]:
        if now - self._changed >= self._params.dwell:
            if self._over is not None and now - self._over >= self._params.sustain:
                self._change(1, now)
            elif self._under is not None and now - self._under >= self._params.sustain:
                self._change(-1, now)
        return self.state()

    def _change(self, by: int, now: float) -> None:
        self._height += by
        self._changed = now
        self._rose = by > 0
        self._over = self._under = None

    def _why(self, now: float) -> Why:
        if self._changed == now:
            return "entered" if self._rose else "left"
        if now - self._changed < self._params.dwell:
            return "dwelling"
        if self._over is not None:
            return "rising"
        if self._under is not None:
            return "falling"
        return "holding" if self._height else "calm"

    def _next(self) -> Threshold | None:
        above = self._rungs[self._height : self._height + 1]
        return self._params.thresholds[above[0]] if above else None

    def _top(self) -> Threshold | None:
        return self._params.thresholds[self._rungs[self._height - 1]] if self._height else None


def _since(start: float | None, now: float, holds: bool) -> float | None:
    """Since when it has held without a break."""
    if not holds:
        return None
    return now if start is None else start

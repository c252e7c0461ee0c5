"""A breaker: whether a replica that failed lately is given a page.

Three states, as in M. Nygard, "Release It!" (2007), chapter 5. Closed: pages go through. Open: none
does, until a time has passed. Half-open: one page goes through, as a probe; its success closes the
breaker, its failure opens it again for longer.

The breaker hands out a :class:`Pass` with each page. A pass from before the last change of state
is stale and says nothing any more: when a server with 32 pages dies, the 27 failures after the
fifth neither open the breaker again nor blame the server's successor.
"""

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """Whether pages go through."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


class Verdict(StrEnum):
    """What one page says of the replica that had it.

    ``NEUTRAL`` is a page that says nothing: its caller left, or the request was at fault (4xx).
    """

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class BreakerParams:
    """When to open, and for how long.

    A closed breaker opens when the last ``failures`` verdicts were all failures, or when of at
    least ``volume`` verdicts within ``window`` seconds the part ``rate`` or more were. (Neutral
    ones are not counted.) The n-th opening in a row lasts
    ``min(longest, first * growth ** (n - 1))`` seconds. It is in a row until ``settle`` successes
    came without a failure between them; until then ``relapse`` failures in a row are enough to open
    it, so that a replica that keeps falling over costs few pages each time.

    ``longest`` is short: the next page after it finds a server that came back, and serving should
    go on within 10 s of that.
    """

    failures: int = 5
    rate: float = 0.5
    window: float = 10.0
    volume: int = 10
    first: float = 0.5
    growth: float = 2.0
    longest: float = 5.0
    settle: int = 10
    relapse: int = 2

    def __post_init__(self) -> None:
        if min(self.failures, self.volume, self.settle, self.relapse) < 1:
            raise ValueError("failures, volume, settle and relapse are at least 1")
        if not 0 < self.rate <= 1 or self.growth < 1:
            raise ValueError("rate is above 0 and at most 1, growth at least 1")
        if not 0 < self.first <= self.longest or self.window <= 0:
            raise ValueError("first is above 0 and at most longest, window above 0")


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to send one page; ``era`` counts the breaker's changes of state."""

    era: int
    probe: bool


class Breaker:
    """The breaker of one replica, closed at first.

    Args:
        params: when to open, and for how long.
    """

    def __init__(self, params: BreakerParams | None = None) -> None:
        self._params = params or BreakerParams()
        self._era = 0
        self._until: float | None = None  # open until then, half-open after; None: closed
        self._probing = False
        self._openings = 0  # in a row
        self._steady = 0  # successes since the last failure
        self._in_a_row = 0  # failures since the last success
        self._lately: deque[tuple[float, bool]] = deque()

    def state(self, now: float) -> BreakerState:
        """The state at ``now``."""
        if self._until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self._until else BreakerState.HALF_OPEN

    def due(self, now: float) -> float:
        """The instant from which a page would be let through, infinite while a probe is out."""
        if self._until is None:
            return now
        return math.inf if self._probing else max(now, self._until)

    def admit(self, now: float) -> Pass | None:
        """Let a page through, or not. Each pass is given back by :meth:`record`."""
        if self.due(now) > now:
            return None
        self._probing = self._until is not None
        return Pass(self._era, self._probing)

    def record(self, given: Pass, verdict: Verdict, now: float) -> None:
        """The page of a pass has ended."""
        if given.era != self._era:
            return
        if given.probe:
            self._probing = False
            self._judge_probe(verdict, now)
        elif verdict is not Verdict.NEUTRAL:
            self._count(now, failed=verdict is Verdict.FAILURE)

    def trip(self, now: float) -> None:
        """Somebody who watches the replica says that it died."""
        self._openings = 0
        self._open(now)

    def reset(self, now: float) -> None:  # noqa: ARG002 - every event of the breaker takes ``now``
        """Somebody who watches the replica says that a new one stands in its place."""
        self._openings = 0
        self._close()

    def _judge_probe(self, verdict: Verdict, now: float) -> None:
        if verdict is Verdict.FAILURE:
            self._open(now)
        elif verdict is Verdict.SUCCESS:
            self._close()
            self._count(now, failed=False)

    def _count(self, now: float, *, failed: bool) -> None:
        self._in_a_row = self._in_a_row + 1 if failed else 0
        self._steady = 0 if failed else self._steady + 1
        if self._steady >= self._params.settle:
            self._openings = 0
        self._lately.append((now, failed))
        while self._lately[0][0] <= now - self._params.window:
            self._lately.popleft()
        if failed and self._too_many():
            self._open(now)

    def _too_many(self) -> bool:
        enough = self._params.relapse if self._openings else self._params.failures
        if self._in_a_row >= enough:
            return True
        failures = sum(failed for _, failed in self._lately)
        known = len(self._lately)
        return known >= self._params.volume and failures >= self._params.rate * known

    def _open(self, now: float) -> None:
        params = self._params
        steps = min(self._openings, 64)  # beyond any use, and short of an overflow
        self._until = now + min(params.longest, params.first * params.growth**steps)
        self._openings += 1
        self._change()

    def _close(self) -> None:
        self._until = None
        self._change()

    def _change(self) -> None:
        self._era += 1
        self._probing = False
        self._in_a_row = self._steady = 0
        self._lately.clear()

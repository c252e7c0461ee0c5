"""The limit for engines that show no signals: what the answers themselves say.

Three things are seen without the engine's help, from the surest to the least sure:

* pages that have not streamed anything yet. What stands in the engine's queue streams nothing, so
  a count that never falls under an allowance for prompts being read is that queue, seen at once and
  not when the pages end. The law acts on it as the law ``engine`` does on ``waiting``;
* the elasticity of streamed work (:mod:`ocrgate.control.limit.goodput`), as in that law: no growth
  that does not raise throughput;
* seconds per token of the pages that ended, against a long mean: the gradient of Netflix's
  Gradient2. Seconds per page would say little, since the length of the text dominates them. In
  continuous batching the step gets slower while throughput still grows, so what is tolerated grows
  with concurrency, as its power ``crowding``. No smallest time ever seen is compared with, and so
  there is none to probe for.

Drops (429, 503, time-outs) cut as a queue does. Gradient2 ignores them, and climbs to its maximum
against a stable time-out.
"""

import math
from collections import deque
from dataclasses import dataclass, field

from ocrgate.control.limit.engine import EngineLimit, EngineParams
from ocrgate.control.limit.law import Change, Sample, Signals


@dataclass(frozen=True, slots=True)
class LatencyParams:
    """How the law moves.

    Attributes:
        reading: part of the pages in flight that may not have started: their prompts are read.
        tolerance: seconds per token, in times of their long mean, that are not yet slow.
        crowding: power of concurrency with which the tolerance grows.
        window: seconds over which seconds per token are taken.
        memory: seconds over which their long mean is taken.
        least: pages that must have ended in the window.
        climb: how the limit moves. Its thresholds for signals that are not there do not matter;
            ``standing`` is shorter, since every silent page is seen and not a sample of them.
    """

    reading: float = 0.05
    tolerance: float = 1.5
    crowding: float = 0.5
    window: float = 3.0
    memory: float = 60.0
    least: int = 4
    climb: EngineParams = field(default_factory=lambda: EngineParams(standing=0.5))

    def __post_init__(self) -> None:
        bounds = {
            "reading": 0 <= self.reading < 1,
            "tolerance": self.tolerance >= 1,
            "crowding": 0 <= self.crowding <= 1,
            "window": self.window > 0,
            "memory": self.memory > 0,
            "least": self.least >= 1,
        }
        if wrong := [name for name, holds in bounds.items() if not holds]:
            raise ValueError(f"out of range: {', '.join(wrong)}")


class LatencyLimit:
    """The law ``latency``.

    Args:
        params: how it moves.
    """

    def __init__(self, params: LatencyParams | None = None) -> None:
        self._params = params or LatencyParams()
        self._climb = EngineLimit(self._params.climb)
        self._pace = _Pace(self._params)
        self._inflight = 0
        self._started: int | None = None
        self._silent = 0  # fewest pages since the last tick that had streamed nothing
        self._now = -math.inf

    def value(self, now: float) -> int:
        """Places now."""
        return self._climb.value(now)

    def occupied(self, now: float, inflight: int, started: int | None = None) -> None:
        """So many pages are at the replica, so many of them have streamed something."""
        self._inflight, self._started = inflight, started
        self._silent = min(self._silent, inflight - (inflight if started is None else started))
        self._climb.occupied(now, inflight)

    def progress(self, now: float, work: float) -> None:
        """So much was streamed."""
        self._climb.progress(now, work)

    def sample(self, now: float, sample: Sample) -> Change:
        """A page ended."""
        self._now = max(self._now, now)
        if not sample.dropped and not sample.late:
            self._pace.add(self._now, sample, self._inflight + 1)
            if self._pace.is_slow(self._now):
                self._climb.complain(self._now, "latency")
        return self._climb.sample(self._now, sample)

    def signals(self, now: float, signals: Signals | None) -> Change:  # noqa: ARG002
        """Not used."""
        return self._climb.say()

    def tick(self, now: float) -> Change:
        """Judge what has not started; then grow or hold."""
        self._now = max(self._now, now)
        queue = max(0.0, self._silent - self._params.reading * self._inflight)
        started = self._inflight if self._started is None else self._started
        self._silent = self._inflight - started
        self._climb.signals(self._now, Signals(float(self._inflight - queue), queue))
        return self._climb.tick(self._now)


class _Pace:
    """Seconds per token, lately and on the whole, beside the concurrency they were seen at."""

    def __init__(self, params: LatencyParams) -> None:
        self._params = params
        self._ended: deque[tuple[float, float, float, int]] = deque()
        self._long: tuple[float, float] | None = None  # logs of seconds per token, of concurrency
        self._seen = 0.0

    def add(self, now: float, sample: Sample, inflight: int) -> None:
        """A page ended well while so many were in flight."""
        if sample.work > 0 and sample.seconds > 0:
            self._ended.append((now, sample.seconds, sample.work, inflight))
        while self._ended and self._ended[0][0] < now - self._params.window:
            self._ended.popleft()

    def is_slow(self, now: float) -> bool:
        """Whether the pages of the window were slower than growth explains; moves the mean."""
        count = len(self._ended)
        if count < self._params.least:
            return False
        seconds = sum(each[1] for each in self._ended)
        pace = math.log(seconds / sum(each[2] for each in self._ended))
        crowd = math.log(sum(each[3] for each in self._ended) / count)
        long_pace, long_crowd = self._long or (pace, crowd)
        grown = self._params.crowding * (crowd - long_crowd)
        part = 1 - math.exp(-max(0.0, now - self._seen) / self._params.memory)
        self._seen = now
        self._long = (
            long_pace + part * (pace - long_pace),
            long_crowd + part * (crowd - long_crowd),
        )
        return pace - long_pace > math.log(self._params.tolerance) + max(0.0, grown)

"""How fast places become free, and when to come back.

All of it forgets: estimates rest on the last ``horizon`` seconds only. A stall therefore cannot
lock the gate, as it would if old slow pages kept refusing the fast ones that would disprove them.
"""

import bisect
import math
from collections import deque


class ServiceTimes:
    """Seconds that pages held their places lately.

    Args:
        horizon: seconds after which a sample is forgotten.
        size: most samples that are kept.
    """

    def __init__(self, horizon: float, size: int = 64) -> None:
        self._horizon = horizon
        self._size = size
        self._samples: deque[tuple[float, float]] = deque()
        self._sorted: list[float] = []

    def add(self, now: float, seconds: float) -> None:
        """A page ended well after holding its place for ``seconds``."""
        self._samples.append((now, seconds))
        bisect.insort(self._sorted, seconds)
        if len(self._samples) > self._size:
            self._drop_oldest()

    def quantile(self, share: float, now: float) -> float | None:
        """The time under which ``share`` of the pages stayed; None without samples."""
        times = self._lately(now)
        return times[int(share * (len(times) - 1))] if times else None

    def mean(self, now: float) -> float | None:
        """Mean of the samples; None without any."""
        times = self._lately(now)
        return sum(times) / len(times) if times else None

    def _lately(self, now: float) -> list[float]:
        while self._samples and self._samples[0][0] < now - self._horizon:
            self._drop_oldest()
        return self._sorted

    def _drop_oldest(self) -> None:
        _, seconds = self._samples.popleft()
        del self._sorted[bisect.bisect_left(self._sorted, seconds)]


class DrainRate:
    """Places freed per second while all were taken, fading with ``horizon`` seconds.

    Idle time says nothing about how fast a full gate drains, so it is left out. A stall is full
    time in which nothing is freed, so the rate falls while it lasts.
    """

    def __init__(self, horizon: float) -> None:
        self._horizon = horizon
        self._freed = 0.0
        self._busy = 0.0
        self._seen = -math.inf

    def elapse(self, now: float, *, full: bool) -> None:
        """Time has passed up to ``now``; ``full`` says whether all places were taken meanwhile."""
        self._freed, self._busy = self._at(now, full=full)
        self._seen = now

    def freed(self) -> None:
        """A full gate lost one page; call after :meth:`elapse`."""
        self._freed += 1

    def rate(self, now: float, *, full: bool, guess: float | None) -> float | None:
        """Places per second; None when nothing is known.

        Args:
            now: the instant of asking.
            full: whether all places have been taken since the last event.
            guess: what the rate should be by other evidence (limit / service time, Little's law).
                It weighs as much as one freed place.
        """
        freed, busy = self._at(now, full=full)
        if guess is not None:
            return (freed + 1) / (busy + 1 / guess)
        return freed / busy if freed > 0 and busy > 0 else None

    def _at(self, now: float, *, full: bool) -> tuple[float, float]:
        passed = now - self._seen
        fade = math.exp(-passed / self._horizon)
        return self._freed * fade, self._busy * fade + (passed if full else 0.0)


def retry_after(
    ahead: int, rate: float | None, ticket_id: int, bounds: tuple[float, float]
) -> float:
    """Seconds after which a refused caller should come back: backlog ahead / drain rate.

    Spread by up to a fifth either way, always the same way for the same ticket, so that callers
    refused together do not return together.

    Args:
        ahead: tickets that would go first, the refused one included.
        rate: places that its lane gets per second; None when not known.
        ticket_id: of the refused ticket.
        bounds: least and most seconds to say.
    """
    least, most = bounds
    seconds = ahead / rate if rate else least
    return min(most, max(least, seconds * (0.8 + 0.4 * _spread(ticket_id))))


def _spread(number: int) -> float:
    """A fraction in [0, 1) from an integer: Fibonacci hashing (Knuth, TAOCP 3, 6.4)."""
    return (number * 0x9E3779B97F4A7C15 % 2**64) / 2**64

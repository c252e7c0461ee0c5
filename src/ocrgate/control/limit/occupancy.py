"""How much of a limit is made use of: the app-limited rule and the bound on unused limits."""

import math


class Occupancy:
    """Pages in flight at one replica, lately, and a time that never goes back.

    Attributes:
        inflight: pages at the replica now.
        peak: most of them since :meth:`was_full` was asked last.
    """

    def __init__(self) -> None:
        self.inflight = 0
        self.peak = 0
        self._lately = 0.0
        self._busy = -math.inf
        self._now: float | None = None

    def advance(self, now: float) -> float:
        """``now``, or the latest instant known if that is later."""
        self._now = now if self._now is None else max(self._now, now)
        if self.inflight:
            self._busy = self._now
        return self._now

    def idle(self, now: float) -> float:
        """Seconds since a page was there, infinite before the first."""
        return now - self._busy

    def set(self, inflight: int) -> None:
        """So many pages are there from now on."""
        self.inflight = inflight
        self.peak = max(self.peak, inflight)
        self._lately = max(self._lately, float(inflight))

    def used(self, limit: float) -> float:
        """The limit as far as it was made use of lately, at least 1."""
        return max(1.0, min(limit, float(self.peak)))

    def was_full(self, limit: int) -> bool:
        """Whether the limit was reached since the last question; else it proves nothing."""
        full, self.peak = self.peak >= limit, self.inflight
        return full

    def ceiling(self, times: float, passed: float) -> float:
        """``times`` the most in flight lately, which fades by 2 % per second.

        After failsafe-go, whose limiters stay within 5 times what is in flight: a limit that grew
        unused would let a burst in that nobody has measured.
        """
        self._lately = max(float(self.inflight), self._lately * (1 - min(passed, 2.0) * 0.02))
        return times * self._lately

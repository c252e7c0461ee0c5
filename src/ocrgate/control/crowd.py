"""How many pages were read at once while those were read whose times are known.

A page takes the longer the more others are read beside it, at most in proportion to their number
where more of them bring anything at all. So what was seen in a crowd is an upper bound in a smaller
one, and the lower bound is its part of that. Without this, a crowd that was too large for anybody
to be read in time keeps a gate shut that has long been empty.
"""

import math


class Crowd:
    """The mean number of pages beside each other, by the seconds for which they were.

    Args:
        horizon: seconds in which a page fades to 1/e.
    """

    def __init__(self, horizon: float) -> None:
        self._horizon = horizon
        self._seen = -math.inf
        self._pages = self._seconds = 0.0

    def retune(self, horizon: float) -> None:
        """Forget after another time; what is known is kept."""
        self._horizon = horizon

    def add(self, now: float, pages: float, seconds: float) -> None:
        """A page ended that was one of so many for so long."""
        fade = math.exp((self._seen - now) / self._horizon)
        self._pages = fade * self._pages + pages * seconds
        self._seconds = fade * self._seconds + seconds
        self._seen = now

    def part(self, pages: int) -> float:
        """The least part of the known times that a page takes as one of so many, at most 1."""
        if not self._seconds:
            return 1.0
        return min(1.0, pages * self._seconds / self._pages)

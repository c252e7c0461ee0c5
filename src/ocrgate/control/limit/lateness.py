"""How much speed counts, where pages come too late for whoever waited.

Tokens are not what is wanted: where a page takes nearly as long as its callers wait, more pages at
once make all slower, and those that come too late were read for nobody. Let each page be ``f``
times as fast. The pages in time that so many places bring grow by two parts then:

* pages in time leave their places sooner, by ``f`` to the part ``r`` of the seconds of places that
  they take; the others take all the time that they have, however slow they are;
* some that were late are not. With a part ``p`` in time, and times that are spread as texts are
  long, by ``f ** (spread * (1 - p))``. That is the log-logistic distribution, which has the shape
  of the log-normal one and a simple slope.

So ``c`` places that stream ``w`` tokens a second bring pages in time in proportion to

    c * (w / c) ** k    with    k = r + spread * (1 - p),

and ``k`` is called the urgency. Where nobody is late it is 1, and that is ``w``.
"""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LatenessParams:
    """How late pages are watched.

    Attributes:
        spread: how narrow the times of pages are: 1.8 over the standard deviation of their
            logarithms. Lengths of texts have 0.4 to 0.9; this is the value of the widest, which
            makes least of pages that are late.
        doubt: pages in time that count as seen before any was: of few pages chance makes one late.
        seconds: seconds for which a page that has ended counts.
        times: the same, in times of what a page takes, where that is longer.
    """

    spread: float = 2.0
    doubt: float = 4.0
    seconds: float = 10.0
    times: float = 2.0


class Lateness:
    """Pages that have ended lately, and those whose time was up.

    Args:
        params: how they are watched.
    """

    def __init__(self, params: LatenessParams | None = None) -> None:
        self._params = params or LatenessParams()
        self._ends: deque[tuple[float, float, bool]] = deque()
        self._usual = 0.0  # seconds of a page, a mean over about twenty

    def add(self, now: float, seconds: float, *, late: bool) -> None:
        """A page held its place for so long; ``late``: its time was up then."""
        self._usual += (0.05 if self._usual else 1.0) * (seconds - self._usual)
        self._ends.append((now, seconds, late))
        self._forget(now)

    def forget(self) -> None:
        """Another engine: what was seen says nothing of it."""
        self._ends.clear()
        self._usual = 0.0

    def urgency(self, now: float) -> float:
        """The power of speed that counts, at least 1."""
        self._forget(now)
        late = [seconds for _, seconds, was_late in self._ends if was_late]
        if not late:
            return 1.0
        known = len(self._ends) + self._params.doubt
        whole = sum(seconds for _, seconds, _ in self._ends) * known / len(self._ends)
        timely = 1 - sum(late) / whole if whole else 1.0
        return max(1.0, timely + self._params.spread * len(late) / known)

    def period(self, now: float) -> float:
        """Seconds of a page, so until a change is felt, where speed counts; else 0."""
        return self._usual if self.urgency(now) > 1 else 0.0

    def _forget(self, now: float) -> None:
        oldest = now - max(self._params.seconds, self._params.times * self._usual)
        while self._ends and self._ends[0][0] < oldest:
            self._ends.popleft()

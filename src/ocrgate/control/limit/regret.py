"""Cuts that do harm and no good are taken back, and their reason is not believed for a while.

A queue in the engine, or pages that it throws out, may be somebody else's doing, or a metric that
is wrong. Then cuts mend nothing, each complaint leads to the next one, and the limit falls to 1. So
it is noted what was before the first of a series of cuts for one reason. The whole series is taken
back when pages have left as far as they were to, less is done than before it, and the trouble is as
large as ever:

* a queue, once a quarter of the places is gone: no shorter than it was;
* pages thrown out, once half of the places is gone: at least 0.7 of the most that the series
  has seen. With half the pages a cache that was too small for them throws out next to none.

Each time the complaint is disbelieved for twice as long.
"""

import math
from collections import deque
from dataclasses import dataclass

from ocrgate.control.limit.goodput import Goodput, Rate

LONGEST = 480.0  # seconds of disbelief
CALM = 15.0  # seconds without a cut that end a series

_STAYS = {"waiting": 0.98, "preemption": 0.7}  # of the trouble, where cuts do no good
_GONE = {"waiting": 0.75, "preemption": 0.5}  # of the first limit is left
_SECONDS = 3.0  # over which pages thrown out are counted


@dataclass(slots=True)
class _Series:
    """What was before the first of some cuts for one reason, and the most trouble since."""

    trouble: str
    limit: float
    rate: Rate | None
    size: float
    last: float


class Regret:
    """The cuts since some calm moment, and what is disbelieved.

    Args:
        seconds: of disbelief at first.
    """

    def __init__(self, seconds: float) -> None:
        self._first = seconds
        self._series: _Series | None = None
        self._until: dict[str, float] = {}
        self._seconds: dict[str, float] = {}
        self._lost: deque[tuple[float, float]] = deque()

    def believes(self, now: float, reason: str) -> bool:
        """Whether a complaint is to be heard."""
        return now >= self._until.get(reason, -math.inf)

    def note_lost(self, now: float, pages: float) -> None:
        """So many pages were thrown out since the last poll."""
        self._lost.append((now, pages))
        while self._lost[0][0] <= now - _SECONDS:
            self._lost.popleft()

    def forget(self) -> None:
        """Another engine: what was seen says nothing of it."""
        self._series = None
        self._until.clear()
        self._seconds.clear()
        self._lost.clear()

    def cut(self, now: float, reason: str, limit: float, goodput: Goodput, queue: float) -> None:
        """The limit is about to be cut for ``reason``, with so many pages in the engine's queue."""
        if reason not in _STAYS:
            self._series = None
            return
        series, size = self._series, self._size(reason, queue)
        if series is None or series.trouble != reason or now > series.last + CALM:
            self._series = _Series(reason, limit, goodput.rate(now, _SECONDS), size, now)
            return
        series.last = now
        series.rate = series.rate or goodput.rate(now, _SECONDS)  # trouble from the first page on
        if reason == "preemption":
            series.size = max(series.size, size)

    def undone(
        self, now: float, reason: str, limit: float, inflight: int, goodput: Goodput, queue: float
    ) -> float | None:
        """The limit before the series of cuts, where they did harm and no good; else None."""
        series = self._series
        if series is None or series.trouble != reason:
            return None
        if self._size(reason, queue) < _STAYS[reason] * series.size:
            if reason == "waiting":
                self._series = None
            return None
        rate = goodput.rate(now, 2.0)
        if limit > _GONE[reason] * series.limit or series.rate is None or rate is None:
            return None
        if rate.mean > 0.95 * series.rate.mean or inflight > limit + 1:
            return None
        self._disbelieve(now, reason)
        self._series = None
        return series.limit

    def _size(self, trouble: str, queue: float) -> float:
        """Pages in the queue, or thrown out in the last seconds."""
        return queue if trouble == "waiting" else sum(pages for _, pages in self._lost)

    def _disbelieve(self, now: float, trouble: str) -> None:
        seconds = self._seconds.get(trouble, self._first)
        self._until[trouble] = now + seconds
        self._seconds[trouble] = min(2 * seconds, max(LONGEST, self._first))

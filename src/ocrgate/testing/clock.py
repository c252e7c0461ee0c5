"""A clock that moves only when it is told to."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True)
class ManualTimer:
    """A callback that waits on a :class:`ManualClock`."""

    when: float
    order: int
    callback: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Do not call it any more."""
        self.cancelled = True


class ManualClock:
    """A clock that moves only when it is told to (a :class:`~ocrgate.ports.Clock`).

    Args:
        start: the first instant, seconds.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._order = itertools.count()
        self._timers: list[ManualTimer] = []

    def now(self) -> float:
        """Seconds; changes in :meth:`advance` only."""
        return self._now

    def call_at(self, when: float, callback: Callable[[], None]) -> ManualTimer:
        """Call ``callback`` during the :meth:`advance` that reaches ``when``."""
        timer = ManualTimer(max(when, self._now), next(self._order), callback)
        heapq.heappush(self._timers, timer)
        return timer

    def next_timer(self) -> float | None:
        """The instant of the earliest callback still wanted, None without one."""
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0].when if self._timers else None

    def advance(self, seconds: float) -> None:
        """Move on by ``seconds``, calling due callbacks in order, each at its own instant.

        A callback may schedule more; those that fall due within ``seconds`` are called too.
        """
        end = self._now + seconds
        while (when := self.next_timer()) is not None and when <= end:
            self._now = max(self._now, when)
            heapq.heappop(self._timers).callback()
        self._now = end

    async def run(self, seconds: float, *, settle: int = 25) -> None:
        """Like :meth:`advance`, and let tasks run after each callback and at the end.

        Args:
            seconds: how far to move.
            settle: turns of the event loop granted to woken tasks each time.
        """
        end = self._now + seconds
        await _turns(settle)
        while (when := self.next_timer()) is not None and when <= end:
            self.advance(max(0.0, when - self._now))
            await _turns(settle)
        self.advance(max(0.0, end - self._now))
        await _turns(settle)


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)

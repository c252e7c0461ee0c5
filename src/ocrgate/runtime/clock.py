"""Time as the event loop tells it, and waiting on any clock."""

import asyncio
from collections.abc import Callable

from ocrgate.ports import Clock, TimerHandle


class LoopClock:
    """The running event loop's monotonic clock (a :class:`~ocrgate.ports.Clock`)."""

    def now(self) -> float:
        """Seconds since some fixed instant."""
        return asyncio.get_running_loop().time()

    def call_at(self, when: float, callback: Callable[[], None]) -> TimerHandle:
        """Call ``callback`` once, at or soon after ``when``."""
        return asyncio.get_running_loop().call_at(when, callback)


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait ``seconds`` of ``clock``; at once when there is nothing to wait for."""
    done = asyncio.Event()
    timer = clock.call_at(clock.now() + seconds, done.set)
    try:
        await done.wait()
    finally:
        timer.cancel()

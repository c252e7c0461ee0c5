"""Time as the event loop tells it; waiting and time limits on any clock."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ocrgate.ports import Clock, TimerHandle


class LoopClock:
    """Monotonic time, with callbacks on the running event loop (a :class:`~ocrgate.ports.Clock`).

    The time is the system's own and not the loop's: it is asked for dozens of times a page, and to
    find the running loop first took a twentieth of a page's whole cost.
    """

    def now(self) -> float:
        """Seconds since some fixed instant."""
        return time.monotonic()

    def call_at(self, when: float, callback: Callable[[], None]) -> TimerHandle:
        """Call ``callback`` once, at or soon after ``when``."""
        return asyncio.get_running_loop().call_later(max(0.0, when - time.monotonic()), callback)


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait ``seconds`` of ``clock``; at once when there is nothing to wait for."""
    done = asyncio.Event()
    timer = clock.call_at(clock.now() + seconds, done.set)
    try:
        await done.wait()
    finally:
        timer.cancel()


@asynccontextmanager
async def until(clock: Clock, deadline: float) -> AsyncIterator[None]:
    """Cancel the body at ``deadline`` (an instant of ``clock``; infinite means never).

    Raises:
        TimeoutError: the body did not end in time. A cancellation from elsewhere stays one.
    """
    if deadline == math.inf:
        yield
        return
    task = asyncio.current_task()
    assert task is not None
    limit = _Limit(task)
    timer = clock.call_at(deadline, limit.reach)
    try:
        yield
    except asyncio.CancelledError:
        if limit.is_ours():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()


class _Limit:
    """Tells its own cancellation of a task from anybody else's, as ``asyncio.timeout`` does."""

    def __init__(self, task: "asyncio.Task[object]") -> None:
        self._task = task
        self._before = task.cancelling()
        self._reached = False

    def reach(self) -> None:
        self._reached = True
        self._task.cancel()

    def is_ours(self) -> bool:
        return self._reached and self._task.uncancel() <= self._before

"""Time as the event loop tells it; waiting and time limits on any clock."""

import asyncio
import math
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

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


def until(clock: Clock, deadline: float) -> "TimeLimit":
    """Cancel the body of ``async with`` at ``deadline`` (an instant; infinite means never).

    Raises:
        TimeoutError: the body did not end in time. A cancellation from elsewhere stays one.
    """
    return TimeLimit(clock, deadline)


class TimeLimit:
    """What :func:`until` gives. Tells its own cancellation of a task from anybody else's, as
    ``asyncio.timeout`` does.

    Attributes:
        reached: whether it has ended its body.
    """

    __slots__ = ("_before", "_clock", "_deadline", "_task", "_timer", "reached")

    def __init__(self, clock: Clock, deadline: float) -> None:
        self._clock = clock
        self._deadline = deadline
        self._task: asyncio.Task[object] | None = None
        self._timer: TimerHandle | None = None
        self._before = 0
        self.reached = False

    async def __aenter__(self) -> Self:
        if self._deadline != math.inf:
            self._task = asyncio.current_task()
            assert self._task is not None
            self._before = self._task.cancelling()
            self._timer = self._clock.call_at(self._deadline, self._reach)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.lift()
        # Taken back however the body ended, or the next to count the task's cancellations is wrong.
        ours = self._take_back()
        if ours and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from None

    def lift(self) -> None:
        """Limit the rest of the body no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _reach(self) -> None:
        self.reached = True
        if self._task is not None:
            self._task.cancel()

    def _take_back(self) -> bool:
        """Whether only this limit has cancelled the task since it began."""
        task = self._task
        return task is not None and self.reached and task.uncancel() <= self._before

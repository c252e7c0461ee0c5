"""How long to wait for a server that says nothing."""

import asyncio
from types import TracebackType
from typing import Self

from ocrgate.ports import Clock, TimerHandle


class Patience:
    """Cancels the body of an ``async with`` when nothing was noted for too long.

    One timer serves the whole stream: it looks when the silence would be over and sleeps on if
    something came meanwhile, so that noting a token costs a reading of the clock and no timer.

    Args:
        clock: tells the time.
        seconds: of silence that are borne.

    Raises:
        TimeoutError: on leaving, when the silence was too long. A cancellation from elsewhere
            stays one.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._noted = clock.now()
        self._timer: TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._before = 0
        self._over = False

    def note(self, seconds: float | None = None) -> None:
        """Something came. ``seconds`` is how much silence is borne from now on."""
        self._noted = self._clock.now()
        if seconds is not None and seconds != self._seconds:
            self._seconds = seconds
            self._arm()

    async def __aenter__(self) -> Self:
        """Begin to wait."""
        self._task = asyncio.current_task()
        assert self._task is not None
        self._before = self._task.cancelling()
        self._noted = self._clock.now()
        self._arm()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop waiting; tell our own cancellation from anybody else's."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._over:
            return
        assert self._task is not None
        if self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_at(self._noted + self._seconds, self._look)

    def _look(self) -> None:
        if self._clock.now() < self._noted + self._seconds:
            self._arm()
            return
        assert self._task is not None
        self._timer = None
        self._over = True
        self._task.cancel()

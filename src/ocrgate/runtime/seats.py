"""Seats at the engine: the second of two stations, behind the gate's places and the decoders."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Seats:
    """As many as ``count`` says at the moment, taken first come, first served.

    More pages have a place at the gate than the engine works on, so that some are decoded while it
    works. Without this they would all be sent, and would wait inside of the engine, where nothing
    can be reordered, expired or cancelled for free.

    Args:
        count: asked each time; it may change while pages are seated.
    """

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._taken = 0
        self._line: deque[asyncio.Future[None]] = deque()

    def __repr__(self) -> str:
        return f"<Seats {self._taken} of {self._count()} taken, {len(self._line)} waiting>"

    @property
    def taken(self) -> int:
        """Pages that the engine works on."""
        return self._taken

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for a seat and hold it. Cancelling the wait gives the turn to the next."""
        await self._take()
        try:
            yield
        finally:
            self._taken -= 1
            self.refresh()

    def refresh(self) -> None:
        """Seat those who wait, as far as ``count`` allows: call it when that has grown."""
        while self._line and self._taken < self._count():
            turn = self._line.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)

    async def _take(self) -> None:
        if not self._line and self._taken < self._count():
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # seated, and left before it knew
                self._taken -= 1
                self.refresh()
            raise

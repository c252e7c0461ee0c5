"""Seats at the engine: the second of two stations, behind the gate's places and the decoders."""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType


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

    def one(self) -> "Seat":
        """``async with`` it: wait for a seat and hold it; ``as`` says whether there was none at
        once. Cancelling the wait gives the turn to the next.
        """
        return Seat(self)

    def leave(self) -> None:
        """Give a seat back."""
        self._taken -= 1
        self.refresh()

    def refresh(self) -> None:
        """Seat those who wait, as far as ``count`` allows: call it when that has grown."""
        while self._line and self._taken < self._count():
            turn = self._line.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)

    async def take(self) -> bool:
        """Wait for a seat; :meth:`one` is the way to be sure that it is given back.

        Returns:
            Whether there was none at once.
        """
        if not self._line and self._taken < self._count():
            self._taken += 1
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # seated, and left before it knew
                self._taken -= 1
                self.refresh()
            raise
        return True


class Seat:
    """What :meth:`Seats.one` gives."""

    __slots__ = ("_seats",)

    def __init__(self, seats: Seats) -> None:
        self._seats = seats

    async def __aenter__(self) -> bool:
        """Whether it had to be waited for."""
        return await self._seats.take()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._seats.leave()

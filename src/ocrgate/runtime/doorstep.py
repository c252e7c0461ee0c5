"""Where documents wait to be looked at, before any page of theirs can be admitted."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ocrgate.errors import Overloaded
from ocrgate.runtime.spool import Refusals

RETRY_AFTER = 2.0  # seconds; a look takes milliseconds, a hostile one is ended after a few seconds


class Doorstep:
    """Bounds looks that take a worker, and lets callers take turns.

    Opening a hostile file can take a worker its whole time limit. So no more than ``places`` are
    looked at together (the other workers draw pages of admitted documents), callers come by
    turns, whatever number one of them sends, and beyond ``most`` waiting (half of them of one
    caller) the answer is no at once.

    Args:
        places: documents looked at together, at least 1.
        most: documents that may wait, at least 2.
        refused: told of every refusal.
    """

    def __init__(
        self, places: int, most: int = 32, refused: Refusals = lambda _reason, _seconds: None
    ) -> None:
        self._free = places
        self._most = most
        self._refused = refused
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Wait for a place and hold it. Cancelling the wait leaves the line.

        Raises:
            Overloaded: too many wait already.
        """
        await self._enter(caller)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, caller: str) -> None:
        if self._free:
            self._free -= 1
            return
        line = self._lines.get(caller, deque())
        if sum(map(len, self._lines.values())) >= self._most or len(line) >= self._most // 2:
            self._refused("backlog", RETRY_AFTER)
            raise Overloaded(
                "as many documents wait to be looked at as may; nothing was done",
                reason="backlog",
                retry_after=RETRY_AFTER,
            )
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(caller, line).append(place)
        await self._called(place, caller)

    async def _called(self, place: "asyncio.Future[None]", caller: str) -> None:
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()  # it was called, and left before it knew
            else:
                self._forget(place, caller)
            raise

    def _forget(self, place: "asyncio.Future[None]", caller: str) -> None:
        line = self._lines.get(caller, deque())
        if place in line:
            line.remove(place)
        if not line:
            self._lines.pop(caller, None)

    def _leave(self) -> None:
        """Call the next caller's first; that caller goes to the end of the round."""
        while self._lines:
            caller, line = self._lines.popitem(last=False)
            place = line.popleft()
            if line:
                self._lines[caller] = line
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

"""A server with slots, a pace and a life of its own, in virtual time."""

import asyncio
import heapq
from functools import partial

from ocrgate.domain.document import Encoding, ImageSpec, PageImage
from ocrgate.domain.recognition import PageReading, PageRequest, Task, Usage
from ocrgate.errors import EngineFailed, EngineUnavailable
from ocrgate.ports import EngineDescription, Listener, Piece
from ocrgate.testing import ManualClock, page_reading

PAGE = PageImage(bytes(100), Encoding.RAW, 10, 10, 1, 10, 10)


def _finish(there: "asyncio.Future[None]") -> None:
    if not there.done():
        there.set_result(None)


class VirtualServer:
    """An engine whose pages take tokens times pace, at most ``slots`` at the same time.

    Args:
        clock: its time.
        slots: pages at the same time; more wait for each other.
        pace: seconds per token.
        tokens: of each page; ``varied`` pages have half as many up to half as many more.

    Attributes:
        alive: False refuses connections.
        absence: what starting it says then.
        loading: seconds that starting takes.
        calls: page numbers in the order in which they came.
        turned_away: raised instead of reading, where it is set.
    """

    def __init__(
        self,
        clock: ManualClock,
        *,
        slots: int = 8,
        pace: float = 0.01,
        tokens: int = 100,
        varied: bool = False,
    ) -> None:
        self._clock = clock
        self.slots = slots
        self.pace = pace
        self.tokens = tokens
        self.varied = varied
        self.alive = True
        self.absence = EngineUnavailable("connection refused")
        self.loading = 0.0
        self.turned_away: Exception | None = None
        self.calls: list[int] = []
        self.starts = 0
        self.closed = False
        self._free = [0.0] * slots
        self._running: set[asyncio.Future[None]] = set()

    @property
    def description(self) -> EngineDescription:
        """Live, with its slots."""
        spec = ImageSpec(max_side=1024)
        return EngineDescription("virtual", frozenset({Task.TEXT}), spec, self.slots, False, True)

    async def start(self) -> None:
        """Refuse connections while dead."""
        self.starts += 1
        if self.loading:
            await self._until(self._clock.now() + self.loading)
        if not self.alive:
            raise self.absence

    async def recognize(
        self, image: PageImage, request: PageRequest, listener: Listener | None = None
    ) -> tuple[PageReading, Usage]:
        """Say ``page`` at the first token and the page's number at the last."""
        self.calls.append(request.number)
        if not self.alive:
            raise EngineUnavailable("connection refused")
        if self.turned_away is not None:
            raise self.turned_away
        tokens = self._tokens(request.number)
        begin = max(self._clock.now(), heapq.heappop(self._free))
        end = begin + tokens * self.pace
        heapq.heappush(self._free, end)
        await self._until(begin + self.pace)
        if listener is not None:
            listener(Piece("page", 1))
        await self._until(end)
        if listener is not None:
            listener(Piece(f" {request.number}", tokens))
        return page_reading(f"page {request.number}"), Usage(1, 0, tokens)

    def _tokens(self, number: int) -> int:
        share = (number * 0.6180339887) % 1 if self.varied else 0.5
        return round(self.tokens * (0.5 + share))

    async def _until(self, instant: float) -> None:
        there: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._running.add(there)
        timer = self._clock.call_at(instant, partial(_finish, there))
        try:
            await there
        finally:
            timer.cancel()
            self._running.discard(there)

    def kill(self) -> None:
        """Reset every connection, and refuse new ones."""
        self.alive = False
        for there in self._running:
            if not there.done():
                there.set_exception(EngineFailed("connection reset"))

    def revive(self) -> None:
        """A new process in its place."""
        self.alive = True
        self._free = [self._clock.now()] * self.slots

    async def close(self) -> None:
        """Remember it."""
        self.closed = True

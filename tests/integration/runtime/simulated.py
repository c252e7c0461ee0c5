"""The simulated vLLM as an engine of the runtime, in virtual time, and pages that keep coming."""

import asyncio
import random
from collections.abc import Iterator

from ocrgate.control.limit.law import Signals
from ocrgate.domain.document import Encoding, ImageSpec, PageImage
from ocrgate.domain.recognition import PageReading, PageRequest, Task, Usage
from ocrgate.errors import EngineFailed, EngineUnavailable
from ocrgate.ports import EngineDescription, Listener, Piece
from ocrgate.runtime.replicas import Replicas
from ocrgate.runtime.seats import Seats
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profile import Profile
from ocrgate.simulate.request import Finished, FirstToken, Progress, Rejected
from ocrgate.simulate.workload import Mix, Page
from ocrgate.testing import ManualClock, page_reading

_PATCH = PageImage(b"x", Encoding.RAW, 512, 512, 1, 1000, 1400)
_MOST = 2048  # tokens of a text


class SimulatedEngine:
    """A replica of a profile.

    Attributes:
        metrics: whether its load is shown; ``alive``: whether it answers at all.
        done: pages that it has read.
    """

    def __init__(
        self, clock: ManualClock, profile: Profile, pages: Iterator[Page], seed: int = 0
    ) -> None:
        self._clock = clock
        self._pages = pages
        self._calls: dict[int, tuple[asyncio.Future[int], Listener | None]] = {}
        self._numbers = 0
        self._timer = clock.call_at(clock.now(), lambda: None)
        self.model = VirtualEngine(profile, seed)
        self.metrics = self.alive = True
        self.starts = self.polls = self.done = 0
        self.most: int | None = None

    @property
    def description(self) -> EngineDescription:
        return EngineDescription(
            "simulated",
            frozenset({Task.TEXT}),
            ImageSpec(),
            slots=8,
            boxes=False,
            live=True,
            elastic=True,
            most=self.most,
            signals=self.metrics,
            kv_tokens=self.model.profile.kv_tokens,
            tokens=lambda width, height: width * height // 1024,
        )

    async def start(self) -> None:
        self.starts += 1
        if not self.alive:
            raise EngineUnavailable("connection refused")

    async def recognize(
        self, image: PageImage, request: PageRequest, listener: Listener | None = None
    ) -> tuple[PageReading, Usage]:
        del image
        if not self.alive:
            raise EngineFailed("connection reset")
        self._numbers += 1
        number, page = self._numbers, next(self._pages)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._calls[number] = (future, listener)
        self.model.submit(self._clock.now(), page.request(number, _MOST, progress_every=16))
        self._look()
        try:
            tokens = await future
        finally:
            del self._calls[number]
            self.model.abort(self._clock.now(), number)
            self._look()
        self.done += 1
        reading = page_reading(f"page {request.number}", number=request.number)
        return reading, Usage(1, page.input_tokens, tokens)

    async def signals(self) -> Signals | None:
        self.polls += 1
        now = self.model.snapshot(self._clock.now())
        return Signals(float(now.running), float(now.waiting), now.kv_usage, float(now.preemptions))

    async def close(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        """Tell what has happened, and come back when more will have."""
        for event in self.model.advance(self._clock.now()):
            if isinstance(event, FirstToken | Progress | Finished | Rejected):
                self._tell(event)
        self._timer.cancel()
        soonest = self.model.next_event()
        if soonest is not None:
            self._timer = self._clock.call_at(soonest, self._look)

    def _tell(self, event: FirstToken | Progress | Finished | Rejected) -> None:
        call = self._calls.get(int(event.id))
        if call is None or call[0].done():
            return
        future, listener = call
        if isinstance(event, Finished):
            future.set_result(event.tokens)
        elif isinstance(event, Rejected):
            future.set_exception(EngineFailed("busy"))
        elif listener is not None:
            listener(Piece("", event.tokens if isinstance(event, Progress) else 1))


def pages(mix: Mix, seed: int = 0) -> Iterator[Page]:
    """Pages without end."""
    return mix.pages(random.Random(f"pages {seed}"))


class Crowd:
    """Callers who send page after page, each a new one as soon as the last is read."""

    def __init__(self, replicas: Replicas, seats: Seats, size: int) -> None:
        self._replicas = replicas
        self._seats = seats
        self._tasks = [asyncio.create_task(self._call(number)) for number in range(size)]

    async def _call(self, number: int) -> None:
        while True:
            async with self._seats.one():
                try:
                    await self._replicas.recognize(_PATCH, PageRequest(number + 1))
                except (EngineFailed, EngineUnavailable):
                    await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

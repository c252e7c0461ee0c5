"""Document in, recognition out: probe, admit page by page, prepare, read."""

import asyncio
import itertools
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from ocrgate.control.cost import Lengths
from ocrgate.control.ladder import Rung
from ocrgate.domain.document import Document, DocumentInfo, PageSelection
from ocrgate.domain.recognition import PageRequest, Recognition
from ocrgate.domain.ticket import Cost, Lane, Ticket
from ocrgate.errors import DeadlineExceeded
from ocrgate.ports import Clock, Listener, Piece, Rasterizer
from ocrgate.runtime.asking import require
from ocrgate.runtime.clock import until
from ocrgate.runtime.doorstep import Doorstep
from ocrgate.runtime.gate import Gate
from ocrgate.runtime.page import (
    Elsewhere,
    PageAsked,
    PageEnded,
    PageReader,
    PageResult,
    Spans,
    Timings,
    no_spans,
)
from ocrgate.runtime.pressure import Pressure
from ocrgate.runtime.pricing import TokenBudget, price
from ocrgate.runtime.replicas import Replicas
from ocrgate.runtime.seats import Seats

__all__ = [
    "DocumentRequest",
    "DocumentResult",
    "PageListener",
    "PageResult",
    "Recognizer",
    "Timings",
]


PageListener = Callable[[int, Piece], None]


@dataclass(frozen=True, slots=True)
class DocumentRequest:
    """What one caller asks for one document.

    Attributes:
        asked: what to read for on each page; its ``number`` is not looked at.
        selection: which pages.
        timeout: seconds from now for all its pages.
        counted: told how many pages will be read, before any is admitted. What it raises ends the
            request.
        begun: told the number of each page when work on it begins: it is decoded and read from
            then on, whether or not its end is awaited. A page of two engines is told twice.
        listener: told what a page says while it is read, with the page's 0-based position among
            those asked for, by engines that do so.
        forbidden: what its pages may not get less of while the server is under pressure.
    """

    asked: PageRequest = field(default_factory=PageRequest)
    selection: PageSelection = field(default_factory=PageSelection)
    lane: Lane = Lane.STANDARD
    caller: str = "anonymous"
    timeout: float | None = None
    counted: Callable[[int], None] = lambda _pages: None
    begun: Callable[[int], None] = lambda _page: None
    listener: PageListener | None = None
    forbidden: frozenset[Rung] = frozenset()


@dataclass(frozen=True, slots=True)
class DocumentResult:
    """A whole document, read."""

    info: DocumentInfo
    recognition: Recognition
    timings: Timings


@dataclass(frozen=True, slots=True)
class _Open:
    """A document that is being read. ``size`` is the bytes it holds in memory."""

    document: Document
    info: DocumentInfo
    request: DocumentRequest
    deadline: float
    size: int

    def page(self, number: int, position: int) -> PageAsked:
        request = self.request.asked
        if request.number != number:
            request = replace(request, number=number)
        begun = partial(self.request.begun, number)
        return PageAsked(request, self.listener(position), self.request.forbidden, begun)

    def listener(self, position: int) -> Listener | None:
        told = self.request.listener
        return None if told is None else partial(told, position)


class Recognizer:
    """Reads documents. Many may be read at the same time.

    Pages of one document are read side by side, as far as places allow, and handed out in the
    order asked for. At most ``lookahead`` of them are under way or done and not yet taken by the
    consumer, so that neither a long document nor a slow consumer holds more than that.

    Attributes:
        seats: pages at the engine; to be refreshed when it may have more.
        lookahead: pages of one document ahead of its consumer.

    Args:
        gate: admits pages.
        rasterizer: makes images of them.
        engine: reads them.
        clock: tells the time; the gate's.
        lookahead: pages of one document ahead of its consumer, at least 1.
        seats: how many pages may be at the engine now; without it, as many as it has slots.
        doorstep: where documents that a worker must look at wait for that.
        observe: told how each page ended; it must not raise.
        spans: where the stages of a page are traced.
        pressure: what pages get less of; without it, none does.
        budget: told what pages have written.
        lengths: how long texts are, as learned; without it, tickets name no cost.
        elsewhere: another engine, for pages that the usual one does not read.
    """

    def __init__(
        self,
        gate: Gate,
        rasterizer: Rasterizer,
        engine: Replicas,
        clock: Clock,
        *,
        lookahead: int,
        seats: Callable[[], int] | None = None,
        doorstep: Doorstep | None = None,
        observe: Callable[[PageEnded], None] = lambda _: None,
        spans: Spans = no_spans,
        pressure: Pressure | None = None,
        budget: TokenBudget | None = None,
        lengths: Lengths | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.seats = Seats(seats or (lambda: engine.slots))
        self._reader = PageReader(
            gate, rasterizer, engine, self.seats, clock, observe, spans, pressure, budget, elsewhere
        )
        self.lookahead = lookahead
        self._lengths = lengths
        self._doorstep = doorstep or Doorstep(1)
        self._ids = itertools.count(1)

    async def probe(self, document: Document, caller: str = "anonymous") -> DocumentInfo:
        """Format, pages and size without decoding.

        Raises:
            RequestError, Overloaded.
        """
        async with self._reader.rasterizer.hold(document) as held:
            return await self._look(held, caller)

    async def pages(
        self, document: Document, request: DocumentRequest
    ) -> AsyncGenerator[PageResult, None]:
        """Read page by page, yielding in the order asked for. Closing the iterator cancels.

        Raises:
            RequestError, RefusedError, EngineError, DeadlineExceeded.
        """
        async with self._open(document, request) as opened:
            numbers = self._numbers(opened)
            if len(numbers) == 1:
                yield await self._alone(opened, numbers[0])
                return
            async with aclosing(self._side_by_side(opened, numbers)) as pages:
                async for page in pages:
                    yield page

    async def recognize(self, document: Document, request: DocumentRequest) -> DocumentResult:
        """Read the chosen pages and return them together.

        Raises:
            RequestError, RefusedError, EngineError, DeadlineExceeded.
        """
        async with self._open(document, request) as opened:
            numbers = self._numbers(opened)
            if len(numbers) == 1:
                results = [await self._alone(opened, numbers[0])]
            else:
                async with aclosing(self._side_by_side(opened, numbers)) as pages:
                    results = [page async for page in pages]
        first, *others = results
        usage = sum((result.usage for result in others), first.usage)
        usual = self._reader.engine.description.name
        name = next((result.engine for result in results if result.engine), usual)
        readings = tuple(result.reading for result in results)
        timings = sum((result.timings for result in others), first.timings)
        return DocumentResult(opened.info, Recognition(readings, name, usage), timings)

    @asynccontextmanager
    async def _open(self, document: Document, request: DocumentRequest) -> AsyncIterator[_Open]:
        require(request.asked, self._reader.engine.description)
        timeout = math.inf if request.timeout is None else request.timeout
        deadline = self._reader.clock.now() + timeout
        limit = until(self._reader.clock, deadline)
        try:
            async with limit, self._reader.rasterizer.hold(document) as held:
                info = await self._look(held, request.caller)
                limit.lift()  # from here on each page has its own
                yield _Open(held, info, request, deadline, len(document.data or b""))
        except TimeoutError:
            if not limit.reached:
                raise
            raise DeadlineExceeded("the time ran out", where="queue") from None

    async def _look(self, held: Document, caller: str) -> DocumentInfo:
        if held.path is None:
            return await self._reader.rasterizer.probe(held)
        async with self._doorstep.turn(caller):  # a file is what a worker looks at
            return await self._reader.rasterizer.probe(held)

    def _numbers(self, opened: _Open) -> tuple[int, ...]:
        """The pages to read, once they were counted."""
        numbers = opened.request.selection.resolve(opened.info.pages)
        opened.request.counted(len(numbers))
        return numbers

    async def _alone(self, opened: _Open, number: int) -> PageResult:
        """Read the only page, in the caller's own task: most documents have one."""
        (ticket,) = self._tickets(opened, 1)
        asked = opened.page(number, 0)
        return await self._reader.read(opened.document, ticket, asked, asyncio.Event())

    async def _side_by_side(
        self, opened: _Open, numbers: Sequence[int]
    ) -> AsyncGenerator[PageResult, None]:
        tickets = self._tickets(opened, len(numbers))
        coming = zip(numbers, tickets, strict=True)
        admitted = asyncio.Event()
        under_way: deque[asyncio.Task[PageResult]] = deque()

        def begin(number: int, ticket: Ticket) -> None:
            asked = opened.page(number, len(numbers) - ticket.pages)
            page = self._reader.read(opened.document, ticket, asked, admitted)
            under_way.append(asyncio.create_task(page))

        try:
            begin(*next(coming))
            await _first_of(under_way[0], admitted)
            if not admitted.is_set():
                await under_way.popleft()  # it was refused or ran out of time, and says so
            while True:
                room = max(0, self.lookahead - len(under_way))  # it may have shrunk
                for number, ticket in itertools.islice(coming, room):
                    begin(number, ticket)
                if not under_way:
                    break
                yield await under_way.popleft()
        finally:
            await _cancel(under_way)

    def _tickets(self, opened: _Open, pages: int) -> Iterator[Ticket]:
        """One per page; only the first is judged, for the whole document."""
        request = opened.request
        cost = self._cost(opened)
        for done in range(pages):
            yield Ticket(
                id=next(self._ids),
                lane=request.lane,
                caller=request.caller,
                arrived=self._reader.clock.now(),
                deadline=opened.deadline,
                bytes=0 if done else opened.size,
                pages=pages - done,
                continues=done > 0,
                cost=cost,
            )

    def _cost(self, opened: _Open) -> Cost | None:
        if self._lengths is None:
            return None
        engine = self._reader.engine.description
        return price(opened.info, opened.request.asked, engine, self._lengths)


async def _first_of(page: "asyncio.Task[PageResult]", admitted: asyncio.Event) -> None:
    """Wait until the page has a place or has ended without one."""
    waiting = asyncio.create_task(admitted.wait())
    try:
        await asyncio.wait((page, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


async def _cancel(tasks: "deque[asyncio.Task[PageResult]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

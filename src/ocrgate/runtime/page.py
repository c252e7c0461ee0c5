"""One page on its way: admitted, prepared, read."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from ocrgate.control.ladder import Rung
from ocrgate.domain.document import Document
from ocrgate.domain.recognition import PageReading, PageRequest, Usage
from ocrgate.domain.ticket import Lane, Ticket
from ocrgate.errors import DeadlineExceeded, EngineError, OcrgateError, Overloaded
from ocrgate.ports import Clock, Listener, Piece, Rasterizer
from ocrgate.runtime.clock import until
from ocrgate.runtime.gate import Gate, Permit
from ocrgate.runtime.patience import Patience
from ocrgate.runtime.pressure import Given, Pressure
from ocrgate.runtime.pricing import TokenBudget
from ocrgate.runtime.replicas import Replicas
from ocrgate.runtime.seats import Seats


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds spent in each stage, summed over pages: what ``Server-Timing`` shows.

    ``queue`` is the wait for a place at the gate and for a seat at the engine.
    ``first_token`` is the part of ``engine`` until there was some output, of the first page that
    had any; None for engines that do not tell.
    """

    queue: float = 0.0
    prepare: float = 0.0
    engine: float = 0.0
    first_token: float | None = None

    def __add__(self, other: "Timings") -> "Timings":
        return Timings(
            self.queue + other.queue,
            self.prepare + other.prepare,
            self.engine + other.engine,
            other.first_token if self.first_token is None else self.first_token,
        )


@dataclass(frozen=True, slots=True)
class PageResult:
    """One page, read. ``engine`` names the engine that did it, where that was not the usual one."""

    reading: PageReading
    usage: Usage
    timings: Timings
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class PageEnded:
    """How a page ended: ``ok``, its first warning, ``cancelled`` or the code of ``error``.

    With a ``result`` of another engine, ``error`` is why the usual one has not read the page.
    """

    lane: Lane
    outcome: str
    result: PageResult | None = None
    error: BaseException | None = None


class Spans(Protocol):
    """Where a page's stages are traced."""

    def __call__(self, name: str) -> AbstractContextManager[None]:
        """The span of one stage: ``queue``, ``prepare`` or ``engine``."""


_UNTRACED = nullcontext()


def _nothing() -> None:
    """Tells nobody."""


def no_spans(name: str) -> AbstractContextManager[None]:  # noqa: ARG001 - the form of ``Spans``
    """Traces nothing."""
    return _UNTRACED


@dataclass(frozen=True, slots=True)
class PageAsked:
    """What a caller asks of one page.

    Attributes:
        request: what to read for.
        listener: told of output as it comes.
        forbidden: what the page may not get less of.
        begun: told when work on the page begins; by each engine that tries it.
    """

    request: PageRequest
    listener: Listener | None = None
    forbidden: frozenset[Rung] = frozenset()
    begun: Callable[[], None] = _nothing


class Elsewhere(Protocol):
    """Another engine, for pages that the usual one does not read."""

    def takes(self, error: OcrgateError, ticket: Ticket, asked: PageAsked) -> bool:
        """Whether it reads the page at once that ended with ``error``."""

    async def read(
        self, rasterizer: Rasterizer, document: Document, ticket: Ticket, asked: PageAsked
    ) -> PageResult:
        """Read a page for which :meth:`takes` was true just now.

        Raises:
            RequestError, EngineError, DeadlineExceeded.
        """


@dataclass(frozen=True, slots=True)
class PageReader:
    """Takes single pages through gate, rasterizer and engine.

    A page is decoded only once it has a place, and keeps the place until it was read, so that no
    more pages are in memory than the gate has places. It is sent only once it has a seat.
    """

    gate: Gate
    rasterizer: Rasterizer
    engine: Replicas
    seats: Seats
    clock: Clock
    observe: Callable[[PageEnded], None]
    spans: Spans
    pressure: Pressure | None = None
    budget: TokenBudget | None = None
    elsewhere: Elsewhere | None = None

    async def read(
        self, document: Document, ticket: Ticket, asked: PageAsked, admitted: asyncio.Event
    ) -> PageResult:
        """Read one page; ``admitted`` is set as soon as it has a place.

        Raises:
            RequestError, RefusedError, EngineError, DeadlineExceeded.
        """
        why: OcrgateError | None = None
        try:
            try:
                result = await self._admitted(document, ticket, asked, admitted)
            except (Overloaded, EngineError) as error:
                found = await self._elsewhere(error, document, ticket, asked, admitted)
                if found is None:
                    raise
                result, why = found, error
        except BaseException as error:
            self.observe(PageEnded(ticket.lane, _name(error), error=error))
            raise
        warnings = result.reading.warnings
        self.observe(PageEnded(ticket.lane, str(warnings[0]) if warnings else "ok", result, why))
        del why  # its trace knows this call, and so what the page holds
        return result

    async def _elsewhere(
        self,
        error: OcrgateError,
        document: Document,
        ticket: Ticket,
        asked: PageAsked,
        admitted: asyncio.Event,
    ) -> PageResult | None:
        """The page that ended with ``error``, from the other engine: None where there is none that
        takes it, or that fails too.
        """
        if self.elsewhere is None or not self.elsewhere.takes(error, ticket, asked):
            return None
        admitted.set()
        try:
            return await self.elsewhere.read(self.rasterizer, document, ticket, asked)
        except EngineError:
            return None

    async def _admitted(
        self, document: Document, ticket: Ticket, asked: PageAsked, admitted: asyncio.Event
    ) -> PageResult:
        async with self.gate.admit(ticket, self.spans("queue")) as permit:
            admitted.set()
            try:
                async with until(self.clock, ticket.deadline):
                    return await self._work(document, ticket, asked, permit)
            except TimeoutError:
                raise DeadlineExceeded("the time ran out", where="engine") from None

    async def _work(
        self, document: Document, ticket: Ticket, asked: PageAsked, permit: Permit
    ) -> PageResult:
        entered, waited = self.clock.now(), ticket.continues or permit.waited > 0
        patience = self._patience(ticket, asked, waited=waited)
        await self._attended(patience)
        start, given = self.clock.now(), self._given(asked)
        asked.begun()
        with self.spans("prepare"):
            number = given.request.number
            image = await self.rasterizer.prepare(document, number, given.spec)
        prepared = self.clock.now()
        async with self.seats.one() as stood:
            if stood:
                patience = replace(patience, waited=True)
            heard = _Heard(self.clock, asked.listener, partial(self._wrote, ticket, permit))
            room = self.budget.room(ticket.id) if self.budget is not None else None
            with self.spans("engine"):
                reading, usage = await self.engine.recognize(
                    image, given.request, heard, patience=patience, room=room
                )
        permit.output_tokens = usage.output_tokens or None
        reading = given.told(reading, image)
        queued = permit.waited + (start - entered) + (heard.start - prepared)
        engine = self.clock.now() - heard.start
        timings = Timings(queued, prepared - start, engine, heard.first)
        return PageResult(reading, usage, timings)

    async def _attended(self, patience: Patience) -> None:
        """Return once an engine is there. A page that has only just come is not kept waiting: it
        was not accepted yet.

        Raises:
            BreakerOpen, EngineUnavailable, Draining, DeadlineExceeded.
        """
        if patience.waited:
            await self.engine.until_able(patience)
        else:
            self.engine.require()

    def _patience(self, ticket: Ticket, asked: PageAsked, *, waited: bool) -> Patience:
        def elsewhere(why: EngineError) -> bool:
            other = self.elsewhere
            return other is not None and other.takes(why, ticket, asked)

        return Patience(ticket.deadline, waits=True, waited=waited, elsewhere=elsewhere)

    def _wrote(self, ticket: Ticket, permit: Permit, tokens: int) -> None:
        """The page has so many tokens by now: what its caller is charged for if it ends here."""
        if tokens:
            permit.output_tokens = tokens
        if self.budget is not None:
            self.budget.advance(ticket.id, tokens)

    def _given(self, asked: PageAsked) -> Given:
        """What the page gets, which under pressure is less than what is asked for."""
        spec = self.engine.description.input
        if self.pressure is None:
            return Given(asked.request, spec)
        return self.pressure.given(asked.request, spec, asked.forbidden)


class _Heard:
    """Passes pieces on, and notes how long the first was in coming.

    ``first`` is that in seconds since ``start``, the instant at which this was made.
    """

    def __init__(
        self, clock: Clock, listener: Listener | None, wrote: Callable[[int], None]
    ) -> None:
        self._clock = clock
        self._listener = listener
        self._wrote = wrote
        self.start = clock.now()
        self.first: float | None = None

    def __call__(self, piece: Piece) -> None:
        if self.first is None:
            self.first = self._clock.now() - self.start
        self._wrote(piece.tokens)
        if self._listener is not None:
            self._listener(piece)


def _name(error: BaseException) -> str:
    if isinstance(error, OcrgateError):
        return error.code
    gone = isinstance(error, asyncio.CancelledError)
    return "cancelled" if gone else OcrgateError.code

"""Another engine beside the usual one, for pages that would be refused: the rung `other_engine`.

A page goes there when the gate turned it away while the rung is in force, or when no replica of the
usual engine takes pages. It never waits there: it is read at once or refused as it would have been.
Only documents of one page go there, since the later pages of an accepted document are not refused;
none of the lane `batch`, which has time; and none whose text is handed out while it is written,
since by then nobody can be told whose text it is.

The engine costs memory and processors, so it is started when it is first wanted, and ended when it
had nothing to do for a while. Until it is up nothing changes for anybody.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from ocrgate.control.ladder import Rung
from ocrgate.control.spare import SpareTime, may_go_elsewhere
from ocrgate.domain.document import Document
from ocrgate.domain.ticket import Ticket
from ocrgate.errors import (
    BreakerOpen,
    DeadlineExceeded,
    EngineError,
    EngineUnavailable,
    InvalidRequest,
    OcrgateError,
    Overloaded,
)
from ocrgate.ports import Clock, Engine, Rasterizer, TimerHandle
from ocrgate.runtime.asking import require
from ocrgate.runtime.clock import until
from ocrgate.runtime.engines import EngineParts
from ocrgate.runtime.page import PageAsked, PageResult, Spans, Timings, no_spans
from ocrgate.runtime.replica import is_replicas_fault

_log = structlog.get_logger(__name__)

IDLE = 120.0
"""Seconds without a page after which its processes are ended."""

AGAIN = 30.0
"""Seconds until one that could not be started is tried again."""


@dataclass(slots=True, eq=False)
class _Standing:
    """One that runs: its parts, the pages it may have and has, and whether another follows it."""

    parts: EngineParts
    places: int
    busy: int = 0
    retired: bool = False

    @property
    def engine(self) -> Engine:
        return self.parts.engines[0]

    async def open(self) -> None:
        await asyncio.gather(*(pool.start() for pool in self.parts.pools))
        await self.engine.start()

    async def close(self) -> None:
        await self.engine.close()
        await asyncio.gather(*(pool.close() for pool in self.parts.pools))


class Spare:
    """The other engine of one server.

    Attributes:
        places: pages that it may have.
        idle: set while it reads none.

    Args:
        build: puts it together for so many pages at the same time; nothing is started.
        clock: tells the time.
        places: pages that it may have; 0: there is none.
        pressed: whether the rung is in force.
        down: whether no replica of the usual engine takes pages.
        freed: told when it may take one more page.
        spans: where the stages of a page are traced.
    """

    def __init__(
        self,
        build: Callable[[int], EngineParts],
        clock: Clock,
        places: int,
        *,
        pressed: Callable[[], bool],
        down: Callable[[], bool],
        freed: Callable[[], None] = lambda: None,
        spans: Spans = no_spans,
    ) -> None:
        self._build = build
        self._clock = clock
        self._spans = spans
        self._pressed = pressed
        self._down = down
        self._freed = freed
        self._standing: _Standing | None = None
        self._starting: asyncio.Task[None] | None = None
        self._ends: set[asyncio.Task[None]] = set()
        self._timer: TimerHandle | None = None
        self._not_before = self._used = -AGAIN
        self._time = SpareTime()
        self._closed = False
        self.places = places
        self.idle = asyncio.Event()
        self.idle.set()
        self._reading = 0

    def __repr__(self) -> str:
        return f"<Spare {self._reading} of {self.places} taken>"

    @property
    def busy(self) -> int:
        """Pages that it reads now."""
        return self._reading

    @property
    def up(self) -> bool:
        """Whether its processes run."""
        return self._standing is not None

    def retune(self, places: int) -> None:
        """It may have so many pages from now on; those under way are finished."""
        if places != self.places:
            self.places = places
            self._retire()

    def want(self) -> None:
        """Start it, if there is one and it does not run: pages may come soon."""
        idle = self._standing is None and self._starting is None
        if idle and self.places and not self._closed and self._clock.now() >= self._not_before:
            self._starting = asyncio.create_task(self._start(self.places))

    def could_take(self, forbidden: frozenset[Rung]) -> bool:
        """Whether a page may find a place here instead of a refusal, as far as is known before it
        was read; ``forbidden`` are the rungs that its caller does not want.
        """
        if not self.places or not (self._pressed() or self._down()):
            return False
        self.want()
        return self._is_free(forbidden)

    def takes(self, error: OcrgateError, ticket: Ticket, asked: PageAsked) -> bool:
        """Whether it reads the page at once that ended with ``error``."""
        if not self.places or not self._may(error, ticket, asked):
            return False
        self.want()
        left = ticket.deadline - self._clock.now()
        free = self._is_free(asked.forbidden) and self._can(asked)
        return free and self._time.enough(left)

    async def read(
        self, rasterizer: Rasterizer, document: Document, ticket: Ticket, asked: PageAsked
    ) -> PageResult:
        """Read a page for which :meth:`takes` was true just now.

        Raises:
            RequestError, EngineError, DeadlineExceeded.
        """
        standing = self._standing
        assert standing is not None
        self._begun(standing)
        try:
            async with until(self._clock, ticket.deadline):
                return await self._work(standing.engine, rasterizer, document, ticket, asked)
        except TimeoutError:
            raise DeadlineExceeded("the time ran out", where="engine") from None
        finally:
            self._ended(standing)

    async def close(self) -> None:
        """End it. Pages that it still reads fail. Safe to call twice."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        standing, self._standing = self._standing, None
        if standing is not None:
            self._end(standing)
        await asyncio.gather(*self._ends, return_exceptions=True)

    # Whether a page may come here

    def _may(self, error: OcrgateError, ticket: Ticket, asked: PageAsked) -> bool:
        told = asked.request.live
        return may_go_elsewhere(ticket) and not told and self._is_answer_to(error)

    def _is_answer_to(self, error: OcrgateError) -> bool:
        """Whether the usual engine has no room, or is not there; memory is short here too.

        A server that cannot be reached is not there, whatever its breaker says as yet; one that
        broke off may have done so over this page.
        """
        if isinstance(error, Overloaded):
            return error.reason != "bytes" and self._pressed()
        if isinstance(error, BreakerOpen):
            return True
        fault = isinstance(error, EngineError) and is_replicas_fault(error)
        return fault and (isinstance(error, EngineUnavailable) or self._down())

    def _is_free(self, forbidden: frozenset[Rung]) -> bool:
        standing = self._standing
        free = standing is not None and standing.busy < standing.places
        return free and Rung.OTHER_ENGINE not in forbidden

    def _can(self, asked: PageAsked) -> bool:
        assert self._standing is not None
        try:
            require(asked.request, self._standing.engine.description)
        except InvalidRequest:
            return False
        return True

    async def _work(
        self,
        engine: Engine,
        rasterizer: Rasterizer,
        document: Document,
        ticket: Ticket,
        asked: PageAsked,
    ) -> PageResult:
        start, number = self._clock.now(), asked.request.number
        asked.begun()
        with self._spans("prepare"):
            image = await rasterizer.prepare(document, number, engine.description.input)
        prepared = self._clock.now()
        with self._spans("engine"):
            reading, usage = await engine.recognize(image, asked.request)
        end = self._clock.now()
        self._time.learn(end - start)
        reading = replace(reading, degraded=(*reading.degraded, Rung.OTHER_ENGINE.value))
        timings = Timings(start - ticket.arrived, prepared - start, end - prepared)
        return PageResult(reading, usage, timings, engine.description.name)

    # Coming and going

    def _begun(self, standing: _Standing) -> None:
        standing.busy += 1
        self._reading += 1
        self.idle.clear()

    def _ended(self, standing: _Standing) -> None:
        standing.busy -= 1
        self._reading -= 1
        self._used = self._clock.now()
        if not self._reading:
            self.idle.set()
        if standing.retired and not standing.busy:
            self._end(standing)
        self._freed()

    async def _start(self, places: int) -> None:
        try:
            self._is_up(await self._opened(places))
        except Exception as error:  # noqa: BLE001 - nobody waits for this; pages stay refused
            _log.warning("other engine not started", reason=str(error))
            self._not_before = self._clock.now() + AGAIN
        finally:
            self._starting = None

    async def _opened(self, places: int) -> _Standing:
        standing = _Standing(self._build(places), places)
        try:
            await standing.open()
        except BaseException:
            await standing.close()
            raise
        return standing

    def _is_up(self, standing: _Standing) -> None:
        _log.info("other engine started", pages=standing.places)
        self._standing, self._used = standing, self._clock.now()
        if standing.places != self.places:
            self._retire()
        else:
            self._arm(IDLE)
            self._freed()

    def _arm(self, seconds: float) -> None:
        self._timer = self._clock.call_at(self._clock.now() + seconds, self._look)

    def _look(self) -> None:
        """End it if nobody needs it any more."""
        self._timer = None
        if self._standing is None:
            return
        idle = 0.0 if self._standing.busy else self._clock.now() - self._used
        if idle < IDLE:
            self._arm(IDLE - idle)
        else:
            self._retire()

    def _retire(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        standing, self._standing = self._standing, None
        if standing is not None:
            standing.retired = True
            if not standing.busy:
                self._end(standing)

    def _end(self, standing: _Standing) -> None:
        _log.info("other engine ended")
        end = asyncio.create_task(standing.close())
        self._ends.add(end)
        end.add_done_callback(self._ends.discard)

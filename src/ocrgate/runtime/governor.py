"""How many pages each replica is given: the limit laws, fed and obeyed.

The laws lie in :mod:`ocrgate.control.limit` and decide nothing but a number. This tells them of
every page that is sent, streams and ends, asks the engines for their load once a second, lets the
laws look at the time four times a second, and hands on the sum of what they say. The limit of a
replica that takes no pages is left out of the sum, and its law begins anew when it is back. While
none takes pages the sum stays as it was, and with it who has a place: what comes is told at once
that nobody is there, and what was accepted waits for whoever comes back.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

import structlog

from ocrgate.control.breaker import BreakerState
from ocrgate.control.cost import Lengths
from ocrgate.control.limit.choice import AutoLaw, LimitLaw
from ocrgate.control.limit.law import Signals
from ocrgate.ports import Clock, Signalling
from ocrgate.runtime.clock import sleep, until
from ocrgate.runtime.replica import Attempt, BreakerMoved, CameUp, ReplicaEvent
from ocrgate.runtime.replicas import Replicas
from ocrgate.runtime.station import Station, StationState

_log = structlog.get_logger(__name__)

TICK = 0.25
"""Seconds between the laws' looks at the time."""

POLL = 1.0
"""Seconds between the beginnings of two polls of a replica's metrics, and the most that one takes.
Never are two under way."""


@dataclass(frozen=True, slots=True)
class LimitMoved:
    """A replica may have so many pages from now on, because of ``reason``."""

    replica: int
    limit: int
    reason: str


@dataclass(frozen=True, slots=True)
class Preempted:
    """A replica threw so many pages out of its batch since the last poll."""

    replica: int
    pages: float


@dataclass(frozen=True, slots=True)
class Polled:
    """A replica was asked for its load, and what it said is known now."""

    replica: int


GovernorEvent = LimitMoved | Preempted | Polled


class Governor:
    """The limits of all replicas (a :class:`~ocrgate.runtime.replica.Watch`).

    Attributes:
        total: pages that all replicas together may have; at least 1.
        lengths: how long texts are, as learned.

    Args:
        replicas: what is governed.
        clock: tells the time.
        law: which law each replica follows.
        changed: called when ``total`` has changed, from inside of whatever changed it.
        observe: told about every event, at once and in the event loop; it must not raise.
    """

    def __init__(
        self,
        replicas: Replicas,
        clock: Clock,
        law: LimitLaw | None = None,
        *,
        changed: Callable[[], None] = lambda: None,
        observe: Callable[[GovernorEvent], None] = lambda _: None,
    ) -> None:
        self._replicas = replicas
        self._clock = clock
        self._changed = changed
        self._observe = observe
        self._factor = 1.0
        self.lengths = Lengths()
        self._stations = [
            Station(engine.description, law or AutoLaw(), self.lengths)
            for engine in replicas.engines
        ]
        self._limits = [station.change.limit for station in self._stations]
        self.total = sum(self._limits)
        self._tasks: list[asyncio.Task[None]] = []
        replicas.watch(self)

    def __repr__(self) -> str:
        each = ", ".join(str(limit) for limit in self._limits)
        return f"<Governor {self.total} places: {each}>"

    def snapshot(self) -> tuple[StationState, ...]:
        """Every replica now."""
        return tuple(station.state for station in self._stations)

    def start(self) -> None:
        """Begin to poll and to tick, where there is anything to find out. Needs a running loop."""
        for station, one in zip(self._stations, self._replicas.snapshot(), strict=True):
            station.usable = one.up and one.breaker is not BreakerState.OPEN
        self._add_up()
        engines = self._replicas.engines
        polled = [index for index, each in enumerate(engines) if isinstance(each, Signalling)]
        if polled or any(engine.description.elastic for engine in engines):
            self._run(self._keep_ticking())
        for index in polled:
            self._run(self._keep_polling(index))

    async def close(self) -> None:
        """End both. Safe to call twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def retune(self, law: LimitLaw) -> None:
        """Follow another law, or the same with other parameters, from its beginning."""
        for index, station in enumerate(self._stations):
            station.retune(law, self._clock.now())
            self._note(index)

    def cool(self, factor: float) -> None:
        """Use only this part (above 0, at most 1) of what the laws allow: a GPU is hot."""
        if factor != self._factor:
            self._factor = factor
            self._add_up()

    def replica(self, event: ReplicaEvent) -> None:
        """Something happened to a replica."""
        if isinstance(event, CameUp):
            self._came_back(event.replica)
        elif isinstance(event, BreakerMoved):
            station = self._stations[event.replica]
            if event.state is BreakerState.OPEN:
                station.usable = False
            elif event.state is BreakerState.CLOSED and not station.usable:
                self._came_back(event.replica)
            self._add_up()

    def began(self, attempt: Attempt) -> None:
        """A page is sent."""
        self._stations[attempt.replica.index].began(attempt, self._clock.now())

    def heard(self, attempt: Attempt, tokens: int) -> None:
        """It has streamed something."""
        self._stations[attempt.replica.index].heard(attempt, tokens, self._clock.now())

    def ended(self, attempt: Attempt) -> None:
        """It is over."""
        index = attempt.replica.index
        self._stations[index].ended(attempt, self._clock.now())
        self._note(index)

    def _came_back(self, index: int) -> None:
        """Nobody knows what stands there now, so its law begins anew."""
        station = self._stations[index]
        station.usable = True
        station.restart(self._replicas.engines[index].description, self._clock.now())
        self._note(index)
        self._add_up()

    def _note(self, index: int) -> None:
        """Act on what a law has said."""
        change = self._stations[index].change
        if change.limit == self._limits[index]:
            return
        _log.debug("limit", replica=index, limit=change.limit, reason=change.reason)
        self._limits[index] = change.limit
        self._replicas.resize(index, change.limit)
        self._observe(LimitMoved(index, change.limit, change.reason))
        self._add_up()

    def _add_up(self) -> None:
        usable = [
            limit for limit, each in zip(self._limits, self._stations, strict=True) if each.usable
        ]
        if not usable:
            return
        total = max(1, int(sum(usable) * self._factor + 1e-9))
        if total != self.total:
            self.total = total
            self._changed()

    # What happens by itself

    def _run(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def _keep_ticking(self) -> None:
        while True:
            await sleep(self._clock, TICK)
            now = self._clock.now()
            for index, station in enumerate(self._stations):
                station.tick(now)
                self._note(index)

    async def _keep_polling(self, index: int) -> None:
        while True:
            begun = self._clock.now()
            engine, station = self._replicas.engines[index], self._stations[index]
            if station.usable and engine.description.signals and isinstance(engine, Signalling):
                self._polled(index, await self._poll(engine))
            took = self._clock.now() - begun
            await sleep(self._clock, max(POLL - took, TICK))

    async def _poll(self, engine: Signalling) -> Signals | None:
        """Its load; None where it did not tell, for whatever reason."""
        try:
            async with until(self._clock, self._clock.now() + POLL):
                return await engine.signals()
        except Exception as error:  # noqa: BLE001 - a law lives without signals, not without polls
            _log.debug("no signals", reason=str(error) or type(error).__name__)
            return None

    def _polled(self, index: int, load: Signals | None) -> None:
        lost = self._stations[index].polled(load, self._clock.now())
        if lost:
            self._observe(Preempted(index, lost))
        self._note(index)
        self._observe(Polled(index))

"""Servers that we start ourselves, as engines: each waits for its server and follows it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from ocrgate.control.guard import Load
from ocrgate.control.limit.law import Signals
from ocrgate.domain.document import PageImage
from ocrgate.domain.recognition import PageReading, PageRequest, Task, Usage
from ocrgate.engines.launch.pace import Change, Hooks, Observer, State
from ocrgate.engines.openai.engine import CANARY_TOKENS
from ocrgate.engines.openai.images import canary
from ocrgate.errors import EngineError, EngineUnavailable
from ocrgate.ports import Coming, Engine, EngineDescription, Listener, Signalling
from ocrgate.runtime.replica import is_replicas_fault

_log = structlog.get_logger(__name__)

Fit = Callable[[str, Load], Engine]
"""Makes the engine for the server at a URL that was started for some load."""


class Watched(Protocol):
    """Who sends the pages, and is told which servers are there."""

    def replica_up(self, index: int) -> None:
        """A new server is there and reads pages."""

    def replica_down(self, index: int, why: str = ...) -> None:
        """It is no more."""

    def replica_given_up(self, index: int, why: str) -> None:
        """It is no more, and no restart would help."""


class Starter(Protocol):
    """Starts the servers: :class:`~ocrgate.engines.launch.supervisor.Supervisor`."""

    async def start(self) -> None:
        """Start all.

        Raises:
            EngineUnavailable: none can be started.
        """

    def coming(self, index: int) -> Coming:
        """How far the server of that index is, while it is not up."""

    async def close(self) -> None:
        """Finish the pages in flight and end all. Safe to call twice."""


class Launch:
    """The servers of this machine, from their start to their end.

    Args:
        make: makes what starts them, given who is to be told and what to ask.
        fit: makes the engine for one of them.
        urls: where they will answer, one for each.
        load: what each is meant to carry.
        pause: seconds until a server that is up and was not read from is asked again.
    """

    def __init__(
        self,
        make: Callable[[Observer, Hooks], Starter],
        fit: Fit,
        urls: Sequence[str],
        load: Load,
        *,
        pause: float = 2.0,
    ) -> None:
        hooks = Hooks(self._check, self._reads, self._drained, self._is_busy)
        self._starter = make(self._changed, hooks)
        self._fit = fit
        self._load = load
        self._starting: asyncio.Task[None] | None = None
        self._pause = pause
        self._chores: dict[int, asyncio.Task[None]] = {}  # by the server that they follow
        self._watched: Watched | None = None
        self._closing = False
        self.engines = tuple(
            LaunchedEngine(self, index, fit(url, load)) for index, url in enumerate(urls)
        )

    def watch(self, watched: Watched) -> None:
        """Tell ``watched`` from now on which servers come and go."""
        self._watched = watched

    async def until_up(self, engine: "LaunchedEngine") -> None:
        """Wait until the server of ``engine`` has read a page; the first call starts them all.

        Raises:
            EngineUnavailable: it cannot be started, and no restart would help.
        """
        if self._starting is None:
            self._starting = asyncio.create_task(self._starter.start())
            self._starting.add_done_callback(self._started)
        await engine.settled.wait()
        if engine.gone is not None:
            engine.settled.clear()  # whoever asks again waits for it to come back after all
            raise EngineUnavailable(engine.gone)

    def coming(self, index: int) -> Coming:
        """How far the server of that index is, while it is not up."""
        return self._starter.coming(index)

    async def close(self) -> None:
        """End all servers. Safe to call twice."""
        self._closing = True
        for chore in self._chores.values():
            chore.cancel()
        await asyncio.gather(*self._chores.values(), return_exceptions=True)
        await self._starter.close()
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)

    def _started(self, starting: "asyncio.Task[None]") -> None:
        """None of them could be started: what waits need not wait any longer."""
        if starting.cancelled() or starting.exception() is None:
            return
        for index in range(len(self.engines)):
            self._give_up(index, str(starting.exception()))

    def _changed(self, change: Change) -> None:
        engine = self.engines[change.index]
        why = change.diagnosis.text if change.diagnosis is not None else "its server was ended"
        if (chore := self._chores.pop(change.index, None)) is not None:
            chore.cancel()  # it followed a server that is no more
        if change.state is State.UP:
            self._chores[change.index] = asyncio.create_task(self._came_up(engine, change))
        elif change.state is State.STOPPED:
            self._tell_down(change.index, why)
            if change.diagnosis is not None or not self._is_starting():
                self._give_up(change.index, why)  # else the failed start says why, in a moment
        elif change.state is State.DOWN:
            self._tell_down(change.index, why)

    async def _came_up(self, engine: "LaunchedEngine", change: Change) -> None:
        """The server may have been started for less than before: the engine is made anew.

        The supervisor has read a page, so an error here passes: it is tried until it does, or until
        the server's state changes.
        """
        while not await self._follow(engine, change):  # noqa: ASYNC110 - it is asked, not told
            await asyncio.sleep(self._pause)
        if self._watched is not None:
            self._watched.replica_up(change.index)

    async def _follow(self, engine: "LaunchedEngine", change: Change) -> bool:
        """Have ``engine`` speak to the new server; whether that reads pages."""
        fitted = self._fit(change.url, change.load)
        try:
            await fitted.start()
        except asyncio.CancelledError:
            await fitted.close()
            raise
        except Exception as error:  # noqa: BLE001 - nobody waits for this task, so none is lost
            _log.warning("a server is up and is not read from", url=change.url, reason=str(error))
            await fitted.close()
            return False
        engine.take(fitted)
        return True

    def _give_up(self, index: int, why: str) -> None:
        self.engines[index].lose(why)
        if self._watched is not None and not self._closing:
            self._watched.replica_given_up(index, why)

    def _tell_down(self, index: int, why: str) -> None:
        self.engines[index].there = False
        if self._watched is not None:
            self._watched.replica_down(index, why)

    async def _check(self, url: str) -> None:
        """Have the server read a known page."""
        engine = self._fit(url, self._load)
        try:
            await engine.start()
        finally:
            await engine.close()

    async def _reads(self, index: int) -> None:
        await self.engines[index].reads()

    async def _drained(self, index: int) -> None:
        await self.engines[index].drained()

    def _is_starting(self) -> bool:
        return self._starting is not None and not self._starting.done()

    def _is_busy(self, index: int) -> bool:
        return self.engines[index].inflight > 0


@dataclass(slots=True, eq=False)
class _Spoken:
    """An engine that speaks to a server, and the pages that it has there."""

    engine: Engine
    pages: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def begun(self) -> None:
        self.pages += 1
        self.idle.clear()

    def ended(self) -> None:
        self.pages -= 1
        if not self.pages:
            self.idle.set()

    async def close(self) -> None:
        """Once its pages have ended: some may be at the new server already, which answered them
        before whoever watches it said that it is up.
        """
        if self.pages:
            await self.idle.wait()
        await self.engine.close()


class LaunchedEngine:
    """One such server (an :class:`~ocrgate.ports.Engine`).

    Args:
        launch: all of them.
        index: which of them it is.
        engine: speaks to it; exchanged when the server was started anew.

    Attributes:
        there: whether the server is up and spoken to.
        settled: set once the server was up, or is known never to be.
        gone: why it is not and will not be there, None as long as it may.
        inflight: pages that it has.
    """

    def __init__(self, launch: Launch, index: int, engine: Engine) -> None:
        self._launch = launch
        self._index = index
        self._spoken = _Spoken(engine)
        self._ends: set[asyncio.Task[None]] = set()
        self._has_read = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.there = False
        self.settled = asyncio.Event()
        self.gone: str | None = None
        self.inflight = 0

    @property
    def description(self) -> EngineDescription:
        """What it is; slots and images as the running server was started for."""
        return self._spoken.engine.description

    @property
    def coming(self) -> Coming | None:
        """How far its start is; None while it is there, and once it was given up."""
        if self.there or self.gone is not None:
            return None
        return self._launch.coming(self._index)

    async def start(self) -> None:
        """Wait until the server has read a page.

        Raises:
            EngineUnavailable: it cannot be started.
        """
        await self._launch.until_up(self)

    async def recognize(
        self, image: PageImage, request: PageRequest, listener: Listener | None = None
    ) -> tuple[PageReading, Usage]:
        """Read one page, see :meth:`~ocrgate.ports.Engine.recognize`."""
        spoken = self._spoken
        spoken.begun()
        self.inflight += 1
        self._idle.clear()
        try:
            answer = await spoken.engine.recognize(image, request, listener)
            self._has_read = True
            return answer
        finally:
            spoken.ended()
            self.inflight -= 1
            if not self.inflight:
                self._idle.set()

    async def signals(self) -> Signals | None:
        """The server's load now; None if it shows none, or is not there.

        Raises:
            EngineUnavailable, EngineFailed: it did not answer in time.
        """
        engine = self._spoken.engine
        return await engine.signals() if isinstance(engine, Signalling) else None

    async def close(self) -> None:
        """End all servers: they share one life. Safe to call twice."""
        await self._launch.close()
        ends = [*self._ends]
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        await self._spoken.engine.close()

    async def reads(self) -> None:
        """Return if it has read a page since this was asked last, or reads a known one now.

        Raises:
            EngineError: it does not, and the server is to blame.
        """
        if self._has_read:
            self._has_read = False
            return
        engine = self._spoken.engine
        tasks = engine.description.tasks
        asked = PageRequest(task=min(tasks, key=list(Task).index), max_tokens=CANARY_TOKENS)
        try:
            await engine.recognize(canary(), asked)
        except EngineError as error:
            if is_replicas_fault(error):
                raise

    def take(self, engine: Engine) -> None:
        """Speak to the server that was started anew."""
        old, self._spoken = self._spoken, _Spoken(engine)
        self.gone, self.there = None, True
        self.settled.set()
        end = asyncio.create_task(old.close())
        self._ends.add(end)
        end.add_done_callback(self._ends.discard)

    async def drained(self) -> None:
        """Return when it has no page."""
        await self._idle.wait()

    def lose(self, why: str) -> None:
        """The server is not there and will not be."""
        self.gone = why
        self.settled.set()

"""The simulated engine in real time: it is asked whenever something is due, and tells who waits."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ocrgate.simulate.changes import Change, Kind
from ocrgate.simulate.model import Snapshot, VirtualEngine
from ocrgate.simulate.request import (
    Died,
    Event,
    Finished,
    FirstToken,
    Rejected,
    Request,
    RequestId,
    Started,
)
from ocrgate.simulate.server.exposition import Exposition

_SHORTEST_LOOK = 0.01  # real seconds between two looks at what the streams have written
_LOOK_PER_STREAM = 0.00015  # so that many streams do not spend the core on chunks of one token


@dataclass(slots=True, eq=False)
class Visit:
    """One request under way, as its connection sees it.

    Attributes:
        request: what was asked.
        interval: tokens that are worth waking up for; 0 when only the end is.
        tokens: written so far.
        end: how it ended; None while it goes on.
    """

    request: Request
    interval: int
    submitted: float
    tokens: int = 0
    told: int = 0
    end: Finished | Rejected | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def news(self) -> None:
        """Wait until there are more tokens, or the end."""
        await self.changed.wait()
        self.changed.clear()
        self.told = self.tokens


class Pace:
    """Runs a virtual engine by the event loop's clock, ``speed`` times as fast.

    Args:
        engine: to run; its time is 0 now.
        exposition: where what happens is counted.
        speed: virtual seconds of one real second.
        died: called when the engine dies.
        started: called when it serves again.
    """

    def __init__(
        self,
        engine: VirtualEngine,
        exposition: Exposition,
        speed: float,
        died: Callable[[], None],
        started: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._exposition = exposition
        self._speed = speed
        self._on_death = died
        self._on_start = started
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._visits: dict[RequestId, Visit] = {}
        self._streams: dict[RequestId, Visit] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._arm()

    @property
    def load(self) -> int:
        """Requests under way: prepared, waiting or running."""
        return len(self._visits)

    def snapshot(self) -> Snapshot:
        """The gauges now."""
        self._look()
        return self._engine.snapshot(self._now())

    def submit(self, request: Request, interval: int) -> Visit:
        """Bring a request; the visit tells what becomes of it."""
        now = self._now()
        visit = Visit(request, interval, now)
        self._visits[request.id] = visit
        if interval:
            self._streams[request.id] = visit
        self._engine.submit(now, request)
        self._look()
        return visit

    def abort(self, visit: Visit) -> None:
        """Nobody waits for it any more."""
        if visit.end is None:
            self._engine.abort(self._now(), visit.request.id)
            self._look()

    def abort_all(self) -> None:
        """End everything, as SIGTERM does."""
        for visit in list(self._visits.values()):
            self.abort(visit)

    def restart(self) -> None:
        """Serve again after the profile's start-up time."""
        self.change("restart")

    def change(self, kind: Kind, value: float = 0.0) -> None:
        """Do something to the engine now."""
        self._engine.change(Change(self._now(), kind, value))
        self._look()

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _now(self) -> float:
        return (self._loop.time() - self._start) * self._speed

    def _look(self) -> None:
        now = self._now()
        for event in self._engine.advance(now):
            self._take(event)
        for visit in self._streams.values():
            tokens = self._engine.tokens(now, visit.request.id)
            if tokens - visit.told >= visit.interval and tokens > visit.tokens:
                visit.tokens = tokens
                visit.changed.set()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._engine.next_event()
        when = None if due is None else self._start + due / self._speed
        if self._streams:
            pause = max(_SHORTEST_LOOK, _LOOK_PER_STREAM * len(self._streams))
            soon = self._loop.time() + pause
            when = soon if when is None else min(when, soon)
        if when is not None:
            self._timer = self._loop.call_at(when, self._look)

    def _take(self, event: Event) -> None:
        if isinstance(event, FirstToken):
            visit = self._visits[event.id]
            image = visit.request.image_tokens > 0
            waited = event.at - visit.submitted
            self._exposition.prefilled(visit.request.input_tokens, waited, image=image)
        elif isinstance(event, Finished | Rejected):
            self._finish(event)
        elif isinstance(event, Died):
            self._on_death()
        elif isinstance(event, Started):
            self._on_start()

    def _finish(self, event: Finished | Rejected) -> None:
        visit = self._visits.pop(event.id)
        self._streams.pop(event.id, None)
        visit.end = event
        if isinstance(event, Finished):
            visit.tokens = event.tokens
            self._exposition.finished(event, visit.request.input_tokens, visit.request.max_tokens)
        elif event.why == "busy":
            self._exposition.rejected()
        visit.changed.set()

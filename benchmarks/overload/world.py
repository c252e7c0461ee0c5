"""A plan carried out in virtual time: clients, a gate, a virtual engine.

The rows are those that the generator would write of the same plan over HTTP, so that both are
judged by the same rules.
"""

import heapq
import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from benchmarks.overload import pages
from benchmarks.overload.plan import Flow, Plan, Row
from benchmarks.overload.record import Result, summary
from benchmarks.overload.rivals import Asked, Denied, Gate, Verdict

from ocrgate.domain.ticket import Lane
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.request import Event, Finished, FirstToken, Reason, Rejected
from ocrgate.simulate.workload import Page

TICK = 0.25
REFUSED, GONE, SERVED, BROKEN = 429, 0, 200, 500


@dataclass(slots=True)
class _Client:
    """One page through all its tries."""

    flow: Flow
    page: Page
    at: float
    patience: float
    leaves: float
    source: random.Random
    begun: float = 0.0
    tries: int = 0
    refused: float | None = None


@dataclass(slots=True)
class Counts:
    """What the engine had counted, and how many pages it was given, at one instant."""

    written: int = 0
    preemptions: int = 0
    admitted: int = 0


@dataclass(slots=True)
class World:
    """One run.

    Args:
        plan: of the clients.
        gate: what stands before the engine.
        engine: with what will happen to it.
        warm: seconds after which the engine's own counts begin to count.
        keys: whether each flow is a caller of its own.
        guard: repeated tokens after which a text is cut, and given out as far as it goes; None:
            the engine writes until the text is as long as any may be.
    """

    plan: Plan
    gate: Gate
    engine: VirtualEngine
    warm: float
    keys: bool = False
    guard: int | None = None
    rows: list[Row] = field(default_factory=list)
    _asked: dict[int, tuple[Asked, _Client]] = field(default_factory=dict)
    _inside: set[int] = field(default_factory=set)
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0
    _now: float = 0.0
    _admitted: int = 0
    _open: int = 0

    def go(self) -> Result:
        """From nothing to the end of the plan, and until the last client has left."""
        self._arm()
        before = self._run(self.warm)
        after = self._run(self.plan.seconds)
        while self._open:
            self._step(math.inf)
        return self._result(before, after)

    def _run(self, until: float) -> Counts:
        while self._now < until:
            self._step(until)
        return self._counts()

    def _step(self, until: float) -> None:
        self._now = max(self._now, min(self._soonest(until), until))
        self._work()

    def _result(self, before: Counts, after: Counts) -> Result:
        result = summary(self.rows, self.warm, self.plan.seconds)
        result.seed = self.plan.seed
        result.written_tokens = after.written - before.written
        result.preemptions = after.preemptions - before.preemptions
        result.admitted = after.admitted - before.admitted
        return result

    def _counts(self) -> Counts:
        seen = self.engine.snapshot(self._now)
        return Counts(seen.generated, seen.preemptions, self._admitted)

    # Time

    def _arm(self) -> None:
        sources = [
            pages.virtual(flow.pages, self.engine.profile.lengths, self._source(f"{number} pages"))
            for number, flow in enumerate(self.plan.flows)
        ]
        self._follow(self.plan.sends(), sources)
        self._at(TICK, self._tick)

    def _follow(self, sends: Iterator[tuple[float, int]], sources: list[Iterator[Page]]) -> None:
        """Wait for the next page that is sent."""
        at, number = next(sends, (math.inf, 0))
        if at == math.inf:
            return

        def arrive() -> None:
            self._new(at, self.plan.flows[number], next(sources[number]))
            self._follow(sends, sources)

        self._at(at, arrive)

    def _tick(self) -> None:
        self._obey(self.gate.tick(self._now, self.engine))
        self._at(self._now + TICK, self._tick)

    def _source(self, name: str) -> random.Random:
        return random.Random(f"{self.plan.seed} {name}")

    def _at(self, when: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (when, self._count, action))

    def _soonest(self, until: float) -> float:
        times = [self._due[0][0]] if self._due else []
        times += [at for at in (self.engine.next_event(), self.gate.due()) if at is not None]
        return min(times, default=until)

    def _work(self) -> None:
        """All that is due by now."""
        self._hear(self.engine.advance(self._now))
        while self._due and self._due[0][0] <= self._now:
            heapq.heappop(self._due)[2]()
        due = self.gate.due()
        if due is not None and due <= self._now:
            self._obey(self.gate.tick(self._now, self.engine))

    # Clients

    def _new(self, at: float, flow: Flow, page: Page) -> None:
        source = self._source(f"client {self._count}")
        patience = self.plan.patience(flow)
        quits = flow.leaves > 0 and source.random() < 0.5
        leaves = source.uniform(0.0, flow.leaves) if quits else patience
        client = _Client(flow, page, at, patience, leaves, source)
        self._open += 1
        self._try(client)

    def _try(self, client: _Client) -> None:
        self._count += 1
        client.begun, client.tries = self._now, client.tries + 1
        until = self._now + client.patience
        lane = Lane(client.flow.lane) if client.flow.lane else Lane.STANDARD
        caller = client.flow.name if self.keys else "all"
        asked = Asked(self._count, client.page, self._now, until, caller, lane)
        self._asked[asked.number] = (asked, client)
        self._at(self._now + client.leaves, lambda: self._leave(asked.number))
        self._obey(self.gate.offer(self._now, asked))

    def _leave(self, number: int) -> None:
        if number not in self._asked:
            return
        if number in self._inside:
            self.engine.abort(self._now, number)
            self._hear(self.engine.advance(self._now))
            return
        asked, client = self._asked.pop(number)
        self._obey(self.gate.left(self._now, asked))
        self._end(client, GONE)

    def _end(self, client: _Client, status: int, tokens: int = 0, told: float = 0.0) -> None:
        """A try has ended; perhaps there is another."""
        if status == REFUSED and client.tries == 1:
            client.refused = self._now - client.begun
        quits = client.leaves < client.patience
        pause = None if quits else client.flow.pause(client.tries, status, told, client.source)
        if pause is not None:
            self._at(self._now + pause, lambda: self._try(client))
            return
        self._write(client, status, tokens, quit_early=quits and status == GONE)

    def _write(self, client: _Client, status: int, tokens: int, *, quit_early: bool) -> None:
        self._open -= 1
        took, last = self._now - client.at, self._now - client.begun
        row = Row(client.flow.name, client.at, 0.0, took, status, tokens, client.tries)
        row = replace(row, last=last, patience=client.patience)
        self.rows.append(replace(row, refused=client.refused, quit=quit_early))

    # Verdicts and events

    def _obey(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in list(verdicts):
            number = verdict.asked.number
            if isinstance(verdict, Denied):
                self._end(self._asked.pop(number)[1], REFUSED, told=verdict.after)
                continue
            self._inside.add(number)
            self._admitted += 1
            request = verdict.asked.page.request(number, pages.LONGEST)
            self.engine.submit(self._now, replace(request, loop_guard=self.guard))

    def _hear(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, FirstToken) and int(event.id) in self._asked:
                self.gate.begun(event.at, self._asked[int(event.id)][0])
            elif isinstance(event, Finished | Rejected):
                self._left_engine(event)

    def _left_engine(self, event: Finished | Rejected) -> None:
        asked, client = self._asked.pop(int(event.id))
        self._inside.discard(asked.number)
        tokens, status = None, GONE
        if isinstance(event, Rejected):
            self._admitted -= 1
            status = REFUSED
        elif event.reason in {Reason.STOP, Reason.LENGTH, Reason.REPETITION}:
            tokens, status = event.tokens, SERVED
        elif event.reason is Reason.ERROR:
            status = BROKEN
        self._obey(self.gate.ended(self._now, asked, tokens))
        self._end(client, status, tokens or 0)

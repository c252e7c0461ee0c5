"""Clients for a virtual engine: the load is put on it and what comes out is counted."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.request import Died, Event, Finished, Reason, Rejected
from ocrgate.simulate.workload import Page


@dataclass(slots=True)
class Outcome:
    """What one run gave, counted from the end of the warm-up.

    Attributes:
        seconds: that were counted.
        served: pages answered in time; ``late``, those whose client left; ``refused``, those the
            engine did not take; ``failed``, those lost with the engine.
        latencies: seconds of each page served, from when it was sent.
        preemptions: in the batch.
        wasted_tokens: written for pages that were not served.
        useful_tokens: written for pages that were.
        died_at: when the engine died; None when it lives.
        kv_usage: the highest seen when a page ended.
    """

    seconds: float
    served: int = 0
    late: int = 0
    refused: int = 0
    failed: int = 0
    latencies: list[float] = field(default_factory=list)
    preemptions: int = 0
    wasted_tokens: int = 0
    useful_tokens: int = 0
    died_at: float | None = None
    kv_usage: float = 0.0

    @property
    def rate(self) -> float:
        """Pages served a second."""
        return self.served / self.seconds


@dataclass(slots=True)
class _Run:
    engine: VirtualEngine
    warmup: float
    deadline: float
    max_tokens: int
    outcome: Outcome
    free: int = 0
    count: int = 0
    _sent: dict[int, float] = field(default_factory=dict)
    _deadlines: list[tuple[float, int]] = field(default_factory=list)
    _before: int = 0

    def send(self, now: float, page: Page) -> None:
        self.count += 1
        self._sent[self.count] = now
        heapq.heappush(self._deadlines, (now + self.deadline, self.count))
        self.engine.submit(now, page.request(self.count, self.max_tokens))

    def work(self, now: float, pages: Iterator[Page]) -> bool:
        """Give every free client its next page; whether anybody still waits for an answer."""
        while self.free and (page := next(pages, None)) is not None:
            self.free -= 1
            self.send(now, page)
        return bool(self._sent)

    def until(self, now: float) -> None:
        """Let the engine work and clients lose patience up to ``now``."""
        while self._deadlines and self._deadlines[0][0] <= now:
            at, number = heapq.heappop(self._deadlines)
            if number in self._sent:
                self._take(self.engine.advance(at))
            if number in self._sent:
                self.engine.abort(at, number)
                self._take(self.engine.advance(at))
        self._take(self.engine.advance(now))

    def next_event(self, until: float) -> float:
        """When to look again, not after ``until``."""
        while self._deadlines and self._deadlines[0][1] not in self._sent:
            heapq.heappop(self._deadlines)
        soonest = [until, *(at for at, _ in self._deadlines[:1])]
        due = self.engine.next_event()
        return min([*soonest, due] if due is not None else soonest)

    def start_counting(self, now: float) -> None:
        self._before = self.engine.snapshot(now).preemptions

    def stop_counting(self, now: float) -> None:
        self.outcome.preemptions = self.engine.snapshot(now).preemptions - self._before

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Died):
                self.outcome.died_at = event.at
            elif isinstance(event, Finished | Rejected):
                sent = self._sent.pop(int(event.id))
                self.free += 1
                if event.at >= self.warmup:
                    self._count(event, sent)

    def _count(self, event: Finished | Rejected, sent: float) -> None:
        outcome = self.outcome
        if isinstance(event, Rejected):
            outcome.refused += 1
            return
        usage = self.engine.snapshot(event.at).kv_usage
        outcome.kv_usage = max(outcome.kv_usage, usage)
        if event.reason in {Reason.STOP, Reason.LENGTH}:
            outcome.served += 1
            outcome.useful_tokens += event.tokens
            outcome.latencies.append(event.at - sent)
            return
        outcome.wasted_tokens += event.tokens
        if event.reason is Reason.ABORT:
            outcome.late += 1
        else:
            outcome.failed += 1


def closed_loop(
    engine: VirtualEngine,
    pages: Iterator[Page],
    clients: int,
    seconds: float = 120.0,
    *,
    warmup: float = 20.0,
    deadline: float = float("inf"),
    max_tokens: int = 2048,
) -> Outcome:
    """Clients that send their next page when they have an answer, as `hey` does.

    A client leaves a page after ``deadline`` seconds. The run ends after ``seconds``, of which
    ``warmup`` are not counted, or when the pages are at an end, or when the engine dies.
    """
    outcome = Outcome(seconds - warmup)
    run = _Run(engine, warmup, deadline, max_tokens, outcome, free=clients)
    now, counting = 0.0, False
    while now < seconds and outcome.died_at is None and run.work(now, pages):
        now = run.next_event(seconds)
        run.until(now)
        if not counting and now >= warmup:
            run.start_counting(now)
            counting = True
    run.stop_counting(now)
    outcome.seconds = min(now, seconds) - warmup
    return outcome


def open_loop(
    engine: VirtualEngine,
    pages: Iterator[Page],
    arrivals: Iterator[float],
    seconds: float = 120.0,
    *,
    warmup: float = 20.0,
    deadline: float = 10.0,
    max_tokens: int = 2048,
) -> Outcome:
    """Clients that come when they come, whatever the engine does, and leave after ``deadline``."""
    outcome = Outcome(seconds - warmup)
    run = _Run(engine, warmup, deadline, max_tokens, outcome)
    counting = False
    for at in arrivals:
        if at >= seconds or outcome.died_at is not None:
            break
        run.until(at)
        if not counting and at >= warmup:
            run.start_counting(at)
            counting = True
        run.send(at, next(pages))
    run.until(seconds)
    run.stop_counting(seconds)
    return outcome

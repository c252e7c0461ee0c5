"""A small model of a continuous-batching scheduler behind a gate, in virtual time.

Slots, a KV cache counted in tokens, whole-prompt reservation, chunked prefill, and preemption of
the newest sequence with recompute from the start. A step takes
``base + per_sequence * decoding + per_prefill_token * prefilled`` seconds and adds one token to
each decoding sequence. The engine does not stop for anything else, so a step costs the model O(1).
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Shape:
    """An engine and the pages that it is sent; seconds and tokens."""

    slots: int = 48
    kv: int = 40_000
    base: float = 0.008
    per_sequence: float = 0.0001
    per_prefill_token: float = 0.00001
    chunk: int = 4096
    input: tuple[int, int] = (700, 1300)
    median: float = 220.0
    sigma: float = 0.6
    runaways: float = 0.02
    longest: int = 2048


@dataclass(slots=True, eq=False)
class Page:
    """One page. ``born`` is the step at which its first output token would have been number 0."""

    number: int
    prompt: int
    output: int
    arrived: float
    deadline: float
    guess: float
    longest: int
    state: str = "queued"
    generated: int = 0
    born: int = 0
    left: int = 0
    version: int = 0
    started: bool = False


class Policy(Protocol):
    """What stands at the gate."""

    def limit(self, now: float) -> int:
        """Places."""

    def fits(self, now: float, page: Page) -> bool:
        """Whether the page may go to the engine now, a place being free."""

    def began(self, now: float, page: Page, inflight: int) -> None:
        """It was sent."""

    def ended(self, now: float, page: Page, inflight: int) -> None:
        """It left the engine: finished, or cancelled at its deadline."""

    def poll(self, now: float, engine: "Engine", work: float) -> None:
        """Four times a second; ``work`` was streamed since the last call."""


class Engine:
    """The scheduler. ``kv`` may be changed while it runs."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.kv = shape.kv
        self.slow = 1.0
        self.step_number = 0
        self.held = 0
        self.preemptions = 0
        self.work = 0.0
        self.waiting: deque[Page] = deque()
        self.prefilling: list[Page] = []
        self.decoding: dict[int, Page] = {}
        self._ends: list[tuple[int, int, int]] = []

    @property
    def running(self) -> int:
        """Sequences in the batch."""
        return len(self.prefilling) + len(self.decoding)

    def generated(self, page: Page) -> int:
        """Output tokens of a page until now."""
        if page.state == "decoding":
            return self.step_number - page.born
        return page.generated

    def submit(self, page: Page) -> None:
        """Take a page."""
        page.state = "waiting"
        self.waiting.append(page)

    def abort(self, page: Page) -> None:
        """Its client left."""
        if page.state == "waiting":
            self.waiting.remove(page)
        else:
            self._take_out(page)
        page.state = "gone"

    def step(self) -> tuple[float, list[Page]]:
        """Run one step: its seconds and the pages that it finished."""
        self._admit()
        fed = self._prefill()
        count = len(self.decoding)
        self.step_number += 1
        self.held += count
        self.work += count
        done = self._finish()
        self._preempt()
        shape = self.shape
        seconds = shape.base + shape.per_sequence * count + shape.per_prefill_token * fed
        return seconds * self.slow, done

    def _admit(self) -> None:
        while self.waiting and self.running < self.shape.slots:
            page = self.waiting[0]
            need = page.prompt + page.generated
            if self.held + need > self.kv:
                return
            self.waiting.popleft()
            self.held += need
            page.left = need
            page.state = "prefilling"
            self.prefilling.append(page)

    def _prefill(self) -> int:
        budget = fed = max(0, self.shape.chunk - len(self.decoding))
        while self.prefilling and budget > 0:
            page = self.prefilling[0]
            part = min(budget, page.left)
            page.left -= part
            budget -= part
            if page.left == 0:
                self.prefilling.pop(0)
                self._decode(page)
        return fed - budget

    def _decode(self, page: Page) -> None:
        page.state = "decoding"
        page.born = self.step_number - page.generated
        page.version += 1
        self.decoding[page.number] = page
        heapq.heappush(self._ends, (page.born + page.output, page.number, page.version))
        if not page.started:
            page.started = True
            self.work += page.prompt / 32

    def _finish(self) -> list[Page]:
        done = []
        while self._ends and self._ends[0][0] <= self.step_number:
            _, number, version = heapq.heappop(self._ends)
            page = self.decoding.get(number)
            if page is not None and page.version == version:
                self._take_out(page)
                page.state = "done"
                done.append(page)
        return done

    def _preempt(self) -> None:
        while self.held > self.kv and self.running > 1:
            newest = (
                self.prefilling[-1] if self.prefilling else next(reversed(self.decoding.values()))
            )
            self._take_out(newest)
            newest.state = "waiting"
            self.waiting.appendleft(newest)
            self.preemptions += 1

    def _take_out(self, page: Page) -> None:
        if page.state == "decoding":
            page.generated = self.step_number - page.born
            del self.decoding[page.number]
        else:
            self.prefilling.remove(page)
        self.held -= page.prompt + page.generated


@dataclass(slots=True)
class Outcome:
    """What a run gave: times and lengths of pages in time, counts, and the limits."""

    finished: list[tuple[float, int, int]] = field(default_factory=list)
    preempted: list[tuple[float, int]] = field(default_factory=list)
    limits: list[tuple[float, int]] = field(default_factory=list)
    worked: list[tuple[float, float]] = field(default_factory=list)
    admitted: int = 0

    def goodput(self, since: float, until: float) -> float:
        """Pages in time per second."""
        return sum(since <= when < until for when, _, _ in self.finished) / (until - since)

    def useful(self, since: float, until: float) -> float:
        """Output tokens of pages in time, and a 32nd of their input tokens, per second."""
        kept = [out + prompt / 32 for when, prompt, out in self.finished if since <= when < until]
        return sum(kept) / (until - since)

    def streamed(self, since: float, until: float) -> float:
        """Work streamed per second, whatever became of it; see :attr:`Engine.work`."""
        seen = [work for when, work in self.worked if since <= when < until]
        return (seen[-1] - seen[0]) / (until - since)

    def preemptions(self, since: float, until: float) -> int:
        """Preemptions between two instants."""
        at = [count for when, count in self.preempted if when < since]
        to = [count for when, count in self.preempted if when < until]
        return (to[-1] if to else 0) - (at[-1] if at else 0)

    def limit_at(self, when: float) -> int:
        """The limit at an instant."""
        return [limit for at, limit in self.limits if at <= when][-1]


class Run:
    """Pages arrive at ``rate`` per second (Poisson), wait a little, are sent, and leave at 10 s."""

    def __init__(self, shape: Shape, policy: Policy, rate: float, seed: int = 1) -> None:
        self.engine = Engine(shape)
        self.policy = policy
        self.rate = rate
        self.random = random.Random(seed)
        self.noise = 0.0
        self.deadline = 10.0
        self.patience = 2.0
        self.now = 0.0
        self.outcome = Outcome()
        self.events: list[tuple[float, Callable[[], None]]] = []
        self._queue: deque[Page] = deque()
        self._inflight: dict[int, Page] = {}
        self._leaving: deque[Page] = deque()
        self._count = 0
        self._next_arrival = self._gap()
        self._next_poll = 0.25
        self._work = 0.0

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Do something in mid-run."""
        self.events.append((when, what))
        self.events.sort(key=lambda event: event[0])

    def run(self, until: float) -> Outcome:
        """Go on until an instant."""
        while self.now < until:
            self._happen()
            if self.engine.running or self.engine.waiting:
                seconds, done = self.engine.step()
                self.now += seconds
                for page in done:
                    self._done(page)
            else:
                self.now = max(self.now, min(self._next_arrival, self._next_poll))
        return self.outcome

    def _gap(self) -> float:
        return self.now + self.random.expovariate(self.rate) if self.rate else 1e18

    def _happen(self) -> None:
        while self.events and self.events[0][0] <= self.now:
            self.events.pop(0)[1]()
        while self._next_arrival <= self.now:
            self._arrive(self._next_arrival)
        while self._leaving and self._leaving[0].deadline <= self.now:
            self._leave(self._leaving.popleft())
        if self._next_poll <= self.now:
            self._poll()
        self._dispatch()

    def _arrive(self, when: float) -> None:
        self._next_arrival = when + self.random.expovariate(self.rate)
        shape, chance = self.engine.shape, self.random
        output = int(chance.lognormvariate(0, shape.sigma) * shape.median) + 1
        if chance.random() < shape.runaways:
            output = shape.longest
        output = min(output, shape.longest)
        guess = output * chance.lognormvariate(0, self.noise) if self.noise else float(output)
        self._count += 1
        prompt = chance.randint(*shape.input)
        page = Page(self._count, prompt, output, when, when + self.deadline, guess, shape.longest)
        if len(self._queue) < max(4, self.policy.limit(self.now) // 2):
            self._queue.append(page)

    def _leave(self, page: Page) -> None:
        if self._inflight.pop(page.number, None) is not None:
            self.engine.abort(page)
            self.policy.ended(self.now, page, len(self._inflight))

    def _done(self, page: Page) -> None:
        del self._inflight[page.number]
        self.outcome.finished.append((self.now, page.prompt, page.output))
        self.policy.ended(self.now, page, len(self._inflight))

    def _poll(self) -> None:
        self._next_poll = max(self._next_poll + 0.25, self.now)
        work = self.engine.work
        self.policy.poll(self.now, self.engine, work - self._work)
        self._work = work
        self.outcome.worked.append((self.now, work))
        self.outcome.preempted.append((self.now, self.engine.preemptions))
        self.outcome.limits.append((self.now, self.policy.limit(self.now)))

    def _dispatch(self) -> None:
        while self._queue:
            page = self._queue[0]
            if self.now - page.arrived > self.patience:
                self._queue.popleft()
                continue
            if len(self._inflight) >= self.policy.limit(self.now):
                return
            if not self.policy.fits(self.now, page):
                return
            self._queue.popleft()
            self._inflight[page.number] = page
            self.outcome.admitted += 1
            self._leaving.append(page)
            self.engine.submit(page)
            self.policy.began(self.now, page, len(self._inflight))


class FixedPolicy:
    """A number by hand."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def limit(self, now: float) -> int:
        return self._limit

    def fits(self, now: float, page: Page) -> bool:
        return True

    def began(self, now: float, page: Page, inflight: int) -> None:
        pass

    def ended(self, now: float, page: Page, inflight: int) -> None:
        pass

    def poll(self, now: float, engine: Engine, work: float) -> None:
        pass

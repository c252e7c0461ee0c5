"""An open loop of callers in front of an admission core, in virtual time.

Each place serves one page at a time; how long it takes is log-normal. Arrivals are Poisson per
stream, with a rate that may change over time. Callers that are turned away may come back.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ocrgate.control.admission import Admission, AdmissionParams
from ocrgate.control.decision import Admitted, Decision, Expired, Outcome, Queued, Refused
from ocrgate.domain.ticket import Cost, Lane, Ticket

MEAN = 0.4  # seconds per page; with sigma 0.8 the longest of a few thousand take ten times as long
SIGMA = 0.8
PRIORITY = {"end": 0, "tick": 1, "arrive": 2}


@dataclass(frozen=True)
class Stream:
    """Pages of one caller, ``load(t)`` times the capacity of the places."""

    caller: str
    load: Callable[[float], float]
    peak: float
    lane: Lane = Lane.STANDARD


def steady(caller: str, load: float, lane: Lane = Lane.STANDARD) -> Stream:
    """The same load all the time."""
    return Stream(caller, lambda _: load, load, lane)


Comeback = Callable[[int, Refused, random.Random], float | None]
"""After how many seconds a caller comes back, by how often it was refused before; None: never."""


def never(_tries: int, _refused: Refused, _random: random.Random) -> float | None:
    """Whoever was refused stays away."""
    return None


def back_off(tries: int, _refused: Refused, rng: random.Random) -> float | None:
    """Three tries, 1 and 2 seconds apart with jitter, whatever the server says."""
    return 2.0**tries * rng.uniform(0.5, 1.5) if tries < 2 else None


def obedient(tries: int, refused: Refused, _random: random.Random) -> float | None:
    """As told, three times."""
    return refused.retry_after if tries < 3 else None


@dataclass
class Page:
    """One page and its way through the tries."""

    stream: Stream
    born: float
    tries: int = 0
    in_time: bool = False
    served: float = 0.0


@dataclass
class Run:
    """What came out of one simulation."""

    pages: list[Page] = field(default_factory=list)
    late: int = 0
    held: Counter[Lane] = field(default_factory=Counter)
    deepest: int = 0
    dead_dispatched: int = 0
    refusal_waits: list[float] = field(default_factory=list)
    retries: int = 0
    retries_admitted: int = 0

    def share_in_time(self, *, since: float = 0.0, until: float = 1e9, **of: object) -> float:
        """The part of the pages born in a span that were served in time; of a lane or caller."""
        span = [page for page in self.pages if since <= page.born < until]
        span = [p for p in span if all(getattr(p.stream, k) == v for k, v in of.items())]
        return sum(page.in_time for page in span) / len(span)


class Crowd:
    """A simulation.

    Args:
        streams: who sends what.
        seed: of arrivals and page lengths, each on its own.
        limit: places.
        deadline: seconds that each try has.
        comeback: whether those who were refused come back.
        params: of the core.
        priced: give every ticket the cost that it will have, and tell the tokens in the end.
    """

    def __init__(  # a simulation has many dimensions
        self,
        streams: list[Stream],
        seed: int,
        *,
        limit: int = 16,
        deadline: float = 10.0,
        comeback: Comeback = never,
        params: AdmissionParams | None = None,
        priced: bool = False,
    ) -> None:
        self.capacity = limit / MEAN
        self.deadline = deadline
        self.streams = streams
        self.comeback = comeback
        self.priced = priced
        self.arrivals = random.Random(seed)
        self.lengths = random.Random(seed + 1000)
        self.core = Admission(limit, params)
        self.run = Run()
        self.events: list[tuple[float, int, int, str, object]] = []
        self.pages: dict[int, tuple[Page, Ticket]] = {}
        self.started: dict[int, float] = {}
        self.count = 0
        self.timer = float("inf")

    def go(self, seconds: float) -> Run:
        """Simulate."""
        for stream in self.streams:
            self._next_arrival(stream, 0.0)
        while self.events and self.events[0][0] < seconds:
            now, _, _, kind, subject = heapq.heappop(self.events)
            getattr(self, f"_{kind}")(now, subject)
            self._set_timer()
        return self.run

    def _next_arrival(self, stream: Stream, now: float) -> None:
        """Thinning (Lewis and Shedler 1979)."""
        while True:
            now += self.arrivals.expovariate(stream.peak * self.capacity)
            if self.arrivals.random() * stream.peak <= stream.load(now):
                self._push(now, "arrive", stream)
                return
            if now > 1e4:
                return

    def _arrive(self, now: float, subject: Stream | Page) -> None:
        if isinstance(subject, Stream):
            self._next_arrival(subject, now)
            page = Page(subject, now)
            self.run.pages.append(page)
        else:
            page = subject
            page.tries += 1
            self.run.retries += 1
        self._offer(page, now)

    def _offer(self, page: Page, now: float) -> None:
        self.count += 1
        stream = page.stream
        ticket = Ticket(
            self.count, stream.lane, stream.caller, now, now + self.deadline, bytes=300_000
        )
        if self.priced:
            ticket = replace(ticket, cost=self._cost())
        self.pages[ticket.id] = (page, ticket)
        self._follow(self.core.offer(ticket, now), now)

    def _cost(self) -> Cost:
        tokens = max(1, round(200 * self.lengths.lognormvariate(-SIGMA * SIGMA / 2, SIGMA)))
        return Cost(800, tokens // 2, tokens, tokens * 2)

    def _end(self, now: float, number: int) -> None:
        page, ticket = self.pages.pop(number)
        self.run.held[ticket.lane] += int(1e6 * (now - self.started.pop(number)))
        page.in_time = now <= ticket.deadline
        page.served = now
        self.run.late += not page.in_time
        tokens = ticket.cost.median if ticket.cost else None
        self._follow(self.core.release(number, now, Outcome.OK, tokens), now)

    def _tick(self, now: float, _: object) -> None:
        self.timer = float("inf")
        self._follow(self.core.tick(now), now)

    def _follow(self, decisions: tuple[Decision, ...], now: float) -> None:
        for decision in decisions:
            if isinstance(decision, Admitted):
                self._start(decision.ticket, now)
            elif isinstance(decision, Refused):
                self._refused(decision, now)
            elif isinstance(decision, Expired):
                del self.pages[decision.ticket.id]
            else:
                assert isinstance(decision, Queued)
        depth = max(self.core.snapshot(now).backlog.values())
        self.run.deepest = max(self.run.deepest, depth)

    def _refused(self, refused: Refused, now: float) -> None:
        self.run.refusal_waits.append(refused.waited)
        page, _ = self.pages.pop(refused.ticket.id)
        after = self.comeback(page.tries, refused, self.arrivals)
        if after is not None:
            self._push(now + after, "arrive", page)

    def _start(self, ticket: Ticket, now: float) -> None:
        self.run.dead_dispatched += now >= ticket.deadline
        self.run.retries_admitted += self.pages[ticket.id][0].tries > 0
        self.started[ticket.id] = now
        if ticket.cost is not None:
            seconds = MEAN * ticket.cost.median / 200
        else:
            seconds = MEAN * self.lengths.lognormvariate(-SIGMA * SIGMA / 2, SIGMA)
        self._push(now + seconds, "end", ticket.id)

    def _set_timer(self) -> None:
        due = self.core.next_deadline()
        if due is not None and due < self.timer:
            self.timer = due
            self._push(due, "tick", None)

    def _push(self, when: float, kind: str, subject: object) -> None:
        self.count += 1
        heapq.heappush(self.events, (when, PRIORITY[kind], self.count, kind, subject))

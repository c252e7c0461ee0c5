"""Ten times the load, in virtual time: what the admission core makes of it."""

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from ocrgate.control.admission import Admission
from ocrgate.control.decision import Admitted, Decision, Expired, Queued, Refused
from ocrgate.domain.ticket import Lane, Ticket

LIMIT = 4
MEAN = 0.4  # seconds per page; log-normal with a tail (sigma 0.8: the longest take 4 s)
SIGMA = 0.8
CAPACITY = LIMIT / MEAN
DEADLINE = 5.0
SECONDS = 200.0


@dataclass
class Run:
    """What came out of one simulation."""

    offered: Counter[Lane] = field(default_factory=Counter)
    in_time: Counter[Lane] = field(default_factory=Counter)
    late: int = 0
    held: Counter[Lane] = field(default_factory=Counter)
    deepest: int = 0
    dead_dispatched: int = 0
    refusal_waits: list[float] = field(default_factory=list)

    @property
    def goodput(self) -> float:
        """Pages in time per second, as a part of the capacity."""
        return self.in_time.total() / SECONDS / CAPACITY


class Simulation:
    """Open loop, Poisson arrivals per lane, each place serving one page at a time."""

    def __init__(
        self, load: dict[Lane, float], seed: int, *, limit: int = LIMIT, deadline: float = DEADLINE
    ) -> None:
        self.capacity = limit / MEAN
        self.deadline = deadline
        self.random = random.Random(seed)
        self.load = load
        self.core = Admission(limit)
        self.run = Run()
        self.events: list[tuple[float, int, str, int]] = []
        self.tickets: dict[int, tuple[Ticket, float]] = {}
        self.count = 0
        self.timer = float("inf")

    def go(self) -> Run:
        """Simulate ``SECONDS``."""
        for lane in self.load:
            self._next_arrival(lane, 0.0)
        while self.events and self.events[0][0] < SECONDS:
            now, _, kind, number = heapq.heappop(self.events)
            getattr(self, f"_{kind}")(now, number)
            self._set_timer()
        return self.run

    def _arrive(self, now: float, rank: int) -> None:
        lane = list(Lane)[rank]
        self._next_arrival(lane, now)
        self.count += 1
        ticket = Ticket(self.count, lane, "a", now, now + self.deadline, bytes=300_000)
        self.run.offered[lane] += 1
        self._follow(self.core.offer(ticket, now), now)

    def _end(self, now: float, number: int) -> None:
        ticket, started = self.tickets.pop(number)
        self.run.held[ticket.lane] += int(1e6 * (now - started))
        if now <= ticket.deadline:
            self.run.in_time[ticket.lane] += 1
        else:
            self.run.late += 1
        self._follow(self.core.release(number, now), now)

    def _tick(self, now: float, _: int) -> None:
        self.timer = float("inf")
        self._follow(self.core.tick(now), now)

    def _follow(self, decisions: tuple[Decision, ...], now: float) -> None:
        for decision in decisions:
            if isinstance(decision, Admitted):
                self._start(decision.ticket, now)
            elif isinstance(decision, Refused):
                self.run.refusal_waits.append(decision.waited)
            else:
                assert isinstance(decision, Queued | Expired)
        depth = max(self.core.snapshot(now).backlog.values())
        self.run.deepest = max(self.run.deepest, depth)

    def _start(self, ticket: Ticket, now: float) -> None:
        self.run.dead_dispatched += now >= ticket.deadline
        self.tickets[ticket.id] = (ticket, now)
        mu = -SIGMA * SIGMA / 2
        self._push(now + MEAN * self.random.lognormvariate(mu, SIGMA), "end", ticket.id)

    def _next_arrival(self, lane: Lane, now: float) -> None:
        rate = self.load[lane] * self.capacity
        if rate > 0:
            self._push(now + self.random.expovariate(rate), "arrive", lane.rank)

    def _set_timer(self) -> None:
        due = self.core.next_deadline()
        if due is not None and due < self.timer:
            self.timer = due
            self._push(due, "tick", 0)

    def _push(self, when: float, kind: str, number: int) -> None:
        heapq.heappush(self.events, (when, len(self.events), kind, number))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ten_times_the_load_costs_no_goodput(seed: int) -> None:
    """At 10x, at least 95 % of the capacity is pages in time; nothing dead starts; refusals are
    told at once or after a fifth of the deadline at most.
    """
    run = Simulation({Lane.STANDARD: 10.0}, seed).go()
    assert run.goodput >= 0.95
    assert run.dead_dispatched == 0
    assert run.deepest <= 4
    assert max(run.refusal_waits) <= DEADLINE / 5 + 1e-6
    assert sorted(run.refusal_waits)[len(run.refusal_waits) // 2] == 0.0
    assert run.late <= 0.02 * run.in_time.total()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shares_hold_when_every_lane_is_overloaded(seed: int) -> None:
    """Places go 50 : 35 : 15 while all three lanes send several times the capacity."""
    run = Simulation(dict.fromkeys(Lane, 4.0), seed).go()
    parts = [run.held[lane] / run.held.total() for lane in Lane]
    assert parts == pytest.approx([0.5, 0.35, 0.15], abs=0.05)
    assert run.goodput >= 0.95


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_people_are_served_while_batch_floods(seed: int) -> None:
    """Interactive pages within their share are served in time, 99 of 100, at ten times the load."""
    load = {Lane.INTERACTIVE: 0.25, Lane.STANDARD: 1.0, Lane.BATCH: 9.0}
    run = Simulation(load, seed).go()
    served = run.in_time[Lane.INTERACTIVE] / run.offered[Lane.INTERACTIVE]
    assert served >= 0.99
    assert run.goodput >= 0.95


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_below_capacity_almost_nothing_is_refused(seed: int) -> None:
    """At 80 % of the capacity of 16 places, 98 of 100 pages are served within ten seconds."""
    run = Simulation({Lane.STANDARD: 0.8}, seed, limit=16, deadline=10.0).go()
    assert run.in_time.total() >= 0.98 * run.offered.total() - 16

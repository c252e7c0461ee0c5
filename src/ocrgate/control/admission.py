"""The admission core: one synchronous object that owns all state and decides.

Nobody is called back: every method takes ``now`` and returns what was decided, in order; a shell
carries it out.

The contract, one line per promise (each is an invariant of the property suite):

1. A place is given only while fewer than ``limit`` are taken.
2. Nothing waits while a place is free.
3. Each ticket ends once: admitted, refused, expired or withdrawn; none is lost.
4. Nothing is admitted after its deadline, nor when it could not be finished before it.
5. Inside a lane, first come, first served.
6. No lane has more entries waiting than its bound, whatever waits in the others.
7. No lane has more bytes waiting than its bound, except for later pages of accepted documents.
8. A ticket that continues a document is never refused.
9. No entry waits longer than its patience: a share of its time left, and never over ``wait_max``.
10. A withdrawn or released ticket holds nothing from that moment; doing it twice changes nothing.
11. Lanes that all wait get places in proportion to their shares; a lane alone gets every place.
12. After :meth:`Admission.drain` no new document enters, and what was accepted is finished.
13. ``Retry-After`` lies within its bounds.
14. Whom :meth:`Admission.would_refuse` turns away, :meth:`Admission.offer` would refuse at the
    same instant for the same reason; the question changes nothing.

Seams: the order inside a lane is ``lanes.LaneQueue.pop``; a ledger of tokens joins
``Admission._fits``; a limit law calls :meth:`Admission.set_limit`.
"""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from ocrgate.control.decision import (
    Admitted,
    Decision,
    Expired,
    Outcome,
    Queued,
    Reason,
    Refused,
    Snapshot,
)
from ocrgate.control.drain import DrainRate, ServiceTimes, retry_after
from ocrgate.control.lanes import LaneQueue, LaneShares, Turns, Waiting
from ocrgate.domain.ticket import Lane, Ticket

IDLE_QUANTILE = 0.1  # optimistic while nobody waits: a refusal would protect nobody
LOAD_QUANTILE = 0.5


@dataclass(frozen=True, slots=True)
class AdmissionParams:
    """How the gate queues and refuses.

    Attributes:
        shares: the lanes' guaranteed parts of the limit.
        backlog_share: entries that may wait in each lane, as a part of the limit.
        backlog_min: entries that may wait in each lane at least.
        backlog_bytes: bytes of documents that may wait in each lane.
        wait_share: the part of its time left that an entry may spend waiting.
        wait_max: seconds that an entry may wait at most.
        retry_min: least ``Retry-After``, seconds.
        retry_max: greatest ``Retry-After``, seconds.
        horizon: seconds after which measurements are forgotten.
    """

    shares: LaneShares = field(default_factory=LaneShares)
    backlog_share: float = 0.5
    backlog_min: int = 4
    backlog_bytes: int = 128 * 2**20
    wait_share: float = 0.2
    wait_max: float = 10.0
    retry_min: float = 1.0
    retry_max: float = 30.0
    horizon: float = 30.0

    def __post_init__(self) -> None:
        bounds = {
            "backlog_share": self.backlog_share >= 0,
            "backlog_min": self.backlog_min >= 0,
            "backlog_bytes": self.backlog_bytes >= 0,
            "wait_share": 0 < self.wait_share <= 1,
            "wait_max": self.wait_max > 0,
            "retry_min": 0 < self.retry_min <= self.retry_max,
            "horizon": self.horizon > 0,
        }
        if wrong := [name for name, holds in bounds.items() if not holds]:
            raise ValueError(f"out of range: {', '.join(wrong)}")


PATIENT = AdmissionParams(backlog_min=2**31, backlog_bytes=2**62, wait_share=1.0, wait_max=math.inf)
"""For a caller that is alone and rather waits than is refused, such as a command line."""


@dataclass(frozen=True, slots=True)
class _Running:
    ticket: Ticket
    started: float
    expected: float


class Admission:
    """Places, lanes, deadlines and a bounded backlog.

    Args:
        limit: pages that may have a place at the same time, at least 1.
        params: bounds and shares.
    """

    def __init__(self, limit: int, params: AdmissionParams | None = None) -> None:
        self._limit = _checked(limit)
        self._params = params or AdmissionParams()
        self._lanes = {lane: LaneQueue() for lane in Lane}
        self._running: dict[int, _Running] = {}
        self._turns = Turns(self._params.shares)
        self._service = ServiceTimes(self._params.horizon)
        self._drain = DrainRate(self._params.horizon)
        self._timers: list[tuple[float, int, Lane]] = []
        self._draining = False

    def __repr__(self) -> str:
        queues = "/".join(str(len(queue)) for queue in self._lanes.values())
        return f"<Admission {len(self._running)} of {self._limit} placed, {queues} waiting>"

    @property
    def idle(self) -> bool:
        """Whether nothing has a place and nothing waits."""
        return not self._running and not any(self._lanes.values())

    def offer(self, ticket: Ticket, now: float) -> tuple[Decision, ...]:
        """A page asks for a place. The last decision about ``ticket`` in the answer is its own."""
        due = self._due(now)
        verdict = self._judge(ticket, now)
        if verdict is not None:
            return (*due, verdict)
        self._push(ticket, now)
        decided = tuple(self._dispatch(now))
        waits = ticket.id in self._lanes[ticket.lane].waiting
        return (*due, *decided, *((Queued(ticket),) if waits else ()))

    def would_refuse(self, ticket: Ticket, now: float) -> Refused | None:
        """The refusal that :meth:`offer` would give to a document, before anything of it is read.

        Asked with one page, it holds for a document of any length: more pages only take longer.
        None also while a waiting ticket is due, since it is about to make room.
        """
        due = self.next_deadline()
        if ticket.continues or ticket.deadline <= now or (due is not None and due <= now):
            return None
        return self._refusal(ticket, now)

    def release(
        self, ticket_id: int, now: float, outcome: Outcome = Outcome.OK
    ) -> tuple[Decision, ...]:
        """A page gives its place back. Unknown tickets change nothing."""
        self._free(ticket_id, now, outcome)
        return self.tick(now)

    def cancel(self, ticket_id: int, now: float) -> tuple[Decision, ...]:
        """Whoever wanted the page has left: it holds no place and does not wait any more."""
        for queue in self._lanes.values():
            queue.remove(ticket_id)
        return self.release(ticket_id, now, Outcome.CANCELLED)

    def set_limit(self, limit: int, now: float) -> tuple[Decision, ...]:
        """Change the number of places. Pages above a lower limit keep theirs until they end."""
        self._elapse(now)
        self._limit = _checked(limit)
        return self.tick(now)

    def drain(self, now: float) -> tuple[Decision, ...]:
        """Take no new documents from now on; those accepted are finished."""
        self._draining = True
        return self.tick(now)

    def tick(self, now: float) -> tuple[Decision, ...]:
        """Time has passed. Call it at :meth:`next_deadline`."""
        return (*self._due(now), *self._dispatch(now))

    def next_deadline(self) -> float | None:
        """The instant at which the next waiting ticket is dropped; None if there is none."""
        while self._timers and not self._waits(self._timers[0]):
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def snapshot(self, now: float) -> Snapshot:
        """What is going on."""
        inflight = dict.fromkeys(Lane, 0)
        for running in self._running.values():
            inflight[running.ticket.lane] += 1
        return Snapshot(
            limit=self._limit,
            inflight=inflight,
            backlog={lane: len(queue) for lane, queue in self._lanes.items()},
            bytes=sum(queue.bytes for queue in self._lanes.values()),
            rate=self._rate(now),
            draining=self._draining,
        )

    # Entry: is it worth taking this one in?

    def _judge(self, ticket: Ticket, now: float) -> Refused | Expired | None:
        if ticket.deadline <= now:
            return Expired(ticket, 0.0)
        return None if ticket.continues else self._refusal(ticket, now)

    def _refusal(self, ticket: Ticket, now: float) -> Refused | None:
        reason = self._objection(ticket, now)
        return self._refuse(ticket, reason, now) if reason else None

    def _objection(self, ticket: Ticket, now: float) -> Reason | None:
        if self._draining:
            return "draining"
        wait = 0.0 if self._fits() else self._predicted_wait(ticket.lane, now)
        if not self._fits():
            queue = self._lanes[ticket.lane]
            if queue.entries >= self._backlog_limit():
                return "backlog"
            if queue.bytes + ticket.bytes > self._params.backlog_bytes:
                return "bytes"
            if wait > self._patience(ticket, now):
                return "wait"
        return None if self._feasible(ticket, now, wait) else "infeasible"

    def _refuse(self, ticket: Ticket, reason: Reason, now: float, waited: float = 0.0) -> Refused:
        ahead = len(self._lanes[ticket.lane]) + 1
        bounds = (self._params.retry_min, self._params.retry_max)
        rate = self._lane_rate(ticket.lane, now)
        return Refused(ticket, reason, retry_after(ahead, rate, ticket.id, bounds), waited)

    def _backlog_limit(self) -> int:
        return max(self._params.backlog_min, int(self._limit * self._params.backlog_share))

    def _patience(self, ticket: Ticket, now: float) -> float:
        return min(self._params.wait_max, self._params.wait_share * (ticket.deadline - now))

    # Estimates

    def _predicted_wait(self, lane: Lane, now: float) -> float:
        rate = self._lane_rate(lane, now)
        return (len(self._lanes[lane]) + 1) / rate if rate else 0.0

    def _lane_rate(self, lane: Lane, now: float) -> float | None:
        rate = self._rate(now)
        return rate and rate * self._params.shares.part(lane, self._waiting_lanes())

    def _rate(self, now: float) -> float | None:
        mean = self._service.mean(now)
        guess = self._limit / mean if mean else None
        return self._drain.rate(now, full=not self._fits(), guess=guess)

    def _feasible(self, ticket: Ticket, now: float, wait: float = 0.0) -> bool:
        """Whether the page, at entry its whole document, can be done by the deadline."""
        if now + wait >= ticket.deadline:
            return False
        quantile = LOAD_QUANTILE if any(self._lanes.values()) else IDLE_QUANTILE
        page = self._service.quantile(quantile, now) or 0.0
        rate = self._rate(now) if ticket.pages > 1 and not ticket.continues else None
        rest = (ticket.pages - 1) / rate if rate else 0.0
        return now + wait + page + rest <= ticket.deadline

    # Queue and places

    def _fits(self) -> bool:
        return len(self._running) < self._limit

    def _waiting_lanes(self) -> list[Lane]:
        return [lane for lane, queue in self._lanes.items() if queue]

    def _push(self, ticket: Ticket, now: float) -> None:
        queue = self._lanes[ticket.lane]
        if not queue:
            self._turns.join(ticket.lane, self._limit)
        patience = math.inf if ticket.continues else self._patience(ticket, now)
        until = min(ticket.deadline, now + patience)
        queue.push(Waiting(ticket, now, until))
        if until < math.inf:
            self._set_timer(until, ticket)

    def _set_timer(self, until: float, ticket: Ticket) -> None:
        heapq.heappush(self._timers, (until, ticket.id, ticket.lane))
        if len(self._timers) > 64 + 2 * sum(map(len, self._lanes.values())):
            self._timers = [timer for timer in self._timers if self._waits(timer)]
            heapq.heapify(self._timers)

    def _waits(self, timer: tuple[float, int, Lane]) -> bool:
        return timer[1] in self._lanes[timer[2]].waiting

    def _due(self, now: float) -> tuple[Decision, ...]:
        due = []
        while (when := self.next_deadline()) is not None and when <= now:
            _, ticket_id, lane = heapq.heappop(self._timers)
            item = self._lanes[lane].remove(ticket_id)
            assert item is not None
            due.append(self._drop(item, now))
        return tuple(due)

    def _drop(self, item: Waiting, now: float) -> Decision:
        if item.ticket.deadline <= now:
            return Expired(item.ticket, now - item.since)
        return self._refuse(item.ticket, "wait", now, now - item.since)

    def _dispatch(self, now: float) -> Iterator[Decision]:
        while self._fits() and (lane := self._turns.next(self._waiting_lanes())):
            item = self._lanes[lane].pop()
            if self._feasible(item.ticket, now):
                yield self._start(item, now)
            else:
                yield Expired(item.ticket, now - item.since)

    def _start(self, item: Waiting, now: float) -> Admitted:
        self._elapse(now)
        expected = self._service.mean(now) or 1.0
        self._turns.served(item.ticket.lane, expected)
        self._running[item.ticket.id] = _Running(item.ticket, now, expected)
        return Admitted(item.ticket, now - item.since)

    def _free(self, ticket_id: int, now: float, outcome: Outcome) -> None:
        if ticket_id not in self._running:
            return
        self._elapse(now)
        if not self._fits():
            self._drain.freed()
        running = self._running.pop(ticket_id)
        held = now - running.started
        self._turns.correct(running.ticket.lane, held - running.expected)
        if outcome is Outcome.OK:
            self._service.add(now, held)

    def _elapse(self, now: float) -> None:
        self._drain.elapse(now, full=not self._fits())


def _checked(limit: int) -> int:
    if limit < 1:
        raise ValueError("the limit is at least 1")
    return limit

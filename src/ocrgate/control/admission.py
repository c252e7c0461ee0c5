"""The admission core: one synchronous object that owns all state and decides.

Nobody is called back: every method takes ``now`` and returns what was decided, in order; a shell
carries it out.

The contract, one line per promise (each is an invariant of the property suite):

1. A place is given only while fewer than ``limit`` are taken.
2. Nothing waits while a place is free, unless the budget has no room for it or for one before it.
3. Each ticket ends once: admitted, refused, expired or withdrawn; none is lost.
4. Nothing is admitted after its deadline, nor when it could not be finished before it (in a smaller
   crowd than that of the pages whose times are known, times are smaller in proportion at most).
5. A caller's tickets go first come, first served, but for those that the budget has no room for.
   Later pages of documents keep their order.
6. No lane has more entries waiting than its bound, whatever waits in the others, and while entries
   are turned away no more than find a place soon; this lower bound is not for callers that got less
   service than those that are served. From a full lane an entry is turned away only for a caller
   that got less service, all counted that each has waiting.
7. No lane has more bytes waiting than its bound, except for later pages of accepted documents.
8. A ticket that continues a document is never refused.
9. No entry waits longer than its patience: a share of its time left, and never over ``wait_max``.
10. A withdrawn or released ticket holds nothing from that moment; doing it twice changes nothing.
11. Lanes that all wait get places in proportion to their shares; a lane alone gets every place.
    No lane starves, whatever the shares and whatever arrives.
12. After :meth:`Admission.drain` no new document enters, and what was accepted is finished.
13. ``Retry-After`` lies within its bounds.
14. Whom :meth:`Admission.would_refuse` turns away, :meth:`Admission.offer` would refuse at the
    same instant for the same reason; the question changes nothing.
15. Inside a lane, callers that all wait get equal service, however many pages each sends; what was
    refused costs a caller nothing.
16. The budget hears of every ticket that has a place exactly once when it begins and once when it
    ends; a ticket begins only if it fits or nothing else runs.
17. A ticket that did not fit when it was first in turn is passed by a bounded number of others in a
    bounded time, and after that by those only that the budget spares, since they do not make it
    wait longer; so that no page is too big to be read.
18. :meth:`Admission.retune` replaces all numbers at once; whoever has a place or waits is not
    touched, so that a lane may hold more than a new bound until those have left.
19. While the engine is away (:meth:`Admission.suspend`), nobody's patience ends: what waits does so
    until its deadline. That time is held against nobody: neither pages nor places look slow for it.

A limit law calls :meth:`Admission.set_limit`; a ledger is the ``budget``.
"""

import math
from collections.abc import Iterator

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
from ocrgate.control.drain import Returns
from ocrgate.control.headroom import Budget, Passing
from ocrgate.control.lanes import Turns
from ocrgate.control.pace import Pace
from ocrgate.control.params import PATIENT, AdmissionParams
from ocrgate.control.queueing import LaneQueue, Timers, Waiting
from ocrgate.control.running import Running
from ocrgate.domain.ticket import Lane, Ticket

__all__ = ["PATIENT", "Admission", "AdmissionParams"]


class Admission:
    """Places, lanes, callers, deadlines and a bounded backlog.

    Args:
        limit: pages that may have a place at the same time, at least 1.
        params: bounds and shares.
        budget: what pages take besides places; None: nothing.
    """

    def __init__(
        self, limit: int, params: AdmissionParams | None = None, budget: Budget | None = None
    ) -> None:
        self._limit = _checked(limit)
        self._params = params = params or AdmissionParams()
        self._budget = budget
        self._lanes = {lane: LaneQueue(params.demand) for lane in Lane}
        self._queues = tuple(self._lanes.values())
        self._running = Running()
        self._turns = Turns(params.shares)
        self._pace = Pace(params.horizon)
        self._returns = {lane: Returns((params.retry_min, params.retry_max)) for lane in Lane}
        self._passing = Passing(params.passing)
        self._timers = Timers(self._lanes)
        self._order = 0
        self._draining = False

    def __repr__(self) -> str:
        queues = "/".join(str(len(queue)) for queue in self._lanes.values())
        return f"<Admission {len(self._running)} of {self._limit} placed, {queues} waiting>"

    @property
    def idle(self) -> bool:
        """Whether nothing has a place and nothing waits."""
        return not self._running and not self._anybody_waits()

    def offer(self, ticket: Ticket, now: float) -> tuple[Decision, ...]:
        """A page asks for a place. The last decision about ``ticket`` in the answer is its own."""
        if due := self._due(now):  # one of them may have held up others for want of room
            due += tuple(self._dispatch(now))
        room = self._room_at_once(ticket, now)
        verdict = self._judge(ticket, now, room=room)
        if verdict is not None:
            if isinstance(verdict, Refused):
                self.note_refused(verdict, now)
            return (*due, verdict)
        if room:
            return (*due, self._start_at_once(ticket, now))
        decided = [*due, *self._make_room(ticket, now)]
        self._push(ticket, now)
        decided += self._dispatch(now)
        if ticket.id in self._lanes[ticket.lane].waiting:
            decided.append(Queued(ticket))
        return tuple(decided)

    def would_refuse(self, ticket: Ticket, now: float) -> Refused | None:
        """The refusal that :meth:`offer` would give to a document, before anything of it is read.

        Asked with one page, it holds for a document of any length: more pages only take longer.
        None also while a waiting ticket is due, since it is about to make room.
        """
        due = self.next_deadline()
        if ticket.continues or ticket.deadline <= now or (due is not None and due <= now):
            return None
        return self._refusal(ticket, now, room=self._room_at_once(ticket, now))

    def note_refused(self, refused: Refused, now: float) -> None:
        """Somebody was turned away by the answer of :meth:`would_refuse`, and may come back."""
        lane = refused.ticket.lane
        if refused.reason in {"backlog", "wait"}:
            self._lanes[lane].demand.turned_away(now)
        self._returns[lane].told(self._ahead(refused.ticket, now), self._lane_rate(lane, now), now)

    def release(
        self,
        ticket_id: int,
        now: float,
        outcome: Outcome = Outcome.OK,
        output_tokens: int | None = None,
    ) -> tuple[Decision, ...]:
        """A page gives its place back. Unknown tickets change nothing.

        Args:
            ticket_id: of the page.
            now: the instant.
            outcome: how it ended.
            output_tokens: what it has written; None: not known.
        """
        self._free(ticket_id, now, outcome, output_tokens)
        return self.tick(now)

    def cancel(self, ticket_id: int, now: float) -> tuple[Decision, ...]:
        """Whoever wanted the page has left: it holds no place and does not wait any more."""
        for queue in self._lanes.values():
            if queue.remove(ticket_id):
                self._passing.gone(ticket_id)
        return self.release(ticket_id, now, Outcome.CANCELLED)

    def set_limit(self, limit: int, now: float) -> tuple[Decision, ...]:
        """Change the number of places. Pages above a lower limit keep theirs until they end."""
        self._elapse(now)
        self._limit = _checked(limit)
        return self.tick(now)

    def retune(self, params: AdmissionParams, now: float) -> tuple[Decision, ...]:
        """Go by other numbers from now on, all at once.

        What has a place keeps it and what waits goes on waiting, for as long as it was let wait
        when it came, also above a lower bound. What was measured is kept.
        """
        self._elapse(now)
        self._params = params
        for queue in self._queues:
            queue.demand.retune(params.demand)
        for returns in self._returns.values():
            returns.retune((params.retry_min, params.retry_max), now)
        self._turns.retune(params.shares)
        self._pace.retune(params.horizon, now)
        self._passing.retune(params.passing)
        return self.tick(now)

    def drain(self, now: float) -> tuple[Decision, ...]:
        """Take no new documents from now on; those accepted are finished."""
        self._draining = True
        return self.tick(now)

    def suspend(self, now: float, *, away: bool) -> None:
        """The engine is away, or is there again: until then who was let in may wait longer than for
        the pages of others, since no other place to wait is better.
        """
        self._elapse(now)
        self._running.turn(now, away=away)

    def tick(self, now: float) -> tuple[Decision, ...]:
        """Time has passed. Call it at :meth:`next_deadline`, and when the budget has more room."""
        return (*self._due(now), *self._dispatch(now))

    def next_deadline(self) -> float | None:
        """The instant at which the next waiting ticket is dropped; None if there is none."""
        item = self._timers.next()
        return item.until if item else None

    def snapshot(self, now: float) -> Snapshot:
        """What is going on."""
        running = self._running.lanes()
        return Snapshot(
            limit=self._limit,
            inflight={lane: running[lane] for lane in Lane},
            backlog={lane: len(queue) for lane, queue in self._lanes.items()},
            bytes=sum(queue.bytes for queue in self._lanes.values()),
            rate=self._rate(now),
            draining=self._draining,
        )

    # Entry: is it worth taking this one in?

    def _judge(self, ticket: Ticket, now: float, *, room: bool) -> Refused | Expired | None:
        if ticket.deadline <= now:
            return Expired(ticket, 0.0)
        if not ticket.continues:
            return self._refusal(ticket, now, room=room)
        return Expired(ticket, 0.0) if room and not self._feasible(ticket, now) else None

    def _refusal(self, ticket: Ticket, now: float, *, room: bool) -> Refused | None:
        reason = self._objection(ticket, now, room=room)
        return self._refuse(ticket, reason, now) if reason else None

    def _objection(self, ticket: Ticket, now: float, *, room: bool) -> Reason | None:
        if self._draining:
            return "draining"
        wait = 0.0
        if not room:
            queue = self._lanes[ticket.lane]
            leaving = None
            if self._crowded(ticket, now) and not (leaving := self._gives_way(ticket, now)):
                return "backlog"
            freed = leaving.ticket.bytes if leaving else 0
            if queue.bytes - freed + ticket.bytes > self._params.backlog_bytes:
                return "bytes"
            wait = self._predicted_wait(ticket, now)
            if wait > self._patience(ticket, now):
                return "wait"
        return None if self._feasible(ticket, now, wait) else "infeasible"

    def _crowded(self, ticket: Ticket, now: float) -> bool:
        """Whether ``ticket`` may wait only in place of another entry."""
        queue = self._lanes[ticket.lane]
        if queue.entries >= self._backlog_limit():
            return True
        if queue.entries + 1 <= queue.demand.depth(now):
            return False
        if not queue.entries and (self._fits() or self._contested(queue, now)):
            return False  # who needs much room, or a lane with a small share, has to stand in line
        return not queue.behind(ticket.caller, self._pace.place_seconds(now))

    def _contested(self, queue: LaneQueue, now: float) -> bool:
        """Whether too much comes to other lanes as well, so that places are given by turns."""
        return any(q is not queue and (q or q.demand.pressed(now)) for q in self._queues)

    def _refuse(self, ticket: Ticket, reason: Reason, now: float, waited: float = 0.0) -> Refused:
        rate, ahead = self._lane_rate(ticket.lane, now), self._ahead(ticket, now)
        after = self._returns[ticket.lane].after(ahead, rate, ticket.id, now)
        return Refused(ticket, reason, after, waited)

    def _turn_away(self, item: Waiting, reason: Reason, now: float) -> Refused:
        """One that waits has to go."""
        self._take(item)
        refused = self._refuse(item.ticket, reason, now, now - item.since)
        self.note_refused(refused, now)
        return refused

    def _make_room(self, ticket: Ticket, now: float) -> Iterator[Decision]:
        crowded = not ticket.continues and self._crowded(ticket, now)
        if crowded and (leaving := self._gives_way(ticket, now)):
            yield self._turn_away(leaving, "backlog", now)

    def _gives_way(self, ticket: Ticket, now: float) -> Waiting | None:
        """The entry that leaves a full backlog so that ``ticket`` can wait."""
        return self._lanes[ticket.lane].gives_way(ticket.caller, self._pace.place_seconds(now))

    def _backlog_limit(self) -> int:
        return max(self._params.backlog_min, int(self._limit * self._params.backlog_share))

    def _patience(self, ticket: Ticket, now: float) -> float:
        return min(self._params.wait_max, self._params.wait_share * (ticket.deadline - now))

    # Estimates

    def _ahead(self, ticket: Ticket, now: float) -> int:
        return self._lanes[ticket.lane].ahead(ticket.caller, self._pace.place_seconds(now))

    def _predicted_wait(self, ticket: Ticket, now: float) -> float:
        """Seconds that hardly any such entry waits longer than, if places become free at random."""
        rate = self._rate(now)
        if not rate:
            return 0.0
        ahead, seconds = self._ahead(ticket, now), self._pace.place_seconds(now)
        places = self._turns.until(ticket.lane, ahead, self._waiting_lanes(), seconds)
        return (places + math.sqrt(ahead) - 1) / rate

    def _lane_rate(self, lane: Lane, now: float) -> float | None:
        rate = self._rate(now)
        return rate and rate * self._params.shares.part(lane, self._waiting_lanes())

    def _rate(self, now: float) -> float | None:
        full = self._full()
        places = min(self._limit, len(self._running)) if full else self._limit
        return self._pace.rate(now, places, full=self._works())

    def _feasible(self, ticket: Ticket, now: float, wait: float = 0.0) -> bool:
        """Whether the page, at entry its whole document, can be done by the deadline."""
        if now + wait >= ticket.deadline:
            return False
        loaded, beside = self._anybody_waits(), len(self._running) + 1
        page = self._pace.page_seconds(ticket, now, loaded=loaded, beside=beside)
        rate = self._rate(now) if ticket.pages > 1 and not ticket.continues else None
        rest = (ticket.pages - 1) / rate if rate else 0.0
        return now + wait + page + rest <= ticket.deadline

    # Queue and places

    def _fits(self) -> bool:
        return len(self._running) < self._limit

    def _full(self) -> bool:
        """Whether the gate gives all it can: every place, or all that there is room for."""
        return not self._fits() or self._anybody_waits()

    def _works(self) -> bool:
        """Whether places are given back as fast as can be: all are in use, by an engine."""
        return self._full() and not self._running.away

    def _has_room(self, ticket: Ticket, now: float) -> bool:
        return self._budget is None or not self._running or self._budget.fits(ticket, now)

    def _room_at_once(self, ticket: Ticket, now: float) -> bool:
        if not self._fits():
            return False
        return self._passes(ticket, now) if self._anybody_waits() else self._has_room(ticket, now)

    def _passes(self, ticket: Ticket, now: float) -> bool:
        """Whether those who wait have no room, and ``ticket`` has and may pass them."""
        if self._budget is None or ticket.cost is None or ticket.continues:
            return False
        held_up = self._held_up(now)
        if held_up is not None:
            return self._budget.spares(ticket, held_up.ticket, now)
        return self._budget.fits(ticket, now)

    def _anybody_waits(self) -> bool:
        first, second, third = self._queues
        return bool(first.waiting or second.waiting or third.waiting)

    def _waiting_lanes(self) -> list[Lane]:
        return [lane for lane, queue in self._lanes.items() if queue.waiting]

    def _push(self, ticket: Ticket, now: float) -> None:
        queue = self._lanes[ticket.lane]
        if not queue:
            self._turns.join(ticket.lane, self._limit)
        patience = math.inf if ticket.continues else self._patience(ticket, now)
        until = min(ticket.deadline, now + patience)
        self._order += 1
        item = Waiting(ticket, now, until, self._order, self._running.lost(now))
        queue.push(item, now)
        self._timers.set(item)

    def _take(self, item: Waiting) -> None:
        """It does not wait any more."""
        self._lanes[item.ticket.lane].remove(item.ticket.id)
        self._passing.gone(item.ticket.id)

    def _due(self, now: float) -> tuple[Decision, ...]:
        due: list[Decision] = []
        while (item := self._timers.next()) and item.until <= now:
            if self._running.away and item.ticket.deadline > now:
                self._timers.put_off(item.ticket.deadline)
            else:
                due.append(self._drop(item, now))
        return tuple(due)

    def _drop(self, item: Waiting, now: float) -> Decision:
        if item.ticket.deadline > now:
            return self._turn_away(item, "wait", now)
        self._take(item)
        return Expired(item.ticket, now - item.since)

    # Dispatch

    def _dispatch(self, now: float) -> Iterator[Decision]:
        while self._fits() and (item := self._next(now)):
            if self._feasible(item.ticket, now):
                yield self._start(item, now)
            else:
                self._take(item)
                yield Expired(item.ticket, now - item.since)

    def _next(self, now: float) -> Waiting | None:
        if self._budget is not None:
            return self._next_with_room(now)
        lane = self._turns.next(self._waiting_lanes())
        return self._lanes[lane].first() if lane else None

    def _next_with_room(self, now: float) -> Waiting | None:
        held_up = self._held_up(now)
        if held_up is not None:
            return held_up if self._can_go(held_up, now) else self._next_beside(held_up, now)
        first = True
        for item in self._candidates():
            if self._can_go(item, now):
                return item
            if first:
                self._passing.note(item.ticket.id, now)
            first = False
        return None

    def _next_beside(self, held_up: Waiting, now: float) -> Waiting | None:
        """One that does not make the ticket wait longer that nothing else may pass."""
        assert self._budget is not None
        for item in self._candidates():
            if item is not held_up and self._budget.spares(item.ticket, held_up.ticket, now):
                return item
        return None

    def _candidates(self) -> Iterator[Waiting]:
        for lane in self._turns.ordered(self._waiting_lanes()):
            yield from self._lanes[lane].candidates()

    def _can_go(self, item: Waiting, now: float) -> bool:
        """Whether it can be started, or need not wait any more since it is too late."""
        return self._has_room(item.ticket, now) or not self._feasible(item.ticket, now)

    def _held_up(self, now: float) -> Waiting | None:
        """The ticket that nothing may pass any more."""
        ticket_id = self._passing.next(now)
        if ticket_id is None:
            return None
        return next(q.waiting[ticket_id] for q in self._lanes.values() if ticket_id in q.waiting)

    def _start_at_once(self, ticket: Ticket, now: float) -> Admitted:
        if not self._lanes[ticket.lane]:
            self._turns.join(ticket.lane, self._limit)
        return self._begin(ticket, now, 0.0)

    def _start(self, item: Waiting, now: float) -> Admitted:
        away = self._running.lost(now) - item.lost
        admitted = self._begin(item.ticket, now, now - item.since, away)
        self._take(item)
        return admitted

    def _begin(self, ticket: Ticket, now: float, waited: float, away: float = 0.0) -> Admitted:
        self._elapse(now)
        expected = self._pace.place_seconds(now)
        median = ticket.cost.median if ticket.cost else 0
        charged = self._pace.charge(ticket, median, now) or expected
        self._turns.served(ticket.lane, expected)
        self._returns[ticket.lane].began(now)
        if not ticket.continues:
            self._lanes[ticket.lane].demand.let_in(now)
        self._lanes[ticket.lane].counters.charge(ticket.caller, charged, now, expected)
        self._running.begin(ticket, now, expected=expected, charged=charged)
        self._passing.started(ticket.id)
        if self._budget is not None:
            self._budget.begin(ticket, now)
        return Admitted(ticket, waited, away)

    def _free(
        self, ticket_id: int, now: float, outcome: Outcome, output_tokens: int | None
    ) -> None:
        if ticket_id not in self._running:
            return
        self._elapse(now)
        if self._works():
            self._pace.drain.freed()
        page, took, crowd = self._running.end(ticket_id, now)
        if self._budget is not None:
            self._budget.end(ticket_id, now)
        ticket = page.ticket  # learn from it, and charge what it really took
        learn = self._pace.learn if outcome is Outcome.OK else self._pace.cut
        learn(ticket, now, took, output_tokens, crowd)
        self._turns.correct(ticket.lane, took - page.expected)
        if output_tokens is not None:
            took = self._pace.charge(ticket, output_tokens, now) or took
        self._lanes[ticket.lane].counters.settle(ticket.caller, took - page.charged)

    def _elapse(self, now: float) -> None:
        self._pace.drain.elapse(now, full=self._works())


def _checked(limit: int) -> int:
    if limit < 1:
        raise ValueError("the limit is at least 1")
    return limit

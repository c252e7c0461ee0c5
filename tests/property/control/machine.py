"""A model of the admission contract that watches a real :class:`Admission` do anything at all.

Each check carries the number of the promise in the docstring of ``ocrgate.control.admission``.
"""

import math
from collections import Counter
from dataclasses import dataclass, replace

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)
from tests.property.control.purse import Purse, size_of

from ocrgate.control.admission import Admission, AdmissionParams
from ocrgate.control.decision import Admitted, Decision, Expired, Outcome, Queued, Refused
from ocrgate.control.demand import DemandParams
from ocrgate.domain.ticket import Cost, Lane, Ticket

PARAMS = AdmissionParams(
    backlog_min=2,
    backlog_bytes=100,
    wait_share=0.5,
    wait_max=6.0,
    retry_max=20.0,
    horizon=30.0,
)
OTHER = (
    PARAMS,
    replace(PARAMS, backlog_min=1, backlog_share=0.0, backlog_bytes=50),
    replace(PARAMS, wait_share=0.1, wait_max=1.0, retry_min=2.0, retry_max=3.0),
    replace(PARAMS, backlog_min=4, wait_share=1.0, horizon=5.0, demand=DemandParams(0.5, 2.0, 1.0)),
)
"""Numbers to which the gate is set while it runs."""
COSTS = (None, None, Cost(3, 1, 2, 3), Cost(7, 1, 2, 3), Cost(12, 1, 2, 3))
EPSILON = 1e-6
INSTANTS = st.integers(1, 40).map(lambda n: n / 4)


@dataclass
class Known:
    """What the model knows of a ticket that has not ended."""

    ticket: Ticket
    since: float
    order: int
    patience: float
    running: bool = False
    queued: bool = False


class AdmissionMachine(RuleBasedStateMachine):
    """Offers, releases, cancels, waits; checks every promise after each step."""

    make: type[Admission] = Admission
    budget = False
    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.limit = 2
        self.purse = Purse() if self.budget else None
        self.params = PARAMS
        self.above: dict[Lane, int] = {}  # entries that wait above a bound that was lowered
        self.admission = self.make(self.limit, PARAMS, self.purse)
        self.pressed: set[Lane] = set()  # lanes of which something was turned away
        self.known: dict[int, Known] = {}
        self.count = 0
        self.draining = False
        self.served: list[tuple[float, float]] = []
        self.crowd = 1  # most pages that ever had a place at once
        self.sound = True

    # What can happen

    @rule(
        target=tickets,
        lane=st.sampled_from(Lane),
        time_left=st.one_of(INSTANTS, st.just(math.inf)),
        size=st.sampled_from((0, 30, 60)),
        pages=st.sampled_from((1, 1, 1, 5)),
        caller=st.sampled_from("aab"),
        cost=st.sampled_from(COSTS),
    )
    def offer(
        self, lane: Lane, time_left: float, size: int, pages: int, caller: str, cost: Cost | None
    ) -> int:
        """A document arrives."""
        end = self.now + time_left
        return self._offer(lane, end, size=size, pages=pages, caller=caller, cost=cost)

    @rule(
        lane=st.sampled_from(Lane),
        time_left=st.sampled_from((3.0, 10.0, 30.0, math.inf)),
        sizes=st.lists(st.sampled_from((0, 0, 40, 60)), min_size=3, max_size=6),
        continues=st.booleans(),
        callers=st.sampled_from(("a", "b", "ab", "aac")),
    )
    def burst(
        self, lane: Lane, time_left: float, sizes: list[int], callers: str, *, continues: bool
    ) -> None:
        """Several documents, or the next pages of one, arrive at once."""
        for number, size in enumerate(sizes):
            held = 0 if continues else size
            caller = callers[number % len(callers)]
            end = self.now + time_left
            self._offer(lane, end, size=held, continues=continues, caller=caller)

    @precondition(lambda self: self.admission.next_deadline() is not None)
    @rule(lane=st.sampled_from(Lane), size=st.sampled_from((0, 60)))
    def offer_before_the_tick(self, lane: Lane, size: int) -> None:
        """A document arrives at the very instant at which a waiting one is due."""
        due = self.admission.next_deadline()
        assert due is not None
        self.now = max(self.now, due)
        self._offer(lane, self.now + 10.0, size=size)

    @rule(target=tickets, lane=st.sampled_from(Lane), time_left=INSTANTS)
    def offer_continuation(self, lane: Lane, time_left: float) -> int:
        """A later page of an accepted document arrives."""
        return self._offer(lane, self.now + time_left, continues=True)

    @rule(ticket=consumes(tickets), outcome=st.sampled_from(Outcome))
    def release(self, ticket: int, outcome: Outcome) -> None:
        """A page that has a place ends; one that has none is released by mistake."""
        self._release(ticket, outcome)

    @rule(ticket=tickets)
    def release_twice(self, ticket: int) -> None:
        """A page is given back twice at once."""
        self._release(ticket, Outcome.OK)
        self._release(ticket, Outcome.OK)

    @rule(ticket=tickets)
    def cancel(self, ticket: int) -> None:
        """Whoever wanted the page leaves, at whatever point the page is."""
        self._cancel(ticket)

    @precondition(lambda self: self._waiting())
    @rule(place=st.integers(0, 20))
    def cancel_waiting(self, place: int) -> None:
        """Somebody leaves the queue."""
        waiting = self._waiting()
        self._cancel(waiting[place % len(waiting)].ticket.id)

    @precondition(lambda self: self._running())
    @rule(place=st.integers(0, 20), outcome=st.sampled_from(Outcome))
    def release_running(self, place: int, outcome: Outcome) -> None:
        """A page ends."""
        running = self._running()
        self._release(running[place % len(running)].ticket.id, outcome)

    def _cancel(self, ticket: int) -> None:
        known = self.known.pop(ticket, None)
        before = self.admission.snapshot(self.now)
        decisions = self.admission.cancel(ticket, self.now)
        self._follow(decisions)
        if known is None and not decisions:
            assert self.admission.snapshot(self.now) == before, "10: cancelling nothing changed it"

    @rule(seconds=st.sampled_from((0.25, 1.0, 3.0, 8.0)))
    def wait(self, seconds: float) -> None:
        """Time passes, with a tick at each deadline as the shell makes it."""
        self._wait(seconds)

    @rule(limit=st.integers(1, 4))
    def set_limit(self, limit: int) -> None:
        """The number of places changes."""
        self.limit = limit
        self._follow(self.admission.set_limit(limit, self.now))

    @rule(params=st.sampled_from(OTHER))
    def retune(self, params: AdmissionParams) -> None:
        """The numbers change."""
        self.served = [each for each in self.served if each[0] >= self.now - self.params.horizon]
        self.params = params
        for lane in Lane:
            self.above[lane] = sum(not k.ticket.continues for k in self._lane(lane))
        before = self.admission.snapshot(self.now)
        decisions = self.admission.retune(params, self.now)
        after = self.admission.snapshot(self.now)
        same = replace(after, rate=None) == replace(before, rate=None)
        assert decisions or same, "18: somebody was touched"
        self._follow(decisions)

    @precondition(lambda self: self.count > 20)
    @rule()
    def drain(self) -> None:
        """The server is about to go away."""
        self.draining = True
        self._follow(self.admission.drain(self.now))

    # What must hold after every step

    @invariant()
    def nothing_waits_beside_a_free_place(self) -> None:
        """Promise 2."""
        if self._waiting() and len(self._running()) < self.limit:
            assert self.purse is not None, "2: idle place"
            assert self._running(), "2: idle gate"
            fits = [self.purse.fits(known.ticket, self.now) for known in self._waiting()]
            assert not all(fits), "2: idle place and room"

    @invariant()
    def budget_agrees(self) -> None:
        """Promise 16: what runs is what the budget knows of."""
        if self.purse is not None:
            running = {known.ticket.id: size_of(known.ticket) for known in self._running()}
            assert self.purse.held == running, "16: budget"

    @invariant()
    def counts_agree(self) -> None:
        """Promises 3 and 10: what the core holds is what the model knows of, lane by lane."""
        snapshot = self.admission.snapshot(self.now)
        assert snapshot.inflight == self._per_lane(self._running()), "3, 10: places"
        assert snapshot.backlog == self._per_lane(self._waiting()), "3, 10: backlog"
        assert snapshot.bytes == sum(k.ticket.bytes for k in self._waiting()), "10: bytes"
        assert self.admission.idle == (not self.known), "3: idle"

    @invariant()
    def nobody_waits_too_long(self) -> None:
        """Promise 9, and the part of 4 about deadlines in the queue."""
        for known in self._waiting():
            assert self.now <= known.ticket.deadline + EPSILON, "4: dead in the queue"
            if not known.ticket.continues:
                assert self.now - known.since <= known.patience + EPSILON, "9: patience"

    @invariant()
    def next_deadline_is_told(self) -> None:
        """Promises 4 and 9 need somebody to call: the next deadline is known."""
        ends = [known.ticket.deadline for known in self._waiting()]
        due = self.admission.next_deadline()
        assert due is not None or not [end for end in ends if end < math.inf], "4: no timer"

    def teardown(self) -> None:
        """Promise 3: in the end every ticket has ended."""
        if not self.sound:
            return  # a step has failed and says why
        for known in list(self._running()):
            self._release(known.ticket.id, Outcome.FAILED)
        for _ in range(1000):
            if not self.known:
                break
            self._wait(0.5)
            for known in list(self._running()):
                self._release(known.ticket.id, Outcome.FAILED)
        assert not self.known, "3: lost"

    # Following what was decided

    def _offer(
        self,
        lane: Lane,
        deadline: float,
        *,
        size: int = 0,
        pages: int = 1,
        continues: bool = False,
        caller: str = "a",
        cost: Cost | None = None,
    ) -> int:
        self.count += 1
        ticket = Ticket(self.count, lane, caller, self.now, deadline, size, pages, continues, cost)
        self.known[ticket.id] = Known(ticket, self.now, self.count, self._patience(ticket))
        foreseen = self._foresee(ticket)
        decisions = self.admission.offer(ticket, self.now)
        assert any(d.ticket is ticket for d in decisions), "3: no word about the ticket"
        self._check_foreseen(foreseen, decisions, ticket)
        self._follow(decisions)
        return ticket.id

    def _foresee(self, ticket: Ticket) -> Refused | None:
        """Ask first, with one page, as whoever has not seen the document does."""
        before = self.admission.snapshot(self.now), self.admission.next_deadline()
        foreseen = self.admission.would_refuse(replace(ticket, pages=1), self.now)
        after = self.admission.snapshot(self.now), self.admission.next_deadline()
        assert before == after, "14: asking changed something"
        return foreseen

    def _check_foreseen(
        self, foreseen: Refused | None, decisions: tuple[Decision, ...], ticket: Ticket
    ) -> None:
        own = [decision for decision in decisions if decision.ticket is ticket][-1]
        refused = own if isinstance(own, Refused) else None
        if foreseen is not None:
            assert refused is not None, "14: turned away although there was room"
            told = refused.reason, refused.retry_after, refused.waited
            assert told == (foreseen.reason, foreseen.retry_after, foreseen.waited), "14: reasons"
        elif refused is not None:
            assert ticket.pages > 1 or len(decisions) > 1, "14: not foreseen"

    def _release(self, ticket: int, outcome: Outcome) -> None:
        known = self.known.get(ticket)
        if known is not None and not known.running:
            return  # the shell gives back only what it got
        self.known.pop(ticket, None)
        if known is not None and outcome is Outcome.OK:
            self.served.append((self.now, self.now - known.since))
        self._follow(self.admission.release(ticket, self.now, outcome))

    def _wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.admission.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self._follow(self.admission.tick(self.now))
            after = self.admission.next_deadline()
            assert after is None or after > due, "4, 9: past its time, it still waits"
        self.now = end

    def _follow(self, decisions: tuple[Decision, ...]) -> None:
        self.sound = False
        for decision in decisions:
            known = self.known.get(decision.ticket.id)
            assert known is not None, "3: decided about a ticket that has ended"
            assert not known.running, "3: decided about a ticket that has a place"
            self._check(decision, known)
        for lane in self.above:
            now = sum(not known.ticket.continues for known in self._lane(lane))
            self.above[lane] = min(self.above[lane], now)
        self.sound = True

    def _check(self, decision: Decision, known: Known) -> None:
        if isinstance(decision, Queued):
            self._check_queued(known)
            known.queued = True
            return
        if isinstance(decision, Admitted):
            self._check_admitted(known)
            known.running, known.since = True, self.now
            return
        if isinstance(decision, Refused):
            self._check_refused(decision, known)
        else:
            assert isinstance(decision, Expired)
        del self.known[decision.ticket.id]

    def _check_queued(self, known: Known) -> None:
        lane = self._lane(known.ticket.lane)
        assert not self.draining or known.ticket.continues, "12: entered while draining"
        if not known.ticket.continues:
            entries = sum(not k.ticket.continues for k in lane)
            most = max(self._backlog_limit(), self.above.get(known.ticket.lane, 0))
            assert entries <= most, "6: too many"
            assert sum(k.ticket.bytes for k in lane) <= self.params.backlog_bytes, "7: too large"

    def _check_admitted(self, known: Known) -> None:
        assert len(self._running()) < self.limit, "1: no such place"
        assert self.now < known.ticket.deadline, "4: dead"
        beside = len(self._running()) + 1
        self.crowd = max(self.crowd, beside)
        quickest = self._quickest() * beside / self.crowd
        assert self.now + quickest <= known.ticket.deadline + EPSILON, "4: hopeless"
        if self.purse is not None:
            room = self.purse.held.get(known.ticket.id)
            assert room is not None, "16: not begun"
        self._check_turn(known)
        new = not known.queued and not known.ticket.continues
        assert not (new and self.draining), "12: entered"

    def _check_turn(self, known: Known) -> None:
        lane = self._lane(known.ticket.lane)
        own = [k for k in lane if k.ticket.caller == known.ticket.caller]
        kind = [k for k in own if k.ticket.continues == known.ticket.continues]
        kind.sort(key=lambda k: k.order)
        if known.ticket.continues:
            assert known is kind[0], "5: pages of a document out of turn"
        if self.purse is not None:
            return  # some may pass others that have no room
        first = min(own, key=lambda k: k.order)
        assert first.ticket.continues == known.ticket.continues, "5: entry or page out of turn"
        assert known is kind[0], "5: out of turn"

    def _check_turned_out(self, known: Known, others: list[Known]) -> None:
        """Promise 6: of an entry that leaves a full backlog, or the newcomer that does not."""
        entries = [k for k in others if not k.ticket.continues]
        holds = Counter(k.ticket.caller for k in entries)
        if known.order == self.count and not known.queued:
            most, own = max(holds.values(), default=0), holds[known.ticket.caller]
            assert most <= own + 1 or not self._equal_service(), "6: refused below its part"
            return
        (new,) = [k for k in entries if k.order == self.count]
        assert new.ticket.caller != known.ticket.caller, "6: turned out for its own caller"
        later = [k for k in entries if k.ticket.caller == known.ticket.caller]
        assert all(k.order < known.order for k in later), "6: not the newest"
        if self._equal_service():
            own = holds[known.ticket.caller] + 1
            assert own > holds[new.ticket.caller], "6: turned out of its part"

    def _equal_service(self) -> bool:
        """Whether nobody has been served yet, so that only what waits counts."""
        return not any(known.running for known in self.known.values()) and not self.served

    def _check_refused(self, refused: Refused, known: Known) -> None:
        assert not known.ticket.continues, "8: refused halfway"
        least, most = self.params.retry_min, self.params.retry_max
        assert least <= refused.retry_after <= most, "13: Retry-After"
        others = [k for k in self._lane(known.ticket.lane) if k is not known]
        if refused.reason == "backlog":
            entries = sum(not k.ticket.continues for k in others)
            pressed = known.ticket.lane in self.pressed
            assert pressed or entries >= self._backlog_limit(), "6: refused although there was room"
            self._check_turned_out(known, others)
        elif refused.reason == "bytes":
            held = sum(k.ticket.bytes for k in others) + known.ticket.bytes
            assert held > self.params.backlog_bytes, "7: refused although it fits"
        elif refused.reason == "draining":
            assert self.draining, "12: not draining"
        if refused.reason in {"backlog", "wait"}:
            self.pressed.add(known.ticket.lane)
        if refused.reason in {"backlog", "bytes", "wait"} and known.since == self.now:
            busy = len(self._running()) >= self.limit or (self.purse and self._running())
            assert busy, "2: refused beside a free place"

    # The model's own arithmetic

    def _running(self) -> list[Known]:
        return [known for known in self.known.values() if known.running]

    def _waiting(self) -> list[Known]:
        return [known for known in self.known.values() if not known.running]

    def _lane(self, lane: Lane) -> list[Known]:
        return [known for known in self._waiting() if known.ticket.lane is lane]

    def _per_lane(self, known: list[Known]) -> dict[Lane, int]:
        return {lane: sum(k.ticket.lane is lane for k in known) for lane in Lane}

    def _backlog_limit(self) -> int:
        return max(self.params.backlog_min, int(self.limit * self.params.backlog_share))

    def _patience(self, ticket: Ticket) -> float:
        time_left = ticket.deadline - ticket.arrived
        return min(self.params.wait_max, self.params.wait_share * time_left)

    def _quickest(self) -> float:
        """No estimate of a page's time may be lower than the shortest that is remembered, of a page
        in the largest crowd; in a smaller one it may be so much lower.
        """
        since = self.now - self.params.horizon
        lately = [held for end, held in self.served[-64:] if end >= since]
        return min(lately, default=0.0)


class BudgetMachine(AdmissionMachine):
    """The same with a budget that has room for few pages at a time."""

    budget = True

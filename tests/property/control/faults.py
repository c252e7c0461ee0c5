"""Admission cores with one fault each. The suite is good for something if it catches them all."""

import math
from collections.abc import Iterable, Iterator
from typing import cast

from ocrgate.control.admission import Admission, AdmissionParams
from ocrgate.control.decision import Decision, Outcome, Refused
from ocrgate.control.drain import DrainRate, ServiceTimes
from ocrgate.control.lanes import LaneQueue, Turns, Waiting
from ocrgate.domain.ticket import Lane, Ticket


class KeepsPlaceOfCancelled(Admission):
    def cancel(self, ticket_id: int, now: float) -> tuple[Decision, ...]:
        for queue in self._lanes.values():
            queue.remove(ticket_id)
        return self.tick(now)


class KeepsCancelledInQueue(Admission):
    def cancel(self, ticket_id: int, now: float) -> tuple[Decision, ...]:
        return self.release(ticket_id, now, Outcome.CANCELLED)


class ForgetsBytesOfCancelled(Admission):
    def cancel(self, ticket_id: int, now: float) -> tuple[Decision, ...]:
        for queue in self._lanes.values():
            queue.waiting.pop(ticket_id, None)
        return self.release(ticket_id, now, Outcome.CANCELLED)


class KeepsPlaceOfFailed(Admission):
    def release(
        self, ticket_id: int, now: float, outcome: Outcome = Outcome.OK
    ) -> tuple[Decision, ...]:
        if outcome is Outcome.FAILED:
            return self.tick(now)
        return super().release(ticket_id, now, outcome)


class FreesSomebodyOnSecondRelease(Admission):
    def _free(self, ticket_id: int, now: float, outcome: Outcome) -> None:
        known = ticket_id in self._running
        super()._free(ticket_id if known else next(iter(self._running), -1), now, outcome)


class DoesNotDispatchOnRelease(Admission):
    def release(
        self, ticket_id: int, now: float, outcome: Outcome = Outcome.OK
    ) -> tuple[Decision, ...]:
        self._free(ticket_id, now, outcome)
        return self._due(now)


class DoesNotDispatchOnNewLimit(Admission):
    def set_limit(self, limit: int, now: float) -> tuple[Decision, ...]:
        self._limit = limit
        return self._due(now)


class OnePlaceTooMany(Admission):
    def _fits(self) -> bool:
        return len(self._running) <= self._limit


class OnePlaceTooFew(Admission):
    def _fits(self) -> bool:
        return len(self._running) < max(1, self._limit - 1)


class OneTooManyInBacklog(Admission):
    def _backlog_limit(self) -> int:
        return super()._backlog_limit() + 1


class OneTooFewInBacklog(Admission):
    def _backlog_limit(self) -> int:
        return super()._backlog_limit() - 1


class OneBacklogForAllLanes(Admission):
    def _backlog_limit(self) -> int:
        others = sum(queue.entries for queue in self._lanes.values())
        return super()._backlog_limit() - others // 2


class CountsContinuationsAsEntries(Admission):
    def _push(self, ticket: Ticket, now: float) -> None:
        super()._push(ticket, now)
        self._lanes[ticket.lane].entries += ticket.continues


class IgnoresBytes(Admission):
    def _objection(self, ticket: Ticket, now: float) -> object:  # type: ignore[override]
        reason = super()._objection(ticket, now)
        return None if reason == "bytes" else reason


class RefusesContinuations(Admission):
    def _judge(self, ticket: Ticket, now: float) -> object:  # type: ignore[override]
        reason = None if ticket.deadline <= now else self._objection(ticket, now)
        return self._refuse(ticket, reason, now) if reason else super()._judge(ticket, now)


class AdmitsHopeless(Admission):
    def _feasible(self, ticket: Ticket, now: float, wait: float = 0.0) -> bool:
        return True


class NeverExpires(Admission):
    def _due(self, now: float) -> tuple[Decision, ...]:
        return ()


class ForgetsTimers(Admission):
    def next_deadline(self) -> float | None:
        return None


class HasEndlessPatience(Admission):
    def _patience(self, ticket: Ticket, now: float) -> float:
        return math.inf


class LosesAQueued(Admission):
    def _dispatch(self, now: float) -> Iterator[Decision]:
        for queue in self._lanes.values():
            if len(queue) > 2:
                queue.pop()
        return super()._dispatch(now)


class _LastFirst(LaneQueue):
    def pop(self) -> Waiting:
        item = self.remove(next(reversed(self.waiting)))
        assert item is not None
        return item


class LastComeFirstServed(Admission):
    def __init__(self, limit: int, params: AdmissionParams | None = None) -> None:
        super().__init__(limit, params)
        self._lanes = {lane: _LastFirst() for lane in Lane}


class ForgetsToDrain(Admission):
    def drain(self, now: float) -> tuple[Decision, ...]:
        return self.tick(now)


class DropsBacklogOnDrain(Admission):
    def drain(self, now: float) -> tuple[Decision, ...]:
        self._lanes = {lane: LaneQueue() for lane in Lane}
        return super().drain(now)


class RetriesAtOnce(Admission):
    def _lane_rate(self, lane: Lane, now: float) -> float | None:
        rate = super()._lane_rate(lane, now)
        return rate and rate * 10


class _StrictTurns(Turns):
    def next(self, waiting: Iterable[Lane]) -> Lane | None:
        return min(waiting, key=lambda lane: lane.rank, default=None)


class _FreeTurns(Turns):
    def served(self, lane: Lane, seconds: float) -> None:
        pass


class _SavingTurns(Turns):
    def join(self, lane: Lane, limit: int) -> None:
        pass


class _GreedyTurns(Turns):
    """Whoever has borrowed keeps what it has."""

    _latest = Lane.INTERACTIVE

    def next(self, waiting: Iterable[Lane]) -> Lane | None:
        lanes = list(waiting)
        return self._latest if self._latest in lanes else super().next(lanes)

    def served(self, lane: Lane, seconds: float) -> None:
        self._latest = lane
        super().served(lane, seconds)


class _CountingTurns(Turns):
    """Counts pages instead of the time that they held their places."""

    def correct(self, lane: Lane, seconds: float) -> None:
        if seconds == 1.0:
            super().correct(lane, seconds)

    def served(self, lane: Lane, seconds: float) -> None:
        super().served(lane, 1.0)


class StarvesBatch(Admission):
    turns: type[Turns] = _StrictTurns

    def __init__(self, limit: int, params: AdmissionParams | None = None) -> None:
        super().__init__(limit, params)
        self._turns = self.turns(self._params.shares)


class ChargesNothing(StarvesBatch):
    turns = _FreeTurns


class KeepsOldSavings(StarvesBatch):
    turns = _SavingTurns


class BorrowsWithoutReturning(StarvesBatch):
    turns = _GreedyTurns


class CountsPagesNotTime(StarvesBatch):
    turns = _CountingTurns


class NeverForgets(Admission):
    def __init__(self, limit: int, params: AdmissionParams | None = None) -> None:
        super().__init__(limit, params)
        self._service = ServiceTimes(math.inf)


class _IdleCounts(DrainRate):
    def elapse(self, now: float, *, full: bool) -> None:
        super().elapse(now, full=full or self._seen > -math.inf)


class CountsIdleTimeAsDraining(Admission):
    def __init__(self, limit: int, params: AdmissionParams | None = None) -> None:
        super().__init__(limit, params)
        self._drain = cast("DrainRate", _IdleCounts(1e9))


class ForeseesFromTheQueueAlone(Admission):
    def would_refuse(self, ticket: Ticket, now: float) -> Refused | None:
        full = self._lanes[ticket.lane].entries >= self._backlog_limit()
        return self._refuse(ticket, "backlog", now) if full else super().would_refuse(ticket, now)


class ForeseesWhoWaitsInVain(Admission):
    """Does not see that a waiting ticket is about to make room."""

    def would_refuse(self, ticket: Ticket, now: float) -> Refused | None:
        return None if ticket.continues else self._refusal(ticket, now)


class ForeseesNothing(Admission):
    def would_refuse(self, ticket: Ticket, now: float) -> Refused | None:
        return None


class DrainsWhenAsked(Admission):
    def would_refuse(self, ticket: Ticket, now: float) -> Refused | None:
        self._draining = self._draining or len(self._running) > 2
        return super().would_refuse(ticket, now)


FAULTS: tuple[type[Admission], ...] = (
    KeepsPlaceOfCancelled,
    KeepsCancelledInQueue,
    ForgetsBytesOfCancelled,
    KeepsPlaceOfFailed,
    FreesSomebodyOnSecondRelease,
    DoesNotDispatchOnRelease,
    DoesNotDispatchOnNewLimit,
    OnePlaceTooMany,
    OnePlaceTooFew,
    OneTooManyInBacklog,
    OneTooFewInBacklog,
    OneBacklogForAllLanes,
    CountsContinuationsAsEntries,
    IgnoresBytes,
    RefusesContinuations,
    AdmitsHopeless,
    NeverExpires,
    ForgetsTimers,
    HasEndlessPatience,
    LosesAQueued,
    LastComeFirstServed,
    ForgetsToDrain,
    DropsBacklogOnDrain,
    RetriesAtOnce,
    StarvesBatch,
    ChargesNothing,
    KeepsOldSavings,
    BorrowsWithoutReturning,
    CountsPagesNotTime,
    NeverForgets,
    CountsIdleTimeAsDraining,
    ForeseesFromTheQueueAlone,
    ForeseesWhoWaitsInVain,
    ForeseesNothing,
    DrainsWhenAsked,
)

"""Admission cores with one fault each. The suite is good for something if it catches them all."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import cast

from ocrgate.control.admission import Admission, AdmissionParams
from ocrgate.control.decision import Decision, Outcome, Refused
from ocrgate.control.demand import Demand
from ocrgate.control.drain import DrainRate, PageSpeed, ServiceTimes
from ocrgate.control.fairness import Counters
from ocrgate.control.headroom import Budget, Passing
from ocrgate.control.lanes import Turns
from ocrgate.control.pace import Pace
from ocrgate.control.queueing import LaneQueue, Timers, Waiting
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
            item = queue.remove(ticket_id)
            queue.bytes += item.ticket.bytes if item else 0
        return self.release(ticket_id, now, Outcome.CANCELLED)


class KeepsPlaceOfFailed(Admission):
    def release(
        self,
        ticket_id: int,
        now: float,
        outcome: Outcome = Outcome.OK,
        output_tokens: int | None = None,
    ) -> tuple[Decision, ...]:
        if outcome is Outcome.FAILED:
            return self.tick(now)
        return super().release(ticket_id, now, outcome, output_tokens)


class FreesSomebodyOnSecondRelease(Admission):
    def _free(self, ticket_id: int, now: float, outcome: Outcome, tokens: int | None) -> None:
        known = ticket_id in self._running
        other = next(iter(self._running._pages), -1)
        super()._free(ticket_id if known else other, now, outcome, tokens)


class DoesNotDispatchOnRelease(Admission):
    def release(
        self,
        ticket_id: int,
        now: float,
        outcome: Outcome = Outcome.OK,
        output_tokens: int | None = None,
    ) -> tuple[Decision, ...]:
        self._free(ticket_id, now, outcome, output_tokens)
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
    def _objection(self, ticket: Ticket, now: float, *, room: bool) -> object:  # type: ignore[override]
        reason = super()._objection(ticket, now, room=room)
        return None if reason == "bytes" else reason


class RefusesContinuations(Admission):
    def _judge(self, ticket: Ticket, now: float, *, room: bool) -> object:  # type: ignore[override]
        alive = ticket.deadline > now
        reason = self._objection(ticket, now, room=room) if alive else None
        if reason:
            return self._refuse(ticket, reason, now)
        return super()._judge(ticket, now, room=room)


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
                queue.remove(queue.first().ticket.id)
        return super()._dispatch(now)


class _Rebuilt(Admission):
    """With another kind of queue, counters or the like."""

    queue: type[LaneQueue] = LaneQueue

    def __init__(
        self, limit: int, params: AdmissionParams | None = None, budget: Budget | None = None
    ) -> None:
        super().__init__(limit, params, budget)
        self._rebuild()

    def _rebuild(self) -> None:
        self._lanes = {lane: self.queue(self._params.demand) for lane in Lane}
        self._queues = tuple(self._lanes.values())
        self._timers = Timers(self._lanes)


class _LastFirst(LaneQueue):
    def first(self) -> Waiting:
        item = super().first()
        return next(
            i for i in reversed(self.waiting.values()) if i.ticket.caller == item.ticket.caller
        )


class LastComeFirstServed(_Rebuilt):
    queue = _LastFirst


class ForgetsToDrain(Admission):
    def drain(self, now: float) -> tuple[Decision, ...]:
        return self.tick(now)


class DropsBacklogOnDrain(Admission):
    def drain(self, now: float) -> tuple[Decision, ...]:
        for queue in self._lanes.values():
            for ticket_id in list(queue.waiting):
                queue.remove(ticket_id)
        return super().drain(now)


class RetriesAtOnce(Admission):
    def _lane_rate(self, lane: Lane, now: float) -> float | None:
        rate = super()._lane_rate(lane, now)
        return rate and rate * 10


class RetunesNothing(Admission):
    def retune(self, params: AdmissionParams, now: float) -> tuple[Decision, ...]:
        return self.tick(now)


class RetunesByBeginningAnew(Admission):
    def retune(self, params: AdmissionParams, now: float) -> tuple[Decision, ...]:
        self.__init__(self._limit, params, self._budget)  # type: ignore[misc]
        return self.tick(now)


class RetunesTheBacklogAtOnce(Admission):
    def retune(self, params: AdmissionParams, now: float) -> tuple[Decision, ...]:
        decided = list(super().retune(params, now))
        for queue in self._queues:
            entries = [each for each in queue.waiting.values() if not each.ticket.continues]
            over = max(0, len(entries) - self._backlog_limit())
            decided += [self._turn_away(entry, "backlog", now) for entry in entries[:over]]
        return tuple(decided)


class RetunesButForShares(Admission):
    def retune(self, params: AdmissionParams, now: float) -> tuple[Decision, ...]:
        turns, self._turns = self._turns, Turns(params.shares)
        decided = super().retune(params, now)
        self._turns = turns
        return decided


class RetunesButForReturns(Admission):
    def retune(self, params: AdmissionParams, now: float) -> tuple[Decision, ...]:
        returns, self._returns = self._returns, {}
        decided = super().retune(params, now)
        self._returns = returns
        return decided


class RetunesButForDemand(Admission):
    def retune(self, params: AdmissionParams, now: float) -> tuple[Decision, ...]:
        return super().retune(replace(params, demand=self._params.demand), now)


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


class StarvesBatch(_Rebuilt):
    turns: type[Turns] = _StrictTurns

    def _rebuild(self) -> None:
        self._turns = self.turns(self._params.shares)


class ChargesNothing(StarvesBatch):
    turns = _FreeTurns


class KeepsOldSavings(StarvesBatch):
    turns = _SavingTurns


class BorrowsWithoutReturning(StarvesBatch):
    turns = _GreedyTurns


class CountsPagesNotTime(StarvesBatch):
    turns = _CountingTurns


class NeverForgets(_Rebuilt):
    def _rebuild(self) -> None:
        self._pace.service = ServiceTimes(math.inf)


class _IdleCounts(DrainRate):
    def elapse(self, now: float, *, full: bool) -> None:
        super().elapse(now, full=full or self._seen > -math.inf)


class CountsIdleTimeAsDraining(_Rebuilt):
    def _rebuild(self) -> None:
        self._pace.drain = cast("DrainRate", _IdleCounts(1e9))


class ForeseesFromTheQueueAlone(Admission):
    def would_refuse(self, ticket: Ticket, now: float) -> Refused | None:
        full = self._lanes[ticket.lane].entries >= self._backlog_limit()
        return self._refuse(ticket, "backlog", now) if full else super().would_refuse(ticket, now)


class ForeseesWhoWaitsInVain(Admission):
    """Does not see that a waiting ticket is about to make room."""

    def would_refuse(self, ticket: Ticket, now: float) -> Refused | None:
        room = self._room_at_once(ticket, now)
        return None if ticket.continues else self._refusal(ticket, now, room=room)


class ForeseesNothing(Admission):
    def would_refuse(self, ticket: Ticket, now: float) -> Refused | None:
        return None


class DrainsWhenAsked(Admission):
    def would_refuse(self, ticket: Ticket, now: float) -> Refused | None:
        self._draining = self._draining or len(self._running) > 2
        return super().would_refuse(ticket, now)


class _Counters(_Rebuilt):
    """With other counters of service."""

    counters: type[Counters] = Counters

    def _rebuild(self) -> None:
        for queue in self._lanes.values():
            queue.counters = self.counters()


class _Uncounted(Counters):
    def charge(self, caller: str, seconds: float, now: float, usual: float = 0.0) -> None:
        super().charge(caller, 0.0, now, usual)

    def settle(self, caller: str, seconds: float) -> None:
        super().settle(caller, 0.0)


class _Unsettled(Counters):
    def settle(self, caller: str, seconds: float) -> None:
        super().settle(caller, 0.0)


class _PerPage(_Unsettled):
    def charge(self, caller: str, seconds: float, now: float, usual: float = 0.0) -> None:
        super().charge(caller, 1.0, now, usual)


class _Unlifted(Counters):
    def join(self, caller: str, now: float) -> None:
        self._level = 0.0
        super().join(caller, now)


class _Unaged(Counters):
    def join(self, caller: str, now: float) -> None:
        super().join(caller, 0.0)

    def charge(self, caller: str, seconds: float, now: float, usual: float = 0.0) -> None:
        super().charge(caller, seconds, 0.0, usual)


class ServesCallersInTurnOfArrival(_Counters):
    counters = _Uncounted


class NeverCorrectsTheCharge(_Counters):
    counters = _Unsettled


class CountsPagesOfCallers(_Counters):
    counters = _PerPage


class LetsCallersSaveUp(_Counters):
    counters = _Unlifted


class ServesStrangersFirst(_Counters):
    counters = _Unaged


class ChargesTheRefused(Admission):
    def note_refused(self, refused: Refused, now: float) -> None:
        counters = self._lanes[refused.ticket.lane].counters
        counters.charge(refused.ticket.caller, 1.0, now)
        counters.settle(refused.ticket.caller, 0.0)


class IgnoresTokens(Admission):
    def _free(self, ticket_id: int, now: float, outcome: Outcome, tokens: int | None) -> None:
        super()._free(ticket_id, now, outcome, None)


class _NeverGivesWay(LaneQueue):
    def gives_way(self, newcomer: str, seconds: float) -> Waiting | None:
        return None


class _AlwaysGivesWay(LaneQueue):
    def gives_way(self, newcomer: str, seconds: float) -> Waiting | None:
        newest = reversed(self.waiting.values())
        return next((each for each in newest if not each.ticket.continues), None)


class _WhoHoldsMostGivesWay(LaneQueue):
    def _end(self, caller: str, seconds: float) -> float:
        return self._holdings.of(caller) * seconds


class _OldestGivesWay(LaneQueue):
    def gives_way(self, newcomer: str, seconds: float) -> Waiting | None:
        item = super().gives_way(newcomer, seconds)
        return next(iter(self._flows[item.ticket.caller].entries.values())) if item else None


class LetsOneCallerFillTheBacklog(_Rebuilt):
    queue = _NeverGivesWay


class TurnsOutWhoIsWithinItsPart(_Rebuilt):
    queue = _AlwaysGivesWay


class IgnoresServiceInABacklog(_Rebuilt):
    queue = _WhoHoldsMostGivesWay


class TurnsOutTheOldest(_Rebuilt):
    queue = _OldestGivesWay


class _NoDemand(Demand):
    def depth(self, now: float) -> float:
        return math.inf


class _NoQueue(Demand):
    def depth(self, now: float) -> float:
        return 0.0 if self.share(now) > self.LEAST else math.inf


class _LastingDemand(Demand):
    def share(self, now: float) -> float:
        return self._share


class _HastyDemand(Demand):
    def turned_away(self, now: float) -> None:
        self._share, self._seen = self.MOST, now

    def let_in(self, now: float) -> None:
        pass


class _Demands(_Rebuilt):
    """With another idea of overload."""

    demand: type[Demand] = Demand

    def _rebuild(self) -> None:
        for queue in self._queues:
            queue.demand = self.demand(self._params.demand)


class LetsManyWaitUnderOverload(_Demands):
    demand = _NoDemand


class LetsNobodyWaitUnderOverload(_Demands):
    demand = _NoQueue


class NeverForgetsOverload(_Demands):
    demand = _LastingDemand


class TakesOneRefusalForOverload(_Demands):
    demand = _HastyDemand


class _NobodyIsBehind(LaneQueue):
    def behind(self, caller: str, seconds: float) -> bool:
        return False


class _EverybodyIsBehind(LaneQueue):
    def behind(self, caller: str, seconds: float) -> bool:
        return True


class RefusesWhoGotLittle(_Rebuilt):
    queue = _NobodyIsBehind


class LetsEverybodyWaitUnderOverload(_Rebuilt):
    queue = _EverybodyIsBehind


class _Forgetful(Counters):
    """Forgets whoever is away."""

    def leave(self, caller: str) -> None:
        super().leave(caller)
        for gone in list(self._away):
            del self._away[gone], self._served[gone]

    def settle(self, caller: str, seconds: float) -> None:
        super().settle(caller, seconds)
        for gone in list(self._away):
            del self._away[gone], self._served[gone]


class _Welcoming(Counters):
    def _start(self, caller: str) -> float:
        return super()._start(caller) - (0.0 if caller in self._served else self._credit)


class ForgetsWhoIsAway(_Counters):
    counters = _Forgetful


class GivesCreditToNewNames(_Counters):
    counters = _Welcoming


class _EntriesFirst(LaneQueue):
    def first(self) -> Waiting:
        item = super().first()
        flow = self._flows[item.ticket.caller]
        return next(iter(flow.entries.values())) if flow.entries else item


class StarvesDocuments(_Rebuilt):
    queue = _EntriesFirst


class LearnsNothingFromWhatWasCut(_Rebuilt):
    def _rebuild(self) -> None:
        self._pace = _Unlearning(self._params.horizon)


class _Unlearning(Pace):
    def cut(
        self, ticket: Ticket, now: float, held: float, output_tokens: int | None, crowd: float
    ) -> None:
        pass


class _Resentful(Pace):
    def cut(
        self, ticket: Ticket, now: float, held: float, output_tokens: int | None, crowd: float
    ) -> None:
        super().cut(ticket, now + 1e6, held, output_tokens, crowd)


class NeverTriesAgainWhatWasCut(_Rebuilt):
    def _rebuild(self) -> None:
        self._pace = _Resentful(self._params.horizon)


class IgnoresTheBudget(Admission):
    def _has_room(self, ticket: Ticket, now: float) -> bool:
        return True


class WaitsForRoomThatNobodyHolds(Admission):
    def _has_room(self, ticket: Ticket, now: float) -> bool:
        return self._budget is None or self._budget.fits(ticket, now)


class ForgetsTheBudgetOfTheCancelled(Admission):
    def _free(self, ticket_id: int, now: float, outcome: Outcome, tokens: int | None) -> None:
        budget, known = self._budget, ticket_id in self._running
        self._budget = None if known and outcome is Outcome.CANCELLED else budget
        super()._free(ticket_id, now, outcome, tokens)
        self._budget = budget


class LetsAllPass(Admission):
    def _held_up(self, now: float) -> Waiting | None:
        return None


class LetsNobodyPass(Admission):
    def _next_with_room(self, now: float) -> Waiting | None:
        item = next((self._lanes[lane].first() for lane in self._waiting_lanes()), None)
        return item if item and self._can_go(item, now) else None


class HoldsUpForTheHopeless(Admission):
    def _can_go(self, item: Waiting, now: float) -> bool:
        return self._has_room(item.ticket, now)


class CountsNoTimeOfPassing(_Rebuilt):
    def _rebuild(self) -> None:
        self._passing = Passing(replace(self._params.passing, seconds=math.inf))


class CountsNoPasses(_Rebuilt):
    def _rebuild(self) -> None:
        self._passing = Passing(replace(self._params.passing, passes=10**9))


class IgnoresCost(_Rebuilt):
    def _rebuild(self) -> None:
        self._pace.speed = PageSpeed(-1.0)


class IsPessimisticWhileIdle(_Rebuilt):
    def _rebuild(self) -> None:
        self._pace = _Pessimist(self._params.horizon)


class _Pessimist(Pace):
    def page_seconds(self, ticket: Ticket, now: float, *, loaded: bool, beside: int) -> float:
        return super().page_seconds(ticket, now, loaded=True, beside=beside)


class CallsAllBackAtOnce(Admission):
    def note_refused(self, refused: Refused, now: float) -> None:
        pass


class LosesPatienceWithoutEngine(Admission):
    def _due(self, now: float) -> tuple[Decision, ...]:
        away, self._running.away = self._running.away, False
        due = super()._due(now)
        self._running.away = away
        return due


class TakesAnAbsentEngineForASlowOne(Admission):
    def suspend(self, now: float, *, away: bool) -> None:
        self._running.away = away


FAULTS: tuple[type[Admission], ...] = (
    KeepsPlaceOfCancelled,
    LosesPatienceWithoutEngine,
    TakesAnAbsentEngineForASlowOne,
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
    RetunesNothing,
    RetunesByBeginningAnew,
    RetunesTheBacklogAtOnce,
    RetunesButForShares,
    RetunesButForReturns,
    RetunesButForDemand,
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
    ServesCallersInTurnOfArrival,
    NeverCorrectsTheCharge,
    CountsPagesOfCallers,
    LetsCallersSaveUp,
    ServesStrangersFirst,
    ChargesTheRefused,
    IgnoresTokens,
    LetsOneCallerFillTheBacklog,
    TurnsOutWhoIsWithinItsPart,
    TurnsOutTheOldest,
    IgnoresServiceInABacklog,
    LetsManyWaitUnderOverload,
    LetsNobodyWaitUnderOverload,
    NeverForgetsOverload,
    TakesOneRefusalForOverload,
    RefusesWhoGotLittle,
    LetsEverybodyWaitUnderOverload,
    ForgetsWhoIsAway,
    GivesCreditToNewNames,
    StarvesDocuments,
    LearnsNothingFromWhatWasCut,
    NeverTriesAgainWhatWasCut,
    IgnoresTheBudget,
    WaitsForRoomThatNobodyHolds,
    ForgetsTheBudgetOfTheCancelled,
    LetsAllPass,
    LetsNobodyPass,
    HoldsUpForTheHopeless,
    CountsNoTimeOfPassing,
    CountsNoPasses,
    IgnoresCost,
    IsPessimisticWhileIdle,
    CallsAllBackAtOnce,
)

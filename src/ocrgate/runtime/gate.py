"""The gate: carries out what :mod:`ocrgate.control.admission` decides."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ocrgate.control.admission import Admission, AdmissionParams
from ocrgate.control.decision import (
    Admitted,
    Decision,
    Expired,
    Outcome,
    Queued,
    Refused,
    Snapshot,
)
from ocrgate.domain.ticket import Lane, Ticket
from ocrgate.errors import DeadlineExceeded, Draining, OcrgateError, Overloaded
from ocrgate.ports import Clock, TimerHandle

_UNWATCHED = nullcontext()


@dataclass(frozen=True, slots=True)
class Released:
    """A page gave its place back after ``held`` seconds."""

    ticket: Ticket
    held: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Whoever wanted the page left while it waited, after ``waited`` seconds."""

    ticket: Ticket
    waited: float


GateEvent = Admitted | Refused | Expired | Released | Withdrawn
Verdict = Admitted | Refused | Expired


class Gate:
    """Where pages wait for a place.

    Args:
        admission: decides; owned by this gate from now on.
        clock: tells the time.
        observe: told about every event, at once and in the event loop; it must not raise.
    """

    def __init__(
        self,
        admission: Admission,
        clock: Clock,
        observe: Callable[[GateEvent], None] | None = None,
    ) -> None:
        self._admission = admission
        self._clock = clock
        self._observe = observe or (lambda _: None)
        self._waiters: dict[int, asyncio.Future[Verdict]] = {}
        self._timer: tuple[float, TimerHandle] | None = None
        self._empty = asyncio.Event()
        self._draining = False
        self._foreseen = 0  # below 0 are ids of tickets that never enter

    def __repr__(self) -> str:
        return f"<Gate {self._admission!r}>"

    @property
    def draining(self) -> bool:
        """Whether new documents are refused since the server is going away."""
        return self._draining

    def admit(self, ticket: Ticket, waiting: AbstractContextManager[None] = _UNWATCHED) -> "Permit":
        """``async with gate.admit(ticket) as permit:`` waits for a place and holds it.

        Cancelling the wait frees the place in the queue at once. ``waiting`` is open meanwhile.

        Raises:
            Overloaded: refused, with the reason and when to come back.
            DeadlineExceeded: it cannot be done in time any more (``where="queue"``).
            Draining: the server is going away.
        """
        return Permit(self, ticket, waiting)

    def foresee(self, lane: Lane, caller: str, timeout: float, size: int) -> None:
        """Refuse a document of ``size`` bytes before it is read, if :meth:`admit` would now.

        Nothing is promised by passing: :meth:`admit` decides when the document is there.

        Raises:
            Overloaded, Draining: as :meth:`admit` would; counted as such.
        """
        now = self._clock.now()
        self._foreseen -= 1
        ticket = Ticket(self._foreseen, lane, caller, now, now + timeout, size)
        refused = self._admission.would_refuse(ticket, now)
        if refused is not None:
            self._admission.note_refused(refused, now)
            self._observe(refused)
            raise _refusal(refused)

    def snapshot(self) -> Snapshot:
        """The gate now."""
        return self._admission.snapshot(self._clock.now())

    def set_limit(self, limit: int) -> None:
        """Change the number of places."""
        self._apply(self._admission.set_limit(limit, self._clock.now()))

    def retune(self, params: AdmissionParams) -> None:
        """Queue and refuse by other numbers from now on; nobody who is here is touched."""
        self._apply(self._admission.retune(params, self._clock.now()))

    def look(self) -> None:
        """Let in what has room by now: call it when the admission's budget may have more."""
        self._apply(self._admission.tick(self._clock.now()))

    def suspend(self, *, away: bool) -> None:
        """The engine is away, so that who waits does so until its deadline; or is there again."""
        self._admission.suspend(self._clock.now(), away=away)

    async def drain(self) -> None:
        """Refuse new documents, and return when all that was accepted has ended."""
        self._draining = True
        self._apply(self._admission.drain(self._clock.now()))
        self._note_if_empty()
        await self._empty.wait()

    async def enter(self, ticket: Ticket) -> Admitted:
        """Wait for a place. :meth:`admit` is the way to be sure that it is given back."""
        decisions = self._admission.offer(ticket, self._clock.now())
        verdict = _own(decisions, ticket)
        self._apply(decisions)
        return _carried_out(verdict or await self._wait(ticket))

    def leave(
        self, ticket: Ticket, held: float, outcome: Outcome, output_tokens: int | None = None
    ) -> None:
        """Give a place back, and tell how many tokens were written where that is known."""
        now = self._clock.now()
        self._apply(self._admission.release(ticket.id, now, outcome, output_tokens))
        self._observe(Released(ticket, held, outcome))
        self._note_if_empty()

    def now(self) -> float:
        """The instant by the gate's clock."""
        return self._clock.now()

    async def _wait(self, ticket: Ticket) -> Verdict:
        waiter: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiters[ticket.id] = waiter
        since = self._clock.now()
        try:
            return await waiter
        except asyncio.CancelledError:
            self._waiters.pop(ticket.id, None)
            if not waiter.done() or waiter.cancelled():
                self._withdraw(ticket, since)
            elif isinstance(waiter.result(), Admitted):  # and left before it knew
                self.leave(ticket, 0.0, Outcome.CANCELLED)
            raise

    def _withdraw(self, ticket: Ticket, since: float) -> None:
        now = self._clock.now()
        self._apply(self._admission.cancel(ticket.id, now))
        self._observe(Withdrawn(ticket, now - since))
        self._note_if_empty()

    def _apply(self, decisions: tuple[Decision, ...]) -> None:
        for decision in decisions:
            if not isinstance(decision, Queued):
                self._tell(decision)
        self._set_timer()

    def _tell(self, verdict: Verdict) -> None:
        waiter = self._waiters.pop(verdict.ticket.id, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(verdict)
        self._observe(verdict)

    def _set_timer(self) -> None:
        """One timer, for the earliest deadline. One that is too early is left: it does no harm."""
        due = self._admission.next_deadline()
        if due is None or (self._timer is not None and self._timer[0] <= due):
            return
        if self._timer is not None:
            self._timer[1].cancel()
        self._timer = (due, self._clock.call_at(due, self._tick))

    def _tick(self) -> None:
        self._timer = None
        self._apply(self._admission.tick(self._clock.now()))
        self._note_if_empty()

    def _note_if_empty(self) -> None:
        if self._draining and self._admission.idle:
            self._empty.set()


class Permit:
    """A place at the gate, given back when its context ends.

    How the page ended is told from how the context ends: normally, by cancellation, by an error.

    Attributes:
        waited: seconds in the queue.
        output_tokens: what the page has written so far; whoever reads it says so, and the gate
            charges its caller for it and learns from it. None: not known.
    """

    def __init__(
        self, gate: Gate, ticket: Ticket, waiting: AbstractContextManager[None] = _UNWATCHED
    ) -> None:
        self._gate = gate
        self._waiting = waiting
        self._ticket = ticket
        self._since = 0.0
        self.waited = 0.0
        self.output_tokens: int | None = None

    async def __aenter__(self) -> Self:
        with self._waiting:
            self.waited = (await self._gate.enter(self._ticket)).waited
        self._since = self._gate.now()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        outcome = Outcome.OK
        if kind is not None:
            gone = issubclass(kind, asyncio.CancelledError)
            outcome = Outcome.CANCELLED if gone else Outcome.FAILED
        held = self._gate.now() - self._since
        self._gate.leave(self._ticket, held, outcome, self.output_tokens)


def _own(decisions: tuple[Decision, ...], ticket: Ticket) -> Verdict | None:
    """What was decided about ``ticket``, None while it waits."""
    for decision in reversed(decisions):
        if decision.ticket is ticket:
            return None if isinstance(decision, Queued) else decision
    return None


def _carried_out(verdict: Verdict) -> Admitted:
    if isinstance(verdict, Admitted):
        return verdict
    raise (
        _refusal(verdict)
        if isinstance(verdict, Refused)
        else DeadlineExceeded("the page could not be read before its deadline", where="queue")
    )


_WHY = {
    "backlog": "as many pages wait as may",
    "bytes": "the documents that wait take as much memory as they may",
    "wait": "the wait would be too long",
    "infeasible": "the document cannot be read in the time given, at the present pace",
}


def _refusal(refused: Refused) -> OcrgateError:
    if refused.reason == "draining":
        return Draining(retry_after=refused.retry_after)
    why = f"{_WHY[refused.reason]}; nothing was done"
    return Overloaded(why, reason=refused.reason, retry_after=refused.retry_after)

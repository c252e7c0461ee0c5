"""Several servers behind one engine, and the one place where a page is tried again.

What is decided lies in :mod:`ocrgate.control.balance`, :mod:`ocrgate.control.breaker` and
:mod:`ocrgate.control.retry`; this and :mod:`ocrgate.runtime.fleet` carry it out.
"""

import asyncio
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace

from ocrgate.control.breaker import Verdict
from ocrgate.control.retry import Failure, Retry, RetryBudget
from ocrgate.domain.document import PageImage
from ocrgate.domain.recognition import PageRequest
from ocrgate.errors import EngineError, EngineUnavailable
from ocrgate.ports import Clock, Coming, Engine, EngineDescription, Listener
from ocrgate.runtime.clock import LoopClock
from ocrgate.runtime.fleet import Fleet
from ocrgate.runtime.patience import Patience
from ocrgate.runtime.replica import (
    Answer,
    Attempt,
    Page,
    ReplicaEvent,
    ReplicaParams,
    ReplicaState,
    Retried,
    Room,
    Wasted,
    Watch,
    is_replicas_fault,
    turns_away,
)


class Replicas:
    """Engines of the same kind as one (an :class:`~ocrgate.ports.Engine`).

    A page that fails by a replica's fault is tried once more, on another one if there is one, else
    where it failed, as soon as that lets pages through again: whoever gave the page ends the wait
    by cancelling. Whether a page waits for its first try as well, when no replica takes pages or
    the only one cannot be reached, is up to its :class:`~ocrgate.runtime.patience.Patience`.

    Args:
        engines: the replicas, at least one, owned from now on. Name and image of the first hold
            for all.
        clock: tells the time; without it, the event loop's.
        params: how they are used.
        observe: told about every event, at once and in the event loop; it must not raise.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        clock: Clock | None = None,
        params: ReplicaParams | None = None,
        observe: Callable[[ReplicaEvent], None] = lambda _: None,
    ) -> None:
        if not engines:
            raise ValueError("an engine has at least one replica")
        params = params or ReplicaParams()
        self._clock = clock or LoopClock()
        self._observe = observe
        self._fleet = Fleet(engines, self._clock, params, observe)
        most = max(engine.description.slots for engine in engines)
        self._budget = RetryBudget(params.retry, most)
        self._each = tuple(engine.description for engine in engines)
        self._merged = _merged(self._each)

    @property
    def description(self) -> EngineDescription:
        """What all of them can do, with the slots of all of them.

        Asked for several times a page, and put together anew only when one of them has changed.
        """
        each = tuple(one.engine.description for one in self._fleet.replicas)
        if len(each) != len(self._each) or any(map(operator.is_not, each, self._each)):
            self._each, self._merged = each, _merged(each)
        return self._merged

    @property
    def slots(self) -> int:
        """Pages that all of them work on at the same time."""
        return sum(one.engine.description.slots for one in self._fleet.replicas)

    @property
    def engines(self) -> tuple[Engine, ...]:
        """The replicas, in the order given."""
        return tuple(one.engine for one in self._fleet.replicas)

    def watch(self, watch: Watch) -> None:
        """Tell ``watch`` of every attempt from now on."""
        self._fleet.watch = watch

    def resize(self, index: int, slots: int) -> None:
        """Replica ``index`` may be given so many pages from now on."""
        self._fleet.resize(index, slots)
        self._budget.widen(slots)

    def require(self) -> None:
        """Do nothing if a page that comes now would be tried.

        While a server is started here, those who were accepted see whether it is there already.

        Raises:
            BreakerOpen, EngineUnavailable: it would not, and why.
        """
        if not self.available or self.coming is not None:
            raise self.why_none()

    @property
    def available(self) -> bool:
        """Whether a page given now would be tried."""
        return bool(self._fleet.able())

    @property
    def sound(self) -> bool:
        """Whether a replica takes pages, and not as a probe only."""
        return self._fleet.sound

    def why_none(self) -> EngineError:
        """Why no replica takes a page, and when one may."""
        return self._fleet.why_none()

    @property
    def coming(self) -> Coming | None:
        """How far the engine's start is, where none is there and its servers are started here."""
        return self._fleet.coming

    def snapshot(self) -> tuple[ReplicaState, ...]:
        """Every replica now."""
        return self._fleet.snapshot()

    async def start(self, patience: float | None = None) -> None:
        """Start all side by side and return as soon as one is up.

        The others go on starting; what cannot be started is tried again until it can, or until
        :meth:`close`.

        Args:
            patience: seconds after which it returns although none is up; and at once where each
                has failed, but may come by itself. Without it, one must be up.

        Raises:
            EngineUnavailable: the first attempt of each has failed. Nothing goes on.
        """
        await self._fleet.start(patience)

    async def until_able(self, patience: Patience) -> None:
        """Wait until a page given now would be tried.

        Raises:
            BreakerOpen, EngineUnavailable: nothing brings one back, or another engine reads it.
            Draining: the server goes away and none is there.
            DeadlineExceeded: a usual page could not be read any more.
        """
        await self._fleet.until_able(patience)

    async def recognize(
        self,
        image: PageImage,
        request: PageRequest,
        listener: Listener | None = None,
        *,
        patience: Patience = Patience(),  # noqa: B008 - it is frozen
        room: Room | None = None,
    ) -> Answer:
        """Read one page, see :meth:`~ocrgate.ports.Engine.recognize`.

        Args:
            image: the page.
            request: what to read for.
            listener: told about output as it comes. Once it was told some text of a ``live``
                request, there is no second attempt.
            patience: when the caller will cancel (no second attempt is begun that would not end
                before), and whether the page waits while there is no replica for it.
            room: which replicas have room for the page; without it, all have.

        Raises:
            BreakerOpen, EngineUnavailable: no replica takes pages now.
            Draining: the server goes away and none is there.
            DeadlineExceeded: none was there in time.
            EngineFailed, BadEngineOutput, RequestError.
        """
        page = Page(image, request, listener, room, patience.deadline)
        attempt = self._fleet.begin((), page)
        if attempt is None:
            if not patience.waits:
                raise self.why_none()
            attempt = await self._fleet.wait(page, patience)
            patience = replace(patience, waited=True)
        return await self._read(attempt, patience)

    async def _read(self, first: Attempt, patience: Patience) -> Answer:
        """Read a page that was begun; it waits on if it was not after all."""
        while True:
            try:
                return await self._carry_out(first)
            except EngineError as error:
                waits_on = _waits_on(error, first, patience)
                if not waits_on and not self._may_try_again(first, error, patience.deadline):
                    raise
            if not waits_on:
                return await self._second(first, patience)
            first = await self._fleet.wait(first.page, patience, first)

    async def probe(self, image: PageImage, request: PageRequest) -> Answer:
        """Read a page if any replica can: each is tried once at most, none is waited for.

        It takes nothing from the retry budget, so that asking costs the callers nothing.

        Raises:
            BreakerOpen, EngineUnavailable: no replica takes pages now.
            EngineError: those that do have failed.
        """
        tried: list[int] = []
        last: EngineError | None = None
        page = Page(image, request)
        while (attempt := self._fleet.begin(tried, page)) is not None:
            tried.append(attempt.replica.index)
            try:
                return await self._carry_out(attempt)
            except EngineError as error:
                last = error
        raise last or self.why_none()

    async def close(self) -> None:
        """Stop everything. Pages that wait for a replica fail. Safe to call twice."""
        await self._fleet.close()

    def replica_up(self, index: int) -> None:
        """Whoever watches replica ``index`` says that a new one is there and reads pages."""
        self._fleet.up(index)

    def replica_down(self, index: int, why: str = "its process has ended") -> None:
        """Whoever watches replica ``index`` says that it is no more."""
        self._fleet.down(index, why)

    def replica_given_up(self, index: int, why: str) -> None:
        """Whoever watches replica ``index`` says that it will never be there again."""
        self._fleet.give_up(index, why)

    async def until_given_up(self) -> EngineError:
        """Wait until nothing will bring back any replica: why."""
        return await self._fleet.until_given_up()

    def wake(self) -> None:
        """Have all that wait for a replica look whether they may go elsewhere."""
        self._fleet.wake()

    def leave(self) -> None:
        """The server goes away: pages wait no longer than some seconds for a replica."""
        self._fleet.leave()

    async def _carry_out(self, attempt: Attempt) -> Answer:
        verdict = Verdict.NEUTRAL
        try:
            engine, page = attempt.replica.engine, attempt.page
            answer = await engine.recognize(page.image, page.request, attempt.hear)
        except EngineError as error:
            verdict = self._blame(attempt, error)
            raise
        except asyncio.CancelledError:
            self._fleet.gave_up(attempt)
            raise
        else:
            verdict = Verdict.SUCCESS
            self._fleet.learn(attempt, answer)
            self._budget.succeeded(self._clock.now())
            return answer
        finally:
            self._fleet.end(attempt, verdict)
            if verdict is not Verdict.SUCCESS and attempt.tokens:
                self._observe(Wasted(attempt.tokens))

    def _blame(self, attempt: Attempt, error: EngineError) -> Verdict:
        """Two servers that break off over the same page, or one twice, are one failure at most.

        It may be the page: whoever sends such pages must not shut out everybody else.
        """
        if is_replicas_fault(error):
            begun = not isinstance(error, EngineUnavailable)
            if attempt.again and begun and not attempt.leave.probe:
                return Verdict.NEUTRAL
            self._fleet.note_fault(attempt.replica, error)
            return Verdict.FAILURE
        if turns_away(error):
            self._fleet.avoid(attempt, error.retry_after)
        return Verdict.NEUTRAL

    def _may_try_again(self, first: Attempt, error: EngineError, deadline: float) -> bool:
        """What broke off may be tried anywhere, what was not even begun elsewhere only."""
        now = self._clock.now()
        begun = is_replicas_fault(error) and not isinstance(error, EngineUnavailable)
        place = begun or self._fleet.able([first.replica.index])
        kind = is_replicas_fault(error) or turns_away(error)
        useful = error.retryable and kind and bool(place) and not first.told
        took = self._fleet.expected(now - first.started)
        failure = Failure(useful, attempt=1, took=took, left=deadline - now)
        made = self._budget.decide(failure, now)
        if made in {Retry.LATE, Retry.BUDGET}:
            self._observe(Retried(made.value))
        return made is Retry.AGAIN

    async def _second(self, first: Attempt, patience: Patience) -> Answer:
        outcome = "failed"
        try:
            answer = await self._when_possible(first, patience)
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        else:
            outcome = "ok"
            return answer
        finally:
            self._observe(Retried(outcome))

    async def _when_possible(self, first: Attempt, patience: Patience) -> Answer:
        """A server that cannot be reached has not begun: a page with a deadline goes on waiting.

        So pages in flight live through a restart of a minute, if their callers do. The breaker
        sets the pace of these tries.
        """
        while True:
            attempt = await self._fleet.wait(first.page, patience, first)
            attempt.again = True
            try:
                return await self._carry_out(attempt)
            except EngineUnavailable as error:
                if not _is_away(error) or patience.deadline == math.inf:
                    raise


def _is_away(error: EngineError) -> bool:
    """Whether the server could not be reached, so that nothing was begun."""
    return isinstance(error, EngineUnavailable) and is_replicas_fault(error)


def _waits_on(error: EngineError, attempt: Attempt, patience: Patience) -> bool:
    """Whether a page that was not begun waits, since it was accepted.

    Not one that has only just come and was sent to see whether the server is there again: it was
    not expected to be. And none without a deadline, as nothing else says how long.
    """
    accepted = patience.waits and (patience.waited or not attempt.leave.probe)
    bounded = accepted and patience.deadline < math.inf
    return bounded and _is_away(error) and not patience.elsewhere(error)


def _merged(each: Sequence[EngineDescription]) -> EngineDescription:
    return replace(
        each[0],
        tasks=frozenset.intersection(*(one.tasks for one in each)),
        slots=sum(one.slots for one in each),
        boxes=all(one.boxes for one in each),
        live=all(one.live for one in each),
        prompts=all(one.prompts for one in each),
    )

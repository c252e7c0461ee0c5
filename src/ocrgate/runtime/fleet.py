"""The replicas of an engine: which are there, which takes the next page, and when one will."""

import asyncio
import math
from collections.abc import Callable, Collection, Sequence
from typing import Literal

import structlog

from ocrgate.control.balance import Balance, work
from ocrgate.control.breaker import Breaker, BreakerState, Verdict
from ocrgate.errors import (
    BreakerOpen,
    DeadlineExceeded,
    Draining,
    EngineError,
    EngineUnavailable,
)
from ocrgate.ports import Awaited, Clock, Coming, Engine, TimerHandle
from ocrgate.runtime.clock import sleep, until
from ocrgate.runtime.patience import Patience
from ocrgate.runtime.replica import (
    Answer,
    Attempt,
    BreakerMoved,
    CameUp,
    Page,
    Replica,
    ReplicaEvent,
    ReplicaParams,
    ReplicaState,
    Unwatched,
    Watch,
    may_come,
)

_log = structlog.get_logger(__name__)


class Fleet:
    """Replicas from their start to their end.

    Args:
        engines: the replicas, at least one.
        clock: tells the time.
        params: how they are used.
        observe: told about every event.

    Attributes:
        watch: told of every attempt.
        closed: whether everything has been ended.
        given_up: set once each replica was given up by whoever watches it.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        clock: Clock,
        params: ReplicaParams,
        observe: Callable[[ReplicaEvent], None],
    ) -> None:
        self._params = params
        self._clock = clock
        self._observe = observe
        self.watch: Watch = Unwatched()
        self.replicas = [
            Replica(index, engine, Breaker(params.breaker)) for index, engine in enumerate(engines)
        ]
        slots = [engine.description.slots for engine in engines]
        self._balance = Balance(slots, params.balance)
        self._starting: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self._leaving: TimerHandle | None = None
        self._left = False
        self.closed = False
        self.given_up = asyncio.Event()

    # Coming and going

    async def start(self, patience: float | None = None) -> None:
        """Start all side by side and return as soon as one is up; the others go on.

        Args:
            patience: seconds after which it returns although none is up; and at once where each
                has failed, but may come by itself. Without it, one must be up.

        Raises:
            EngineUnavailable: the first attempt of each has failed. Nothing goes on.
        """
        for one in self.replicas:
            one.up, one.fault = False, None
        self._starting = [asyncio.create_task(self._keep_starting(one)) for one in self.replicas]
        late = math.inf if patience is None else self._clock.now() + patience
        try:
            async with until(self._clock, late):
                await self._first_up(waits=patience is not None)
        except TimeoutError:
            return
        except BaseException:
            await self._stop_starting()
            raise

    async def _first_up(self, *, waits: bool) -> None:
        while not any(one.up for one in self.replicas):
            faults = [one.fault for one in self.replicas if one.fault is not None]
            if len(faults) == len(self.replicas):
                lasting = [fault for fault in faults if not (waits and may_come(fault))]
                if not lasting:
                    return
                raise lasting[0]
            await self._news.wait()

    async def close(self) -> None:
        """End everything, and the waits of all pages."""
        self.closed = True
        if self._leaving is not None:
            self._leaving.cancel()
        self.wake()
        await self._stop_starting()
        await asyncio.gather(*(one.engine.close() for one in self.replicas))

    def up(self, index: int) -> None:
        """A new one is there and reads pages."""
        replica = self.replicas[index]
        if replica.up:
            self._came_up(replica)
        else:
            replica.nudge.set()

    def down(self, index: int, why: str) -> None:
        """It is no more."""
        replica, now = self.replicas[index], self._clock.now()
        replica.fault = EngineUnavailable(why)
        before = replica.breaker.state(now)
        replica.breaker.trip(now)
        self._note_move(replica, before)

    def give_up(self, index: int, why: str) -> None:
        """It is no more, and nothing brings it back."""
        self.down(index, why)
        self.replicas[index].gone = True
        if all(one.gone for one in self.replicas):
            self.given_up.set()
        self.wake()

    async def until_given_up(self) -> EngineError:
        """Wait until nothing will bring back any replica: why."""
        await self.given_up.wait()
        return EngineUnavailable(str(self.replicas[-1].fault))

    def leave(self) -> None:
        """The server goes away: pages wait no longer for a replica than a breaker stays open, in
        which time one that is there again is found.
        """
        if self._leaving is None and not self.closed:
            last = self._clock.now() + self._params.breaker.longest
            self._leaving = self._clock.call_at(last, self._leave)

    def _leave(self) -> None:
        self._left = True
        self.wake()

    async def _keep_starting(self, replica: Replica) -> None:
        pause = self._params.restart
        while True:
            try:
                await replica.engine.start()
            except Exception as error:  # noqa: BLE001 - one broken replica does not end the others
                log = _log.debug if str(error) == str(replica.fault) else _log.warning
                log("replica not started", replica=replica.index, reason=str(error))
                replica.fault = error
                self.wake()
            else:
                self._came_up(replica)
                return
            await self._nap(replica, pause)
            pause = min(self._params.restart_most, 2 * pause)

    async def _nap(self, replica: Replica, seconds: float) -> None:
        replica.nudge.clear()
        timer = self._clock.call_at(self._clock.now() + seconds, replica.nudge.set)
        try:
            await replica.nudge.wait()
        finally:
            timer.cancel()

    def _came_up(self, replica: Replica) -> None:
        now = self._clock.now()
        before = replica.breaker.state(now)
        replica.up, replica.fault, replica.gone = True, None, False
        replica.breaker.reset(now)
        self._balance.forget(replica.index, replica.engine.description.slots)
        self._note_move(replica, before)
        self.wake()
        self._observe(CameUp(replica.index))

    async def _stop_starting(self) -> None:
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)

    # Giving pages

    def able(self, without: Collection[int] = ()) -> list[int]:
        """The replicas that take a page now, those in ``without`` left out."""
        return self._able(without, self._clock.now())

    def _able(self, without: Collection[int], now: float) -> list[int]:
        found = [one.index for one in self.replicas if one.due(now) <= now]
        return [] if self.closed else [index for index in found if index not in without]

    def resize(self, index: int, slots: int) -> None:
        """A replica may be given so many pages from now on."""
        self._balance.resize(index, slots)

    def begin(self, without: Collection[int], page: Page) -> Attempt | None:
        """Choose a replica and take its leave; None when none takes a page now.

        Of several only those are considered that have room for the page.
        """
        now, room = self._clock.now(), page.room
        # By the same instant: a breaker may let pages through from between two looks at the clock.
        able: Collection[int] = self._able(without, now)
        index = self._balance.choose(able if room is None else room.fitting(able), now)
        if index is None:
            return None
        if room is not None:
            room.sent(index)
        replica = self.replicas[index]
        leave = replica.breaker.admit(now)
        assert leave is not None
        self._balance.begin(index, now)
        attempt = Attempt(replica, leave, now, page, self._is_alive, self.watch)
        self.watch.began(attempt)
        return attempt

    def end(self, attempt: Attempt, verdict: Verdict) -> None:
        """An attempt has ended."""
        self._balance.end(attempt.replica.index)
        self._record(attempt, verdict)
        attempt.watch.ended(attempt)

    def learn(self, attempt: Attempt, answer: Answer) -> None:
        """It read its page."""
        attempt.answer, usage = answer, answer[1]
        now = self._clock.now()
        done = work(usage.input_tokens, usage.output_tokens)
        self._balance.read(attempt.replica.index, now - attempt.started, done, now)

    def expected(self, took: float) -> float:
        """Seconds that a page is expected to take which failed after ``took``.

        A server that fell silent is waited for much longer than a page takes elsewhere.
        """
        usual = self._balance.page()
        return took if usual is None else min(took, usual)

    def gave_up(self, attempt: Attempt) -> None:
        """Its caller did not wait any longer."""
        now, done = self._clock.now(), work(0, attempt.tokens)
        self._balance.gave_up(attempt.replica.index, now - attempt.started, done, now)

    def note_fault(self, replica: Replica, error: EngineError) -> None:
        """It failed. Once it is left alone, the reason for that is not overwritten."""
        if replica.breaker.state(self._clock.now()) is not BreakerState.OPEN:
            replica.fault = error

    def avoid(self, attempt: Attempt, seconds: float | None) -> None:
        """It answers properly that it will not, and quickly: it would have headroom for ever."""
        until = self._clock.now() + (seconds or self._params.busy)
        self._balance.busy(attempt.replica.index, until)
        attempt.dropped = True

    def _is_alive(self, attempt: Attempt) -> None:
        """A probe has a token: the others need not wait for its last."""
        if attempt.leave.probe:
            self._record(attempt, Verdict.SUCCESS)

    def _record(self, attempt: Attempt, verdict: Verdict) -> None:
        replica, now = attempt.replica, self._clock.now()
        before = replica.breaker.state(now)
        replica.breaker.record(attempt.leave, verdict, now)
        self._note_move(replica, before)
        if attempt.leave.probe:
            self.wake()  # another probe may go, or everybody

    def _note_move(self, replica: Replica, before: BreakerState) -> None:
        state = replica.breaker.state(self._clock.now())
        if state is not before:
            log = _log.warning if state is BreakerState.OPEN else _log.info
            log("breaker", replica=replica.index, state=state.value, fault=str(replica.fault or ""))
            self._observe(BreakerMoved(replica.index, state))

    # Waiting for one

    async def until_able(self, patience: Patience) -> None:
        """Wait until a replica takes pages.

        Raises:
            see :meth:`wait`.
        """
        while not self.able():
            await self._change(patience, "queue")

    async def wait(self, page: Page, patience: Patience, failed: Attempt | None = None) -> Attempt:
        """An attempt as soon as a replica takes the page; after one that failed, elsewhere first.

        Of all that wait, a breaker that is half-open lets one through: who is awake first takes
        its leave at once, and the others find that and wait on.

        Raises:
            EngineUnavailable: everything has been closed or given up.
            Draining: the server goes away and none is there.
            DeadlineExceeded: a usual page could not be read any more.
            EngineError: another engine takes the page, and this is why it would wait here.
        """
        here = [failed.replica.index] if failed is not None else []
        attempt = self.begin(here, page)
        if attempt is None and failed is not None:
            await sleep(self._clock, self._params.pause)
        while attempt is None:
            attempt = self.begin(here, page) or self.begin((), page)
            if attempt is None:
                await self._change(patience, "queue" if failed is None else "engine")
        return attempt

    async def _change(self, patience: Patience, where: Literal["queue", "engine"]) -> None:
        """Wait for news, as long as a usual page could still be read after them."""
        self._go_on(patience)
        usual = self._balance.page() or 0.0
        limit = until(self._clock, patience.deadline - usual)
        try:
            async with limit:
                await self._next()
        except TimeoutError:
            if not limit.reached:
                raise
            raise DeadlineExceeded("no engine was there in time", where=where) from None

    def _go_on(self, patience: Patience) -> None:
        """Do nothing if it makes sense to wait; raise why not."""
        why = self.why_none()
        if self.closed or self.given_up.is_set() or patience.elsewhere(why):
            raise why
        if self._left:
            raise Draining(retry_after=self._params.restart_most)

    async def _next(self) -> None:
        """Wait until something has changed, or time alone lets a page through."""
        due = self._due()
        timer = None if due == math.inf else self._clock.call_at(due, self.wake)
        try:
            await self._news.wait()
        finally:
            if timer is not None:
                timer.cancel()

    def wake(self) -> None:
        """Wake all that wait: there is news. Who comes to wait after this waits for the next."""
        self._news.set()
        self._news = asyncio.Event()

    def _due(self) -> float:
        now = self._clock.now()
        return min(one.due(now) for one in self.replicas)

    # What is known

    @property
    def sound(self) -> bool:
        """Whether a replica takes pages, and not as a probe only."""
        now, closed = self._clock.now(), BreakerState.CLOSED
        there = (one for one in self.replicas if one.up and not one.gone)
        return any(one.breaker.state(now) is closed for one in there)

    def snapshot(self) -> tuple[ReplicaState, ...]:
        """Every replica now."""
        now = self._clock.now()
        return tuple(
            ReplicaState(
                one.engine.description.name,
                one.up and not one.gone,
                one.breaker.state(now) if one.up and not one.gone else BreakerState.OPEN,
                self._balance.inflight(one.index),
                self._balance.pace(one.index),
            )
            for one in self.replicas
        )

    def why_none(self) -> EngineError:
        """Why no replica takes a page, and when one may."""
        faults = [str(one.fault) for one in self.replicas if one.fault is not None]
        why = f": {faults[-1]}" if faults else ""
        coming = self.coming
        expected = coming.seconds or 0.0 if coming is not None else 0.0
        if self.closed or not any(one.up and not one.gone for one in self.replicas):
            what = (
                f"no engine is up{why}" if coming is None else f"the engine starts; {coming.words}"
            )
            return EngineUnavailable(what, retry_after=max(self._params.restart_most, expected))
        if coming is not None:
            what = f"the engine is started again; {coming.words}"
        else:
            what = f"the engine failed too often lately and is left alone for a while{why}"
        wait = self._due() - self._clock.now()
        return BreakerOpen(what, retry_after=max(1.0, expected, wait if wait < math.inf else 0.0))

    @property
    def coming(self) -> Coming | None:
        """How far the start is of the one that is expected first, where none is there and servers
        are started here.
        """
        if self.closed or self.sound:
            return None
        starts = [one.engine.coming for one in self.replicas if isinstance(one.engine, Awaited)]
        found = [start for start in starts if start is not None]
        return min(found, key=_left, default=None)


def _left(start: Coming) -> float:
    return math.inf if start.seconds is None else start.seconds

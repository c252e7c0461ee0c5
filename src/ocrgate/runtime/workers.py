"""A pool of worker processes (a :class:`~ocrgate.ports.Workers`)."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field

import structlog

from ocrgate.errors import EngineFailed, EngineUnavailable, OcrgateError
from ocrgate.runtime.child import Build, Reply
from ocrgate.runtime.process import WorkerGone, WorkerProcess

_log = structlog.get_logger(__name__)

OBEDIENCE = 0.8  # seconds that a cancelled call may go on before its process is ended
FAREWELL = 1.0  # seconds that an idle process may take to end by itself
RETRIES = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds between attempts to replace a process


class WorkerTimeout(EngineFailed):
    """The call took longer than it may; its process was ended."""


class WorkerDied(EngineFailed):
    """The process that ran the call ended; another takes its place."""


class WorkerCrashed(EngineFailed):
    """The call failed in a way that nobody foresaw; the log has the traceback."""


@dataclass(frozen=True, slots=True)
class WorkerParams:
    """What a pool is made of.

    Attributes:
        factory: ``module:attribute`` that makes a session, imported in the process.
        args: (picklable) arguments of the factory.
        size: processes, at least 1.
        nice: how far they step back behind everybody else (0 to 19).
        timeout: seconds that one call may take; None means any.
        timeouts: the same for single methods, by name.
        memory: resident bytes after a call at which its process is replaced; None means any.
    """

    factory: str
    args: tuple[object, ...] = ()
    size: int = 1
    nice: int = 0
    timeout: float | None = None
    timeouts: Mapping[str, float] = field(default_factory=dict)
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class PoolEvent:
    """The number of live processes changed; ``replaced`` when one died and another took over."""

    alive: int
    replaced: bool = False


class WorkerPool:
    """Processes of lower priority, each with one session and one call at a time.

    Whoever finds no free process waits, first come, first served. A process is replaced when it
    dies, when it does not stop in time, and when it has grown too large; the others go on.

    Args:
        params: what the pool is made of.
        observe: told about every change of the processes.
    """

    def __init__(
        self, params: WorkerParams, observe: Callable[[PoolEvent], None] | None = None
    ) -> None:
        self._params = params
        self._build = Build(params.factory, params.args, params.nice)
        self._observe = observe or (lambda _: None)
        self._workers: set[WorkerProcess] = set()
        self._free: list[WorkerProcess] = []
        self._line: deque[asyncio.Future[WorkerProcess]] = deque()
        self._chores: set[asyncio.Task[None]] = set()
        self._funerals: set[asyncio.Task[None]] = set()
        self._failure: EngineUnavailable | None = EngineUnavailable("the workers are not started")
        self._closed = False

    def __repr__(self) -> str:
        waiting = f", {len(self._line)} waiting" if self._line else ""
        return f"<WorkerPool {len(self._free)} free of {len(self._workers)}{waiting}>"

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the live workers."""
        return tuple(w.pid for w in self._workers if w.alive and w.pid is not None)

    async def start(self) -> None:
        """Start all processes side by side and wait until every session is built.

        Raises:
            EngineUnavailable: one of them cannot be built; none is left running.
        """
        self._failure = None
        started = [asyncio.create_task(self._add()) for _ in range(self._params.size)]
        try:
            await asyncio.gather(*started)
        except BaseException:
            await asyncio.gather(*started, return_exceptions=True)
            await self.close()
            raise

    async def call(self, method: str, *args: object) -> object:
        """Run ``method(*args)`` of a session, in the first process that is free.

        Cancelling the call asks the session to stop and ends its process if it does not within
        0.8 seconds; the call returns to its caller when one of the two has happened.

        Raises:
            EngineUnavailable: no process runs and none can be started.
            WorkerTimeout, WorkerDied, WorkerCrashed: this call failed; all are EngineFailed.
            OcrgateError: whatever the session raised.
        """
        worker = await self._take()
        patience = self._params.timeouts.get(method, self._params.timeout)
        running = asyncio.create_task(worker.call(method, args))
        running.add_done_callback(_look_at)
        try:
            reply = await _within(patience, running)
        except asyncio.CancelledError:
            await self._hold(self._stop(worker, running))
            raise
        except WorkerGone as error:
            self._chore(self._replace(worker))
            raise WorkerDied(f"the worker process {error}") from error
        except TimeoutError:
            await self._hold(self._end(worker, running))
            limit = f"{patience:g} seconds"
            raise WorkerTimeout(f"it took longer than {limit}", limit=limit) from None
        except Exception:
            self._give(worker)  # it could not be sent: nothing has happened to the process
            raise
        self._after(worker, reply)
        return _value(reply)

    async def close(self) -> None:
        """End all processes. Running calls fail, waiting ones too. Safe to call twice."""
        self._closed = True
        self._give_up(EngineUnavailable("the workers are being stopped"))
        for chore in tuple(self._chores):
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        busy = self._workers.difference(self._free)
        endings = [w.close(0.0 if w in busy else FAREWELL) for w in self._workers]
        self._workers.clear()
        self._free.clear()
        await asyncio.gather(*endings, *self._funerals)

    # Taking and giving back

    async def _take(self) -> WorkerProcess:
        if self._failure is not None:
            raise _again(self._failure)
        while self._free:
            worker = self._free.pop()
            if worker.alive:
                return worker
            self._chore(self._replace(worker))  # it died while it had nothing to do
        place: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self._give(place.result())
            raise

    def _give(self, worker: WorkerProcess) -> None:
        if self._closed:
            return
        while self._line:
            place = self._line.popleft()
            if not place.done():
                place.set_result(worker)
                return
        self._free.append(worker)

    def _after(self, worker: WorkerProcess, reply: Reply) -> None:
        if self._params.memory is not None and reply.rss > self._params.memory:
            _log.info("worker replaced", reason="memory", rss=reply.rss)
            self._chore(self._replace(worker))
        else:
            self._give(worker)

    def _give_up(self, failure: EngineUnavailable) -> None:
        self._failure = failure
        while self._line:
            place = self._line.popleft()
            if not place.done():
                place.set_exception(_again(failure))

    # Ending a call early

    async def _stop(self, worker: WorkerProcess, running: "asyncio.Task[Reply]") -> None:
        worker.ask_to_stop()
        try:
            async with asyncio.timeout(OBEDIENCE):
                reply = await asyncio.shield(running)
        except WorkerGone:
            self._chore(self._replace(worker))
        except TimeoutError:
            await self._end(worker, running)
        except Exception:  # noqa: BLE001 - it could not be sent, and nobody waits for it
            self._give(worker)
        else:
            self._after(worker, reply)

    async def _end(self, worker: WorkerProcess, running: "asyncio.Task[Reply]") -> None:
        worker.kill()
        await asyncio.wait((running,))
        self._chore(self._replace(worker))

    # Replacing a process

    async def _add(self) -> None:
        worker = WorkerProcess(self._build)
        self._workers.add(worker)
        try:
            await worker.start()
        except BaseException:
            await asyncio.shield(self._bury(worker))
            raise
        self._failure = None
        self._observe(PoolEvent(len(self.pids)))
        self._give(worker)

    async def _replace(self, worker: WorkerProcess) -> None:
        if self._closed:
            return  # ``close`` ends them all
        await asyncio.shield(self._bury(worker))
        self._observe(PoolEvent(len(self.pids), replaced=True))
        for pause in itertools.chain(RETRIES, itertools.repeat(RETRIES[-1])):
            try:
                await self._add()
            except EngineUnavailable as error:
                _log.warning("worker not replaced", reason=error.detail)
                if not self._workers:
                    self._give_up(error)
                await asyncio.sleep(pause)
            else:
                return

    def _bury(self, worker: WorkerProcess) -> asyncio.Task[None]:
        """End a process; :meth:`close` waits for it even if nobody else does."""
        self._workers.discard(worker)
        return _kept(worker.close(), self._funerals)

    def _chore(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        return _kept(work, self._chores)

    async def _hold(self, work: Coroutine[object, object, None]) -> None:
        """Wait for ``work``; it goes on if the caller is cancelled (once more) meanwhile."""
        await asyncio.wait((self._chore(work),))


async def _within(seconds: float | None, running: "asyncio.Task[Reply]") -> Reply:
    async with asyncio.timeout(seconds):
        return await asyncio.shield(running)


def _kept(
    work: Coroutine[object, object, None], among: set[asyncio.Task[None]]
) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    among.add(task)
    task.add_done_callback(among.discard)
    return task


def _look_at(task: "asyncio.Task[Reply]") -> None:
    """A call that nobody awaits any more may fail without a message about it."""
    if not task.cancelled():
        task.exception()


def _value(reply: Reply) -> object:
    if reply.crash is not None:
        _log.error("worker call failed", traceback=reply.crash)
        raise WorkerCrashed
    if reply.error is not None:
        raise reply.error
    return reply.value


def _again(failure: EngineUnavailable) -> OcrgateError:
    """A copy, since an exception that is raised twice grows its traceback."""
    return EngineUnavailable(failure.detail)

"""One seat: a server that is started, watched, and started again for as long as that may help."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Mapping

import structlog

from ocrgate.control.backoff import delay, failures_in_a_row
from ocrgate.engines.launch.command import Start, command, environment
from ocrgate.engines.launch.diagnosis import Cause, Diagnosis, diagnose
from ocrgate.engines.launch.facts import LaunchFacts
from ocrgate.engines.launch.learning import Lessons
from ocrgate.engines.launch.lines import LineBudget, level
from ocrgate.engines.launch.pace import Change, Hooks, Observer, Pace, State
from ocrgate.engines.launch.probe import Probe, is_taken, url_of
from ocrgate.engines.launch.process import ServerProcess
from ocrgate.engines.launch.secrets import without_secrets
from ocrgate.engines.launch.waiting import at_most, ended, sleep
from ocrgate.errors import EngineUnavailable
from ocrgate.ports import Clock, Coming

_log = structlog.get_logger(__name__)
_server_log = structlog.get_logger("ocrgate.vllm")

_PORT_TAKEN = Diagnosis(
    Cause.PORT_TAKEN,
    "its port is taken by another program",
    "End that program (it may be a vLLM started by hand: attach to it with --engine openai), or "
    "choose another engine.port",
)


class Instance:
    """Keeps one server running.

    Args:
        lessons: what it is started with.
        pace: how often it is looked at.
        hooks: what is asked of whoever sends the pages.
        clock: for every wait.
        observe: told about every change of state.
        chance: draws from [0, 1), for waits that do not coincide.
        environ: what servers inherit.
    """

    def __init__(
        self,
        lessons: Lessons,
        pace: Pace,
        hooks: Hooks,
        clock: Clock,
        observe: Observer,
        *,
        chance: Callable[[], float],
        environ: Mapping[str, str],
    ) -> None:
        self._lessons = lessons
        self._pace = pace
        self._hooks = hooks
        self._clock = clock
        self._observe = observe
        self._chance = chance
        self._environ = environ
        self._start = lessons.next_start
        self._process: ServerProcess | None = None
        self._budget = LineBudget()
        self._worked = 0.0
        self._failures = 0
        self._since = 0.0  # when this start, or the wait for the next, has begun
        self._took: float | None = None  # seconds of the last start that went well
        self._trouble: Diagnosis | None = None
        self.url = url_of(self._start.params.host, self._start.seat.port)
        self.state = State.STOPPED
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.may_pause: Callable[[], bool] = lambda: True

    async def run(self) -> None:
        """Serve until a trouble that no restart heals. Cancel it, then :meth:`close`.

        ``first`` is done once the first start has gone well, or has failed in a way that the next
        would repeat (then with :class:`~ocrgate.errors.EngineUnavailable`).
        """
        try:
            await self._serve()
        except Exception as error:  # noqa: BLE001 - a fault of ours must show as a server down
            trouble = Diagnosis(Cause.UNKNOWN, f"the watch over it failed: {error}", heals=False)
            _log.exception("the watch over vLLM failed", instance=self._start.seat.index)
            self._tell(State.DOWN, trouble)
            if self._process is not None:
                await self._process.end(0.0)
            self._fail_first(trouble)
            self._tell(State.STOPPED, trouble)

    async def _serve(self) -> None:
        while True:
            held, trouble = await self._live()
            if trouble is None:
                self._failures = 0
                continue  # we ended it, to start it with more
            changed = self._lessons.died(self._start.load, trouble, self._worked)
            self._failures = failures_in_a_row(self._pace.backoff, self._failures, held)
            self._report(trouble)
            if not changed:
                self._fail_first(trouble)
                if not trouble.heals:
                    self._tell(State.STOPPED, trouble)
                    return
            await self._back_off(trouble)

    def coming(self) -> Coming:
        """How far it is, while it is not up."""
        passed = self._clock.now() - self._since
        left = None if self._took is None else max(0.0, self._took - passed)
        if self.state in {State.STARTING, State.UP} and self._process is not None:
            words = f"{passed:.0f} s so far, {self._process.stage}"
        else:
            words = "it is about to start"
        again = f"; before, {self._trouble.what}" if self._trouble is not None else ""
        return Coming(f"vLLM: {words}{again}", left)

    async def close(self) -> None:
        """End what runs: first its pages, then itself. After :meth:`run` was cancelled."""
        await self._retire()
        if self.state is not State.STOPPED:
            self._tell(State.STOPPED)
        self._fail("vLLM was stopped while it was starting")

    # One life

    async def _live(self) -> tuple[float, Diagnosis | None]:
        """Start it and watch it until it has ended.

        Returns:
            Seconds that it was up, and what went wrong; None where we ended it to carry more.
        """
        self._start = start = self._lessons.next_start
        self._worked = 0.0
        self._since, self._process = self._clock.now(), None
        self._tell(State.STARTING)
        if await is_taken(self.url):
            return 0.0, _PORT_TAKEN
        env = environment(start, self._environ)
        words = command(start)
        self._process = ServerProcess(words, env, self._write)
        _log.info("starting vLLM", instance=start.seat.index, command=without_secrets(words))
        try:
            await self._process.start()
        except OSError as error:
            return 0.0, Diagnosis(Cause.UNKNOWN, f"no process can be started: {error.strerror}")
        probe = Probe(self.url, self._pace, env)
        trouble = await self._come_up(self._process, probe)
        if trouble is not None:
            return 0.0, trouble
        since = self._clock.now()
        self._took, self._trouble = since - self._since, None
        self._tell(State.UP)
        if not self.first.done():
            self.first.set_result(None)
        trouble = await self._stay_up(self._process, probe)
        return self._clock.now() - since, trouble

    async def _come_up(self, process: ServerProcess, probe: Probe) -> Diagnosis | None:
        reading = asyncio.create_task(self._read_first(probe))
        dying = asyncio.create_task(process.wait())
        late = asyncio.create_task(sleep(self._clock, self._start.params.start_timeout))
        try:
            await asyncio.wait({reading, dying, late}, return_when=asyncio.FIRST_COMPLETED)
            if dying.done():
                return diagnose(dying.result(), process.lines, process.oom_kills)
            if reading.done():
                trouble = reading.result()
                return None if trouble is None else await self._put_down(process, trouble)
            return await self._put_down(process, _too_slow(self._start, process))
        finally:
            await ended(reading, dying, late)

    async def _read_first(self, probe: Probe) -> Diagnosis | None:
        while not await probe.ready():
            await sleep(self._clock, self._pace.poll)
        reason = ""
        for _ in range(self._pace.checks):
            try:
                await self._hooks.check(self.url)
            except Exception as error:  # noqa: BLE001 - whatever reads a page may fail in any way
                reason = f"{type(error).__name__}: {error}"
                _log.warning("a first page was not read", url=self.url, reason=reason)
                await sleep(self._clock, self._pace.poll)
            else:
                return None
        return Diagnosis(
            Cause.CANNOT_READ,
            f"vLLM answers, but reads no page ({reason})",
            "See whether the recipe (engine.recipe) is the model's own",
        )

    async def _stay_up(self, process: ServerProcess, probe: Probe) -> Diagnosis | None:
        dying = asyncio.create_task(process.wait())
        watching = asyncio.create_task(self._watch(probe))
        reading = asyncio.create_task(self._read_on())
        try:
            await asyncio.wait({dying, watching, reading}, return_when=asyncio.FIRST_COMPLETED)
            if not dying.done():
                trouble = reading.result() if reading.done() else watching.result()
                if trouble is None:
                    await self._retire()
                    return None
                self._tell(State.DOWN, trouble)
                return await self._put_down(process, trouble)
            trouble = diagnose(dying.result(), process.lines, process.oom_kills)
            self._tell(State.DOWN, trouble)
            return trouble
        finally:
            await ended(dying, watching, reading)

    async def _watch(self, probe: Probe) -> Diagnosis | None:
        """Look at it now and then; None once it should be restarted to carry more."""
        unanswered, idle = 0, 0.0
        while True:
            before = self._clock.now()
            await sleep(self._clock, self._pace.tick)
            alive = await probe.alive()
            passed = self._clock.now() - before
            unanswered = 0 if alive else unanswered + 1
            if alive is False or unanswered >= self._pace.unanswered:
                return _hung(alive, unanswered)
            busy = self._count_work(passed)
            idle = 0.0 if busy else idle + passed
            quiet = idle >= self._pace.quiet and self.may_pause()
            if quiet and self._lessons.may_grow(self._start.load):
                return None

    async def _read_on(self) -> Diagnosis:
        """See now and then that it reads pages: `/health` stays 200 when its scheduler is dead."""
        unread, reason = 0, ""
        while unread < self._pace.unread:
            await sleep(self._clock, self._pace.page)
            reads = self._hooks.reads(self._start.seat.index)
            try:
                await at_most(self._clock, self._pace.patient, reads)
            except Exception as error:  # noqa: BLE001 - whatever reads a page may fail in any way
                unread, reason = unread + 1, f"{type(error).__name__}: {error}".rstrip(": ")
                _log.warning("vLLM read no page", url=self.url, times=unread, reason=reason)
            else:
                unread = 0
        what = f"vLLM answers, but read no page {unread} times in a row ({reason})"
        return Diagnosis(Cause.HUNG, what)

    def _count_work(self, seconds: float) -> bool:
        """Add to what it has worked; whether it is at work."""
        busy = None if self._hooks.busy is None else self._hooks.busy(self._start.seat.index)
        if busy is not False:
            self._worked += seconds
            self._lessons.worked(self._start.load, seconds)
        return bool(busy)

    # Its end

    async def _retire(self) -> None:
        """Let it finish its pages, then end it."""
        if self._process is None:
            return
        patience = 0.0
        if self.state is State.UP:
            self._tell(State.DOWN)
        if self.state is State.DOWN and self._process.alive:
            patience = self._start.params.shutdown_timeout + self._pace.farewell
            await self._drain()
        await self._process.end(patience)

    async def _drain(self) -> None:
        limit, index = self._start.params.shutdown_timeout, self._start.seat.index
        try:
            await at_most(self._clock, limit, self._hooks.drain(index))
        except TimeoutError:
            _log.warning("pages in flight did not finish in time", instance=index, seconds=limit)
        except Exception:  # noqa: BLE001 - whoever drains must not keep the server alive
            _log.exception("waiting for pages in flight failed", instance=index)

    async def _put_down(self, process: ServerProcess, trouble: Diagnosis) -> Diagnosis:
        """End it at once. If it had ended by itself a moment ago, that says more."""
        await process.end(0.0)
        code = None if process.alive else await process.wait()
        if code in {None, -signal.SIGKILL}:
            return trouble
        return diagnose(code, process.lines, process.oom_kills)

    async def _back_off(self, trouble: Diagnosis) -> None:
        wait = delay(self._pace.backoff, self._failures, self._chance())
        self._since = self._clock.now() + wait
        self._tell(State.RESTARTING, trouble, wait)
        await sleep(self._clock, wait)

    # What others hear

    def _fail_first(self, trouble: Diagnosis) -> None:
        self._fail(f"vLLM did not start: {trouble.text}")

    def _fail(self, detail: str) -> None:
        if not self.first.done():
            self.first.set_exception(EngineUnavailable(detail))
            self.first.exception()  # seen: nobody may be waiting any more

    def _report(self, trouble: Diagnosis) -> None:
        _log.error(
            "vLLM is down",
            instance=self._start.seat.index,
            cause=str(trouble.cause),
            what=trouble.what,
            hint=trouble.hint,
            evidence=list(trouble.evidence),
        )

    def _tell(
        self, state: State, diagnosis: Diagnosis | None = None, wait: float | None = None
    ) -> None:
        self.state = state
        self._trouble = diagnosis or self._trouble
        load = self._lessons.next_start.load if wait is not None else self._start.load
        facts = self._process.facts if self._process else LaunchFacts()
        index = self._start.seat.index
        self._observe(Change(index, self.url, state, load, facts, diagnosis, wait))

    def _write(self, line: str) -> None:
        self._budget, allowed, dropped = self._budget.take(time.monotonic())
        log = _server_log.bind(instance=self._start.seat.index)
        with contextlib.suppress(OSError, ValueError):  # who closed our log still wants pages
            if dropped:
                log.warning("too many lines; some were left out", lines=dropped)
            if allowed:
                getattr(log, level(line))(line)


def _too_slow(start: Start, process: ServerProcess) -> Diagnosis:
    return Diagnosis(
        Cause.TOO_SLOW,
        f"vLLM had not read a page {start.params.start_timeout:g} s after its start",
        "If it still downloads or compiles, raise engine.start_timeout",
        process.lines[-3:],
    )


def _hung(alive: bool | None, unanswered: int) -> Diagnosis:
    if alive is False:
        return Diagnosis(Cause.ENGINE_CRASH, "vLLM says that its engine is dead")
    return Diagnosis(Cause.HUNG, f"vLLM did not answer {unanswered} times in a row")

"""Real worker processes: one call at a time, cancelled, killed, replaced."""

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.errors import DocumentLimit, EngineFailed, EngineUnavailable
from ocrgate.runtime.workers import (
    PoolEvent,
    WorkerCrashed,
    WorkerDied,
    WorkerParams,
    WorkerPool,
    WorkerTimeout,
)

MODULE = "tests.integration.runtime.odd_sessions"


@asynccontextmanager
async def pool(
    size: int = 1,
    *,
    timeout: float | None = None,  # noqa: ASYNC109 - a parameter of the pool
    memory: int | None = None,
    observe: Callable[[PoolEvent], None] | None = None,
) -> AsyncIterator[WorkerPool]:
    """A started pool of odd sessions."""
    params = WorkerParams(f"{MODULE}:Session", size=size, nice=3, timeout=timeout, memory=memory)
    workers = WorkerPool(params, observe)
    await workers.start()
    try:
        yield workers
    finally:
        await workers.close()


async def started(mark: Path) -> None:
    """Wait until the session has begun the call that writes ``mark``."""
    await asyncio.to_thread(_appears, mark)


def _appears(mark: Path) -> None:
    end = time.monotonic() + 10
    while not mark.exists() and time.monotonic() < end:
        time.sleep(0.005)  # another process tells no event of ours


async def test_calls_reach_a_session_at_low_priority() -> None:
    """Arguments and results travel whole, in another process that steps back."""
    async with pool() as workers:
        assert await workers.call("pid") in workers.pids
        assert await workers.call("nice") == os.nice(0) + 3
        assert await workers.call("echo", {"a": [1, "ü", None]}) == {"a": [1, "ü", None]}


async def test_large_images_do_not_stop_the_event_loop() -> None:
    """40 MB of pixels go there and back while the loop keeps its time."""
    image = PageImage(bytes(40_000_000), Encoding.RAW, 8000, 5000, 1, 8000, 5000)
    async with pool() as workers:
        lags: list[float] = []
        watch = asyncio.create_task(_measure(lags))
        assert await workers.call("size", image) == (40_000_000, "bytes")
        made = await workers.call("image", 40_000_000)
        watch.cancel()
    assert isinstance(made, PageImage)
    assert len(made.data) == 40_000_000
    assert sorted(lags)[int(0.9 * len(lags))] < 0.02


async def _measure(lags: list[float]) -> None:
    while True:
        start = time.perf_counter()
        await asyncio.sleep(0.001)
        lags.append(time.perf_counter() - start - 0.001)


async def test_typed_errors_arrive_whole() -> None:
    """What a session raises on purpose is raised to the caller, fields and all."""
    async with pool() as workers:
        with pytest.raises(DocumentLimit) as error:
            await workers.call("refuse")
    assert (error.value.field, error.value.limit) == ("image", "5 pixels")


@pytest.mark.parametrize("method", ["stumble", "unpicklable"])
async def test_a_bug_in_a_session_fails_its_call_only(method: str) -> None:
    """Anything unforeseen is an engine failure; the same process serves the next call."""
    async with pool() as workers:
        before = workers.pids
        with pytest.raises(WorkerCrashed):
            await workers.call(method)
        assert await workers.call("echo", 1) == 1
        assert workers.pids == before


async def test_an_argument_that_cannot_travel_hurts_nobody() -> None:
    """The caller's own mistake is the caller's error, and the worker stays free."""
    async with pool() as workers:
        with pytest.raises((AttributeError, TypeError)):
            await workers.call("echo", lambda: None)
        assert await workers.call("echo", 1) == 1


async def test_a_death_fails_one_call_and_is_made_good() -> None:
    """A process that is killed takes its own call with it; another takes its place."""
    events: list[PoolEvent] = []
    whole = asyncio.Event()

    def observe(event: PoolEvent) -> None:
        events.append(event)
        if event.alive == 2 and any(each.replaced for each in events):
            whole.set()

    async with pool(2, observe=observe) as workers:
        with pytest.raises(WorkerDied, match="signal 9") as died:
            await workers.call("die")
        assert isinstance(died.value, EngineFailed)
        assert await asyncio.gather(*(workers.call("echo", n) for n in range(9))) == list(range(9))
        async with asyncio.timeout(10):
            await whole.wait()
    assert [event.replaced for event in events].count(True) == 1


async def test_calls_wait_for_a_replacement() -> None:
    """With one process, the call after a death waits until the new one is built."""
    async with pool() as workers:
        with pytest.raises(WorkerDied):
            await workers.call("die")
        assert await workers.call("echo", 2) == 2


async def test_a_worker_that_died_while_idle_costs_no_call() -> None:
    """The out-of-memory killer takes idle processes too; the next calls wait for their heirs."""
    async with pool(2) as workers:
        for pid in workers.pids:
            process = psutil.Process(pid)
            process.kill()
            await asyncio.to_thread(_ends, process)
        assert await asyncio.gather(*(workers.call("echo", n) for n in range(4))) == [0, 1, 2, 3]


def _ends(process: psutil.Process) -> None:
    end = time.monotonic() + 5
    while process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < end:
        time.sleep(0.005)


async def test_a_cancelled_call_stops_its_session(tmp_path: Path) -> None:
    """A session that watches its probe stops within milliseconds and keeps its process."""
    async with pool() as workers:
        before = workers.pids
        call = asyncio.create_task(workers.call("obedient", str(tmp_path / "mark")))
        await started(tmp_path / "mark")
        start = time.monotonic()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert time.monotonic() - start < 0.5
        assert (tmp_path / "mark").read_text() == "stopped"
        assert workers.pids == before
        assert await workers.call("echo", 1) == 1, "the next call is not cancelled"


async def test_a_cancelled_call_that_does_not_stop_is_ended(tmp_path: Path) -> None:
    """A session that hears nothing is gone, and its place free, within a second."""
    async with pool() as workers:
        (before,) = workers.pids
        call = asyncio.create_task(workers.call("deaf", str(tmp_path / "mark")))
        await started(tmp_path / "mark")
        start = time.monotonic()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert time.monotonic() - start < 1.0
        assert not _runs(before)
        assert await workers.call("echo", 1) == 1


async def test_cancelling_twice_still_cleans_up(tmp_path: Path) -> None:
    """An impatient caller does not leave a busy worker behind."""
    async with pool() as workers:
        call = asyncio.create_task(workers.call("deaf", str(tmp_path / "mark")))
        await started(tmp_path / "mark")
        call.cancel()
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await workers.call("echo", 1) == 1


async def test_a_call_that_takes_too_long_is_ended() -> None:
    """The pool's own time limit ends the process and names the seconds."""
    async with pool(timeout=0.2) as workers:
        with pytest.raises(WorkerTimeout, match=r"0\.2 seconds"):
            await workers.call("deaf", os.devnull)
        assert await workers.call("echo", 1) == 1


async def test_waiting_calls_are_served_in_order_and_can_leave(tmp_path: Path) -> None:
    """First come, first served; who leaves the line does not hold it up."""
    async with pool() as workers:
        busy = asyncio.create_task(workers.call("obedient", str(tmp_path / "mark")))
        await started(tmp_path / "mark")
        order: list[int] = []
        line = [asyncio.create_task(_note(workers, order, number)) for number in range(4)]
        await asyncio.sleep(0)
        line[1].cancel()
        busy.cancel()
        await asyncio.gather(busy, *line, return_exceptions=True)
    assert order == [0, 2, 3]


async def _note(workers: WorkerPool, order: list[int], number: int) -> None:
    await workers.call("echo", number)
    order.append(number)


async def test_a_worker_that_has_grown_is_replaced() -> None:
    """Memory that a session hoards is given back between calls."""
    async with pool(memory=150 * 2**20) as workers:
        grown = await workers.call("grow", 200 * 2**20)
        assert await workers.call("pid") != grown


async def test_a_chatty_decoder_reaches_nobodys_terminal(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Megabytes on stdout and stderr of a worker neither block it nor show."""
    async with pool() as workers:
        assert await workers.call("rant") == "done"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("factory", "says"),
    [
        ("unavailable", "no weights here"),
        ("broken", "wrong wiring"),
        ("dying", "last words"),
        ("missing", "missing"),
    ],
)
async def test_a_session_that_cannot_be_built_says_why(factory: str, says: str) -> None:
    """Whatever goes wrong at the start is EngineUnavailable, and nothing is left running."""
    workers = WorkerPool(WorkerParams(f"{MODULE}:{factory}", size=2))
    with pytest.raises(EngineUnavailable, match=says):
        await workers.start()
    assert workers.pids == ()


async def test_a_shortage_while_a_process_is_replaced_passes() -> None:
    """No file descriptor was left just then: it is tried again, and calls do not wait for ever."""
    async with pool() as workers, asyncio.timeout(20):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        os.kill(workers.pids[0], signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_NOFILE, (4, hard))
        try:
            with pytest.raises((EngineFailed, EngineUnavailable)):  # whether it was still alive
                await workers.call("pid")
            with pytest.raises(EngineUnavailable, match="no process can be started: Too many open"):
                await workers.call("pid")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        while True:
            with contextlib.suppress(EngineUnavailable):
                assert await workers.call("echo", 2) == 2
                break
            await asyncio.sleep(0.02)


async def test_a_pool_that_is_not_running_says_so() -> None:
    """Before start and after close, calls fail at once."""
    workers = WorkerPool(WorkerParams(f"{MODULE}:Session"))
    with pytest.raises(EngineUnavailable):
        await workers.call("pid")
    await workers.start()
    await workers.close()
    await workers.close()
    with pytest.raises(EngineUnavailable):
        await workers.call("pid")


async def test_closing_ends_calls_and_leaves_no_process(tmp_path: Path) -> None:
    """Whatever runs or waits fails; neither process nor zombie remains."""
    async with pool(2) as workers:
        pids = workers.pids
        calls = [
            asyncio.create_task(workers.call("deaf", str(tmp_path / str(number))))
            for number in range(4)
        ]
        await started(tmp_path / "0")
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(each, EngineFailed | EngineUnavailable) for each in results)
    assert not [pid for pid in pids if _runs(pid)]
    assert psutil.Process().children() == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


# With a handler of the loop: that of asyncio.run alone does not wake a loop that is
# just going to sleep when the signal comes.
_PARENT = f"""
import asyncio, signal, sys
from ocrgate.runtime.workers import WorkerParams, WorkerPool
async def main():
    interrupted = asyncio.current_task().cancel
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted)
    pool = WorkerPool(WorkerParams("{MODULE}:Session", size=2))
    await pool.start()
    print(*pool.pids, flush=True)
    try:
        await pool.call("deaf", "/dev/null")
    finally:
        await pool.close()
asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_parent(how: signal.Signals) -> None:
    """Killed or interrupted, the parent takes its busy and its idle workers with it."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
        start_new_session=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        if how is signal.SIGINT:
            os.killpg(parent.pid, how)  # as Ctrl-C does: everybody in the group
        else:
            parent.kill()
        parent.wait(10)
    end = time.monotonic() + 5
    while time.monotonic() < end and any(map(_runs, pids)):
        time.sleep(0.02)
    assert not [pid for pid in pids if _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

"""What every pool of workers must do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.integration.runtime.odd_sessions import Session

from ocrgate.errors import DocumentLimit, EngineFailed
from ocrgate.ports import Workers
from ocrgate.runtime.workers import WorkerParams, WorkerPool
from ocrgate.testing import InlineWorkers

FACTORY = "tests.integration.runtime.odd_sessions:Session"
WORKERS: dict[str, Callable[[], InlineWorkers | WorkerPool]] = {
    "inline": lambda: InlineWorkers(Session()),
    "processes": lambda: WorkerPool(WorkerParams(FACTORY)),
}


@pytest.fixture(params=WORKERS)
async def workers(request: pytest.FixtureRequest) -> AsyncIterator[Workers]:
    """Workers of each kind, ready."""
    made = WORKERS[request.param]()
    if isinstance(made, WorkerPool):
        await made.start()
    yield made
    if isinstance(made, WorkerPool):
        await made.close()


async def test_results_come_back(workers: Workers) -> None:
    """Each to its own caller."""
    calls = [workers.call("echo", number) for number in range(5)]
    assert await asyncio.gather(*calls) == [0, 1, 2, 3, 4]


async def test_errors_of_ours_come_as_they_are(workers: Workers) -> None:
    """With field and limit."""
    with pytest.raises(DocumentLimit) as error:
        await workers.call("refuse")
    assert (error.value.field, error.value.limit) == ("image", "5 pixels")


async def test_other_errors_are_failures_of_the_engine(workers: Workers) -> None:
    """And the next call works."""
    with pytest.raises(EngineFailed):
        await workers.call("stumble")
    assert await workers.call("echo", 1) == 1


async def test_a_cancelled_call_sees_it(workers: Workers, tmp_path: Path) -> None:
    """The session has stopped when the caller goes on; the next call is not cancelled."""
    mark = tmp_path / "mark"
    call = asyncio.create_task(workers.call("obedient", str(mark)))
    await asyncio.to_thread(_appears, mark)
    call.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await call
    assert mark.read_text() == "stopped"
    assert await workers.call("echo", 1) == 1


def _appears(mark: Path) -> None:
    while not mark.exists():
        pass

"""GPUs beside a load."""

import asyncio
from collections.abc import Iterator

from ocrgate.cli.benching.gpus import GpuMeter
from ocrgate.load.journal import Journal
from ocrgate.load.record import Run, Target
from ocrgate.telemetry.gpu import GpuReading


class TwoGpus:
    """One that tells all, one that tells little."""

    def __init__(self) -> None:
        self.closed = False
        self._temperatures: Iterator[float] = iter(range(60, 200))

    def read(self) -> tuple[GpuReading, ...]:
        hot = GpuReading(0, 10, next(self._temperatures), 0.9, frozenset({"heat"}))
        return hot, GpuReading(1, memory=20)

    def close(self) -> None:
        self.closed = True


async def test_gpus_are_read_until_the_run_ends() -> None:
    """Each under its number; what one does not tell is left out."""
    source, journal = TwoGpus(), Journal(None, Run(started="", target=Target(url="")))
    task = asyncio.create_task(GpuMeter(source, every=0.001).watch(journal, 0.0))
    while len(journal.record().series) < 20:  # noqa: ASYNC110 - it is a journal, not an event
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert source.closed
    found = {(point.name, point.source): point.value for point in journal.record().series}
    assert found["gpu_memory_bytes", "1"] == 20
    assert ("gpu_temperature", "1") not in found
    assert found["gpu_temperature", "0"] > 60
    assert found["gpu_throttled", "0"] == 1.0

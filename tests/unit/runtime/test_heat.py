"""The thermometer with GPUs that follow a script."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from ocrgate.runtime.heat import PERIOD, Thermometer
from ocrgate.telemetry.gpu import GpuReading
from ocrgate.testing import ManualClock


class ScriptedGpus:
    """Degrees of each GPU; ``read`` counts, and must not run on the event loop's thread."""

    def __init__(self, *degrees: float) -> None:
        self.degrees = list(degrees)
        self.reads = 0
        self.closed = False
        self._loop_thread = threading.get_ident()

    def read(self) -> tuple[GpuReading, ...]:
        assert threading.get_ident() != self._loop_thread
        self.reads += 1
        return tuple(GpuReading(n, celsius=each) for n, each in enumerate(self.degrees))

    def close(self) -> None:
        self.closed = True


async def until(there: Callable[[], bool]) -> None:
    """A thread has no event that could be awaited here."""
    for _ in range(2000):
        if there():
            return
        await asyncio.sleep(0.001)
    pytest.fail("it never came")


async def looked(clock: ManualClock, gpus: ScriptedGpus, times: int) -> None:
    """Let so many looks pass."""
    for _ in range(times):
        before = gpus.reads
        clock.advance(PERIOD)
        await until(lambda: gpus.reads > before)  # noqa: B023 - awaited at once
        await asyncio.sleep(0.005)


async def test_the_hottest_gpu_lowers_the_limit_and_cooling_raises_it() -> None:
    """Slowly down while one of two is hot, slowly back when it is not."""
    clock, gpus = ManualClock(), ScriptedGpus(60.0, 88.0)
    factors: list[float] = []
    seen: list[GpuReading] = []
    thermometer = Thermometer(lambda: gpus, clock, factors.append, seen.append)
    thermometer.start()
    await until(lambda: gpus.reads > 0)
    await looked(clock, gpus, 10)
    hot = factors[-1]
    assert 0.75 < hot < 0.9
    assert {reading.index for reading in seen} == {0, 1}
    gpus.degrees[1] = 70.0
    await looked(clock, gpus, 10)
    assert hot < factors[-1] < 1.0
    await thermometer.close()
    await thermometer.close()
    assert gpus.closed


async def test_without_gpus_nothing_happens() -> None:
    """Nothing is lowered, nothing is left running."""
    clock = ManualClock()
    factors: list[float] = []
    thermometer = Thermometer(lambda: None, clock, factors.append, lambda _: None)
    thermometer.start()
    await asyncio.sleep(0.02)
    assert factors == []
    assert clock.next_timer() is None
    await thermometer.close()

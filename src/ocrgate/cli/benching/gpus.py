"""The GPUs of this machine as a meter, for a target that runs on it and does not speak of them."""

import asyncio
import time

from ocrgate.load.journal import Journal
from ocrgate.telemetry.gpu import GpuReading, GpuSource

_EVERY = 1.0  # seconds


class GpuMeter:
    """Reads GPUs once a second.

    Args:
        source: where readings come from; closed at the end.
        every: seconds between readings.
    """

    def __init__(self, source: GpuSource, every: float = _EVERY) -> None:
        self._source = source
        self._every = every

    async def watch(self, journal: Journal, zero: float) -> None:
        """Read them into the journal until cancelled."""
        try:
            while True:
                for reading in await asyncio.to_thread(self._source.read):
                    _write(journal, round(time.monotonic() - zero, 3), reading)
                await asyncio.sleep(self._every)
        finally:
            self._source.close()


def _write(journal: Journal, at: float, reading: GpuReading) -> None:
    throttled = reading.throttled
    values = {
        "gpu_memory_bytes": reading.memory,
        "gpu_temperature": reading.celsius,
        "gpu_utilization": reading.utilization,
        "gpu_throttled": None if throttled is None else float(throttled),
    }
    for name, value in values.items():
        if value is not None:
            journal.point(at, name, value, str(reading.index))

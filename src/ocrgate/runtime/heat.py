"""Looks at the GPUs every two seconds and lowers the limit while one is hot."""

import asyncio
from collections.abc import Callable

import structlog

from ocrgate.control.thermal import Heat, Thermal, ThermalParams
from ocrgate.ports import Clock
from ocrgate.runtime.clock import sleep
from ocrgate.telemetry.gpu import GpuReading, GpuSource

_log = structlog.get_logger(__name__)

PERIOD = 2.0
"""Seconds between two looks."""


class Thermometer:
    """The heat of this machine's GPUs, from :meth:`start` to :meth:`close`.

    Args:
        opened: finds the GPUs, and blocks meanwhile; None where there are none.
        clock: tells the time.
        cool: told the part of the limit, above 0 to 1, that the hottest GPU allows.
        observe: told every reading.
        params: when a GPU is hot, and what follows.
    """

    def __init__(
        self,
        opened: Callable[[], GpuSource | None],
        clock: Clock,
        cool: Callable[[float], None],
        observe: Callable[[GpuReading], None],
        params: ThermalParams | None = None,
    ) -> None:
        self._opened = opened
        self._clock = clock
        self._cool = cool
        self._observe = observe
        self._params = params
        self._gpus: dict[int, Thermal] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look. Needs a running loop."""
        self._task = asyncio.create_task(self._keep_looking())

    async def close(self) -> None:
        """Look no more. Safe to call twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _keep_looking(self) -> None:
        source = await asyncio.to_thread(self._opened)
        if source is None:
            return
        try:
            while True:
                self._take(await asyncio.to_thread(source.read))
                await sleep(self._clock, PERIOD)
        finally:
            source.close()

    def _take(self, readings: tuple[GpuReading, ...]) -> None:
        now = self._clock.now()
        for reading in readings:
            gpu = self._gpus.setdefault(reading.index, Thermal(self._params))
            before = gpu.ceiling().reason
            ceiling = gpu.read(Heat(reading.celsius, reading.throttled), now)
            if ceiling.reason != before:
                _log.debug("gpu", gpu=reading.index, reason=ceiling.reason, factor=ceiling.factor)
            self._observe(reading)
        self._cool(min((gpu.ceiling().factor for gpu in self._gpus.values()), default=1.0))

"""The engine of this machine, for one command: no HTTP, nobody else to be fair to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ocrgate.cli.notice import show_notice
from ocrgate.cli.reading.local import Machine
from ocrgate.control.admission import PATIENT
from ocrgate.engines.cpu.engine import worker_count
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.runtime.service import Service, ServiceParams
from ocrgate.settings import Settings
from ocrgate.telemetry import logging

_KEPT_BUSY_BY_ONE = 4
"""Workers that one process can draw PDF pages for: reading a dense A4 page takes about fifteen
times as long as drawing it, a light one several times. A second process would cost 80 MB."""


@asynccontextmanager
async def started_machine(settings: Settings) -> AsyncIterator[Machine]:
    """The engine, started; all its processes have ended when the context ends.

    Raises:
        EngineUnavailable: it cannot be started.
    """
    show_notice(settings)
    # What concerns a page is in its report; the log must not run into printed results.
    logging.configure(settings.telemetry.log_format, "error")
    engine = settings.engine
    few = isinstance(engine, CpuParams) and worker_count(engine) <= _KEPT_BUSY_BY_ONE
    drawers = 1 if few else None
    params = ServiceParams(settings.engine, PATIENT, settings.image, raster_workers=drawers)
    service = Service.build(params)
    await service.start()
    try:
        yield Machine(service.recognizer, service.rasterizer, service.description)
    finally:
        await service.close()

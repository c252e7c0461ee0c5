"""The engine of this machine, for one command: no HTTP, nobody else to be fair to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ocrgate.cli.reading.local import Machine
from ocrgate.control.admission import PATIENT
from ocrgate.runtime.service import Service, ServiceParams
from ocrgate.settings import Settings
from ocrgate.telemetry import logging


@asynccontextmanager
async def started_machine(settings: Settings) -> AsyncIterator[Machine]:
    """The engine, started; all its processes have ended when the context ends.

    Raises:
        EngineUnavailable: it cannot be started.
    """
    # What concerns a page is in its report; the log must not run into printed results.
    logging.configure(settings.telemetry.log_format, "error")
    service = Service.build(ServiceParams(settings.engine, PATIENT, settings.image))
    await service.start()
    try:
        yield Machine(service.recognizer, service.rasterizer, service.description)
    finally:
        await service.close()

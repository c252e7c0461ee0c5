"""The embedded engine as the gateway sees it: pages go to workers, readings come back."""

import asyncio
from typing import cast

from ocrgate.domain.document import Encoding, ImageSpec, PageImage
from ocrgate.domain.recognition import PageReading, PageRequest, Task, Usage
from ocrgate.engines.cpu.cores import usable_cores
from ocrgate.engines.cpu.known_page import KNOWN_TEXT, known_page
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.errors import EngineUnavailable
from ocrgate.ports import EngineDescription, Listener, Workers

SESSION = "ocrgate.engines.cpu.session:Session"  # built in each worker with the params as argument
NAME = "cpu/pp-ocrv6"


def worker_count(params: CpuParams) -> int:
    """Processes to start: as many as asked for, else one per core this process may use.

    Each holds networks of its own, so one too many is paid in memory.
    """
    return params.workers or usable_cores()


class CpuEngine:
    """Reads pages in worker processes, each holding one ``session.Session``."""

    def __init__(self, params: CpuParams, workers: Workers) -> None:
        self._workers = workers
        self._description = EngineDescription(
            name=NAME,
            tasks=frozenset({Task.TEXT, Task.MARKDOWN, Task.SPOTTING}),
            input=ImageSpec(max_side=params.max_side, encoding=Encoding.RAW),
            slots=worker_count(params),
            boxes=True,
        )

    @property
    def description(self) -> EngineDescription:
        """Fixed once the engine is built."""
        return self._description

    async def start(self) -> None:
        """Warm up the workers and read a known page.

        Raises:
            EngineUnavailable: weights are missing or altered, or the page came back wrong.
        """
        await asyncio.gather(
            *(self._workers.call("warm_up") for _ in range(self._description.slots))
        )
        reading, _ = await self.recognize(known_page(), PageRequest())
        if reading.text != KNOWN_TEXT:
            raise EngineUnavailable(
                f"the embedded engine read {reading.text!r} where {KNOWN_TEXT!r} stands"
            )

    async def recognize(
        self, image: PageImage, request: PageRequest, listener: Listener | None = None
    ) -> tuple[PageReading, Usage]:
        """Read one page in a worker. Cancelling the call stops the worker's page.

        Raises:
            EngineUnavailable, EngineFailed.
        """
        del listener  # a page comes back whole
        reading = await self._workers.call("read", image, request)
        return cast("PageReading", reading), Usage(pages=1)

    async def close(self) -> None:
        """Nothing to do: whoever made the workers ends them."""

"""Searchable PDFs of what was read: the document's own pages with unseen text over them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ocrgate.domain.document import Document, DocumentInfo, Encoding, ImageSpec, MediaType
from ocrgate.errors import (
    DocumentLimit,
    EngineFailed,
    EngineUnavailable,
    InvalidRequest,
    Overloaded,
    UnreadableDocument,
)
from ocrgate.formats.searchable_pdf.writer import PdfWriter
from ocrgate.imaging.limits import ImageLimits
from ocrgate.ports import Rasterizer, Workers
from ocrgate.runtime.recognizer import DocumentResult
from ocrgate.runtime.spool import PREFIX, Refusals, room
from ocrgate.runtime.workers import WorkerParams, WorkerPool, WorkerTimeout

SEATS = 16
RETRY_AFTER = 2.0  # seconds; a document is put together in a tenth of one to some seconds
_SESSION = "ocrgate.runtime.overlay:OverlaySession"
_SECONDS = 120.0  # for a document of the most pages
_PICTURE = ImageSpec(max_side=4096, encoding=Encoding.JPEG)


class SearchablePdfs:
    """Puts searchable PDFs together, a bounded number at a time.

    A caller's PDF is parsed by ``workers``, never in this process; pictures, which were decoded
    and encoded here, go into a file of our own making in a thread.

    Args:
        rasterizer: makes the pictures.
        workers: run :class:`~ocrgate.runtime.overlay.OverlaySession`.
        limits: what a document may cost.
        seats: documents that are read and put together at the same time.
        refused: told of every refusal.
    """

    def __init__(
        self,
        rasterizer: Rasterizer,
        workers: Workers,
        limits: ImageLimits,
        *,
        seats: int = SEATS,
        refused: Refusals = lambda _reason, _seconds: None,
    ) -> None:
        self._rasterizer = rasterizer
        self._workers = workers
        self._limits = limits
        self._free = seats
        self._refused = refused
        self._writing = asyncio.Semaphore(1)

    @contextmanager
    def seat(self) -> Iterator[None]:
        """Hold a seat from before the document is read, so that no reading is thrown away.

        Raises:
            Overloaded: all are taken.
        """
        if not self._free:
            self._refused("backlog", RETRY_AFTER)
            raise Overloaded(
                "as many searchable PDFs are being made as may; nothing was done",
                reason="backlog",
                retry_after=RETRY_AFTER,
            )
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    async def made(self, document: Document, result: DocumentResult) -> bytes:
        """The file. A PDF keeps its pages as they are; an image is put on a page.

        Args:
            document: as ``Rasterizer.hold`` gave it.
            result: what was read of it.

        Raises:
            InvalidRequest: the engine gives no places, or no page was read.
            UnreadableDocument: the document is too damaged to be copied.
            DocumentLimit: that takes too much time or memory.
            Overloaded: there is no room on the disk.
        """
        if not result.recognition.pages:
            raise InvalidRequest("no page was read", field="pages")
        async with _folder(self._refused) as folder:
            made = folder / "made.pdf"
            if result.info.media is MediaType.PDF and document.path is not None:
                await self._overlaid(document.path, made, result)
            else:
                await self._pictured(document, made, result)
            return await asyncio.to_thread(made.read_bytes)

    async def _overlaid(self, source: Path, made: Path, result: DocumentResult) -> None:
        try:
            pages = result.recognition.pages
            await self._workers.call("overlay", str(source), str(made), pages)
        except WorkerTimeout as error:
            raise DocumentLimit(
                "it takes too long to put text into it", field="image", limit=error.limit
            ) from error
        except EngineFailed as error:  # a worker's failure is the document's doing here
            raise UnreadableDocument("it is too damaged to be copied", field="image") from error

    async def _pictured(self, document: Document, made: Path, result: DocumentResult) -> None:
        spec = picture_spec(result.info, self._limits)
        async with self._writing:
            with room(self._refused):
                writer = await asyncio.to_thread(PdfWriter, made)
                try:
                    for page in result.recognition.pages:
                        image = await self._rasterizer.prepare(document, page.number, spec)
                        await asyncio.to_thread(writer.page, page, image=image)
                finally:
                    await asyncio.to_thread(writer.close)


class OnDemand:
    """Workers that are started when the first call comes (a :class:`~ocrgate.ports.Workers`).

    Args:
        build: makes the pool; again after one that could not be started.
    """

    def __init__(self, build: Callable[[], WorkerPool]) -> None:
        self._build = build
        self._starting: asyncio.Task[WorkerPool] | None = None
        self._closed = False

    async def call(self, method: str, *args: object) -> object:
        """Raises what the pool raises."""
        if self._closed:
            raise EngineUnavailable("the workers are being stopped")
        if self._starting is None or _failed(self._starting):
            self._starting = asyncio.create_task(_started(self._build()))
        pool = await asyncio.shield(self._starting)
        return await pool.call(method, *args)

    async def close(self) -> None:
        """End them. Safe to call twice."""
        self._closed = True
        if self._starting is None:
            return
        (pool,) = await asyncio.gather(self._starting, return_exceptions=True)
        if isinstance(pool, WorkerPool):
            await pool.close()


def overlay_pool(limits: ImageLimits) -> WorkerPool:
    """One process, since such documents are rare and cost memory; a hostile one ends with it."""
    return WorkerPool(WorkerParams(_SESSION, (limits.memory,), 1, 10, _SECONDS))


def picture_spec(info: DocumentInfo, limits: ImageLimits) -> ImageSpec:
    """A JPEG goes in as it came, whatever its size; others are encoded, so they are bounded."""
    if info.media is MediaType.JPEG:
        return ImageSpec(max_side=limits.max_side, encoding=Encoding.JPEG)
    return _PICTURE


async def _started(pool: WorkerPool) -> WorkerPool:
    await pool.start()
    return pool


def _failed(task: "asyncio.Task[WorkerPool]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


@asynccontextmanager
async def _folder(refused: Refusals) -> AsyncIterator[Path]:
    with room(refused):
        folder = await asyncio.to_thread(TemporaryDirectory, prefix=PREFIX)
    try:
        yield Path(folder.name)
    finally:
        await asyncio.shield(asyncio.to_thread(folder.cleanup))

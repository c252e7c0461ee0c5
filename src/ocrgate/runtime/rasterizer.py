"""Documents into page images: threads for the tame formats, processes for the others."""

import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, TypeVar, cast

from ocrgate.domain.document import Document, DocumentInfo, ImageSpec, PageImage
from ocrgate.errors import DocumentLimit, EngineFailed, UnreadableDocument
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.media import PREFIX_BYTES, needs_worker, sniff
from ocrgate.imaging.prepare import prepare
from ocrgate.imaging.probe import check_bytes, probe
from ocrgate.ports import Workers
from ocrgate.runtime.workers import WorkerTimeout

SESSION = "ocrgate.imaging.session:RasterSession"  # built in each worker with the limits
NICE = 5  # behind the event loop, before the engine, which must never wait for a page

_QUICK = 256 * 1024  # bytes; headers of smaller files are read faster than a thread is woken
_T = TypeVar("_T")


class PoolRasterizer:
    """Decodes in a bounded pool of threads, and dangerous formats in worker processes.

    A document of such a format that came in memory is written to a private file once, for the
    workers to read page by page; :meth:`hold` deletes it.

    Args:
        limits: what a document may cost.
        workers: run ``imaging.session.RasterSession``.
        threads: pages that are decoded in threads at the same time.
    """

    def __init__(self, limits: ImageLimits, workers: Workers, threads: int) -> None:
        self._limits = limits
        self._workers = workers
        self._threads = ThreadPoolExecutor(threads, "prepare", initializer=step_back)

    @asynccontextmanager
    async def hold(self, document: Document) -> AsyncIterator[Document]:
        """The document as a file where a worker must read it, else as it is.

        Raises:
            UnsupportedMedia, UnreadableDocument, DocumentLimit, PayloadTooLarge.
        """
        data = document.data
        if data is None or not await self._near(data, lambda: self._needs_file(document, data)):
            yield document
            return
        file = await _spooled(data)
        try:
            yield Document(path=Path(file.name), name=document.name)
        finally:
            await asyncio.shield(asyncio.to_thread(file.close))  # which deletes it

    async def probe(self, document: Document) -> DocumentInfo:
        """Format, pages and size without decoding. ``document`` is one that :meth:`hold` gave.

        Raises:
            UnsupportedMedia, UnreadableDocument, DocumentLimit, PayloadTooLarge.
        """
        if await self._in_worker(document):
            return cast("DocumentInfo", await self._call("probe", str(document.path)))
        return await self._near(document.data, lambda: probe(self._bytes(document), self._limits))

    async def prepare(self, document: Document, page: int, spec: ImageSpec) -> PageImage:
        """Decode, orient, resize and pack one 1-based page of a document that :meth:`hold` gave.

        Raises:
            UnreadableDocument, DocumentLimit.
        """
        if await self._in_worker(document):
            return cast("PageImage", await self._call("prepare", str(document.path), page, spec))
        return await self._in_thread(
            lambda: prepare(self._bytes(document), page, spec, self._limits)
        )

    def close(self) -> None:
        """Stop the threads, after the pages they are at. Safe to call twice."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_worker(self, document: Document) -> bool:
        """Whether a worker reads this. What :meth:`hold` left in memory is tame."""
        return document.path is not None and await self._in_thread(
            lambda: _is_dangerous(_prefix(document)) or self._is_heavy(document)
        )

    def _needs_file(self, document: Document, data: bytes) -> bool:
        check_bytes(len(data), self._limits)
        return _is_dangerous(data) or self._is_heavy(document)

    def _is_heavy(self, document: Document) -> bool:
        data = self._bytes(document)
        if sniff(data[:PREFIX_BYTES]) is None:
            return False  # probing says what is wrong with it
        info = probe(data, self._limits)
        return needs_worker(info.media, info.width * info.height)

    def _bytes(self, document: Document) -> bytes:
        if document.data is not None:
            return document.data
        assert document.path is not None
        with _reading(document.path) as file:
            check_bytes(os.fstat(file.fileno()).st_size, self._limits)
            return file.read()

    async def _call(self, method: str, *args: object) -> object:
        try:
            return await self._workers.call(method, *args)
        except WorkerTimeout as error:
            raise DocumentLimit(
                "a page takes too long to decode",
                field="image",
                limit=f"{self._limits.timeout:g} seconds",
            ) from error
        except EngineFailed as error:  # a worker's failure is the document's doing here
            raise UnreadableDocument(
                "the document broke its decoder; it is damaged", field="image"
            ) from error

    async def _near(self, data: bytes | None, work: Callable[[], _T]) -> _T:
        """Look at headers: at once if ``data`` is small, else in a thread."""
        if data is not None and len(data) <= _QUICK:
            return work()
        return await self._in_thread(work)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def step_back(nice: int = NICE) -> None:
    """Lower the priority of the calling thread; on Linux each thread has its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)


def _is_dangerous(prefix: bytes) -> bool:
    media = sniff(prefix[:PREFIX_BYTES])
    return media is not None and needs_worker(media)


def _prefix(document: Document) -> bytes:
    assert document.path is not None
    with _reading(document.path) as file:
        return file.read(PREFIX_BYTES)


def _reading(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise UnreadableDocument(f"{path.name}: {error.strerror}", field="image") from error


async def _spooled(data: bytes) -> IO[bytes]:
    """A file that only this user can read and that is deleted when it is closed."""

    def write() -> IO[bytes]:
        file = tempfile.NamedTemporaryFile(prefix="ocrgate-")  # noqa: SIM115 - closed by ``hold``
        file.write(data)
        file.flush()
        return cast("IO[bytes]", file)

    writing = asyncio.ensure_future(asyncio.to_thread(write))
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        writing.add_done_callback(_discard)  # a thread cannot be stopped; its file can be closed
        raise


def _discard(writing: "asyncio.Future[IO[bytes]]") -> None:
    if not writing.cancelled() and writing.exception() is None:
        writing.result().close()

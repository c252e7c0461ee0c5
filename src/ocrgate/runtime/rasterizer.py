"""Documents into page images: threads for the tame formats, processes for the others."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TypeVar, cast

from ocrgate.domain.document import Document, DocumentInfo, ImageSpec, PageImage
from ocrgate.errors import DocumentLimit, EngineFailed, UnreadableDocument
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.media import PREFIX_BYTES, needs_worker, sniff
from ocrgate.imaging.prepare import as_it_came, prepare
from ocrgate.imaging.probe import belongs_in_worker, check_bytes, check_held, probe
from ocrgate.ports import Workers
from ocrgate.runtime.spool import Refusals, spooled
from ocrgate.runtime.workers import WorkerTimeout

SESSION = "ocrgate.imaging.session:RasterSession"  # built in each worker with the limits
NICE = 5  # behind the event loop, before the engine, which must never wait for a page

_QUICK = 256 * 1024  # bytes; headers of smaller files are read faster than a thread is woken
_T = TypeVar("_T")


class PoolRasterizer:
    """Decodes in a bounded pool of threads, and dangerous formats in worker processes.

    Which of the two is decided once, by :meth:`hold`: what a worker reads is held as a file (one
    that came in memory is written to a private one, deleted at the end), what a thread reads is
    held in memory.

    Args:
        limits: what a document may cost.
        workers: run ``imaging.session.RasterSession``.
        threads: pages that are decoded in threads at the same time.
        refused: told of documents that find no room on the disk.
    """

    def __init__(
        self,
        limits: ImageLimits,
        workers: Workers,
        threads: int,
        refused: Refusals = lambda _reason, _seconds: None,
    ) -> None:
        self._limits = limits
        self._workers = workers
        self._refused = refused
        self._threads = ThreadPoolExecutor(threads, "prepare", initializer=step_back)

    @asynccontextmanager
    async def hold(self, document: Document) -> AsyncIterator[Document]:
        """The document as a file where a worker must read it, else in memory.

        Raises:
            UnreadableDocument: the file cannot be read.
            PayloadTooLarge: it has too many bytes.
            Overloaded: there is no room on the disk.
        """
        if document.path is not None:
            yield await self._in_thread(partial(self._loaded, document, document.path))
            return
        data = document.data or b""
        if not await self._near(data, lambda: self._needs_worker(data)):
            yield document
            return
        async with spooled(data, self._refused) as path:
            yield Document(path=path, name=document.name)

    async def probe(self, document: Document) -> DocumentInfo:
        """Format, pages and size without decoding. ``document`` is one that :meth:`hold` gave.

        Raises:
            UnsupportedMedia, UnreadableDocument, DocumentLimit, PayloadTooLarge.
        """
        if document.path is not None:
            return cast("DocumentInfo", await self._call("probe", str(document.path)))
        data = document.data or b""
        return await self._near(data, lambda: probe(data, self._limits))

    async def prepare(self, document: Document, page: int, spec: ImageSpec) -> PageImage:
        """Decode, orient, resize and pack one 1-based page of a document that :meth:`hold` gave.

        Raises:
            UnreadableDocument, DocumentLimit.
        """
        if document.path is not None:
            return cast("PageImage", await self._call("prepare", str(document.path), page, spec))
        data = document.data or b""
        if len(data) <= _QUICK:
            image = as_it_came(data, page, spec, self._limits)
            if image is not None:
                return image
        return await self._in_thread(lambda: prepare(data, page, spec, self._limits))

    def close(self) -> None:
        """Stop the threads, after the pages they are at. Safe to call twice."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _loaded(self, document: Document, path: Path) -> Document:
        """A file as it is if a worker reads it, else its bytes. Of a PDF only the start is read."""
        with _opened(path) as file:
            media = sniff(file.read(PREFIX_BYTES))
            if media is not None and needs_worker(media):
                return document
            check_held(os.fstat(file.fileno()).st_size, self._limits)
            file.seek(0)
            data = file.read()
        return document if self._needs_worker(data) else Document(data=data, name=document.name)

    def _needs_worker(self, data: bytes) -> bool:
        check_bytes(len(data), self._limits)
        return belongs_in_worker(data, self._limits)

    async def _call(self, method: str, *args: object) -> object:
        try:
            return await self._workers.call(method, *args)
        except WorkerTimeout as error:
            what = "it takes too long to look at" if method == "probe" else "a page takes too long"
            raise DocumentLimit(what, field="image", limit=error.limit) from error
        except EngineFailed as error:  # a worker's failure is the document's doing here
            raise UnreadableDocument(
                "the document broke its decoder; it is damaged", field="image"
            ) from error

    async def _near(self, data: bytes, work: Callable[[], _T]) -> _T:
        """Look at headers: at once if ``data`` is small, else in a thread."""
        if len(data) <= _QUICK:
            return work()
        return await self._in_thread(work)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def step_back(nice: int = NICE) -> None:
    """Lower the priority of the calling thread; on Linux each thread has its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise UnreadableDocument(f"{path.name}: {error.strerror}", field="image") from error

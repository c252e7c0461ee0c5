"""A rasterizer of blank pages."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from ocrgate.domain.document import (
    Document,
    DocumentInfo,
    Encoding,
    ImageSpec,
    MediaType,
    PageImage,
)
from ocrgate.errors import UnreadableDocument
from ocrgate.ports import Clock
from ocrgate.runtime.clock import LoopClock, sleep


class ScriptedRasterizer:
    """A rasterizer of blank pages (a :class:`~ocrgate.ports.Rasterizer`).

    Args:
        pages: how many pages every document has.
        media: the format that every document has.
        width, height: pixels of every page.
        delay: seconds that each page takes to prepare.
        probe_error: what :meth:`probe` raises.
        errors: what :meth:`prepare` raises, by page number.
        clock: tells the time of ``delay``; without it, the event loop's.

    Attributes:
        prepared: page numbers in the order in which they were asked for.
        held: documents now open.
    """

    def __init__(
        self,
        pages: int = 1,
        *,
        media: MediaType = MediaType.PNG,
        width: int = 100,
        height: int = 100,
        delay: float = 0.0,
        probe_error: Exception | None = None,
        errors: Mapping[int, Exception] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._info = DocumentInfo(media, pages, width, height, 0)
        self._delay = delay
        self._probe_error = probe_error
        self._errors = errors or {}
        self._clock = clock or LoopClock()
        self.prepared: list[int] = []
        self.held = 0

    @asynccontextmanager
    async def hold(self, document: Document) -> AsyncIterator[Document]:
        """Count the document as open while the context lasts."""
        self.held += 1
        try:
            yield document
        finally:
            self.held -= 1

    async def probe(self, document: Document) -> DocumentInfo:
        """What the script says, with the document's real byte count."""
        if self._probe_error is not None:
            raise self._probe_error
        return replace(self._info, bytes=len(document.data or b""))

    async def prepare(
        self,
        document: Document,  # noqa: ARG002 - every document has the scripted pages
        page: int,
        spec: ImageSpec,  # noqa: ARG002 - every page is raw
    ) -> PageImage:
        """A black gray page, as raw bytes whatever the spec says.

        Raises:
            UnreadableDocument: the script has no such page.
        """
        self.prepared.append(page)
        if self._delay > 0:
            await sleep(self._clock, self._delay)
        if page in self._errors:
            raise self._errors[page]
        if not 1 <= page <= self._info.pages:
            raise UnreadableDocument(f"there is no page {page}")
        width, height = self._info.width, self._info.height
        return PageImage(bytes(width * height), Encoding.RAW, width, height, 1, width, height)

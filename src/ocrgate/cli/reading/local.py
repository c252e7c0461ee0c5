"""Reading on this machine: no HTTP, page by page from the file to the result."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TextIO

from ocrgate.cli.reading.outputs import Target
from ocrgate.cli.reading.progress import Progress
from ocrgate.cli.reading.report import FileReport
from ocrgate.cli.reading.sink import FileSink, Sink, StreamSink, off_loop
from ocrgate.cli.report import worded
from ocrgate.domain.document import (
    Document,
    DocumentInfo,
    Encoding,
    ImageSpec,
    MediaType,
    PageImage,
    PageSelection,
)
from ocrgate.domain.recognition import PageWarning
from ocrgate.errors import (
    BadEngineOutput,
    DeadlineExceeded,
    DocumentLimit,
    EngineFailed,
    OcrgateError,
    PayloadTooLarge,
    UnreadableDocument,
    UnsupportedMedia,
)
from ocrgate.formats import Format
from ocrgate.ports import EngineDescription, Rasterizer
from ocrgate.runtime.recognizer import DocumentRequest, PageResult, Recognizer

PAGE_ERRORS = (
    EngineFailed,
    BadEngineOutput,
    DeadlineExceeded,
    UnreadableDocument,
    UnsupportedMedia,
    DocumentLimit,
    PayloadTooLarge,
)
"""What one page can suffer from while the next one is read."""

_OPEN = 64  # files at once for an engine whose places a limit law finds
_PICTURE = ImageSpec(max_side=10_000, encoding=Encoding.JPEG)  # what a PDF shows of an image file


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for every file.

    Attributes:
        request: the reading; its selection is of the whole document.
        kind: the format of results.
        stdout: where results without a file go.
        titled: whether several results follow each other there.
    """

    request: DocumentRequest
    kind: Format
    stdout: TextIO
    titled: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """What reads on this machine."""

    recognizer: Recognizer
    rasterizer: Rasterizer
    description: EngineDescription


class LocalReader:
    """Reads files with the engine of this machine.

    Args:
        machine: what reads.
        wish: what is asked.
    """

    unit = "pages"

    def __init__(self, machine: Machine, wish: Wish) -> None:
        self._machine = machine
        self._wish = wish
        self._found: dict[Target, DocumentInfo] = {}

    @property
    def at_once(self) -> int:
        """Files worth having open at the same time."""
        engine = self._machine.description
        return engine.slots if not engine.elastic else min(_OPEN, engine.most or _OPEN)

    async def look(self, target: Target) -> int:
        """Pages to read of a file, found without decoding it.

        Raises:
            OcrgateError: it cannot be read, or has not the pages asked for.
        """
        info = await self._machine.recognizer.probe(_document(target))
        self._found[target] = info
        return len(self._wish.request.selection.resolve(info.pages))

    async def read(self, report: FileReport, progress: Progress) -> None:
        """Read a file that was looked at, keeping what was read on any way out.

        Raises:
            OcrgateError: nothing of it could be read.
        """
        info = self._found[report.target]
        numbers = self._wish.request.selection.resolve(info.pages)
        sink = await off_loop(self._open, report.target)
        try:
            await self._fill(sink, report, numbers, progress)
        except BaseException:
            if report.read:
                report.kept = await off_loop(sink.keep_partial)
            else:
                await off_loop(sink.discard)
            raise
        await off_loop(_conclude, sink, report)
        if report.failed and not report.read:
            raise next(iter(report.failed.values()))

    async def _fill(
        self, sink: Sink, report: FileReport, numbers: Sequence[int], progress: Progress
    ) -> None:
        document, info = _document(report.target), self._found[report.target]
        pictured = self._wish.kind is Format.PDF and info.media is not MediaType.PDF
        rasterizer = self._machine.rasterizer
        async with (
            rasterizer.hold(document) as held,
            aclosing(self._pages(document, numbers)) as pages,
        ):
            async for number, outcome in pages:
                if isinstance(outcome, PageResult):
                    image = await rasterizer.prepare(held, number, _PICTURE) if pictured else None
                    await off_loop(_put, sink, report, outcome, image)
                    self._doubt(report, outcome, progress)
                else:
                    report.failed[number] = outcome
                    if len(numbers) > 1:
                        name = report.target.source.shown
                        progress.note(f"{name}, page {number}: {worded(outcome)}")
                progress.done()

    def _doubt(self, report: FileReport, page: PageResult, progress: Progress) -> None:
        """Say what is wrong with a page that was read; JSON says it itself.

        That many pages have an empty one among them is nothing to talk about.
        """
        warnings = page.reading.warnings
        if not warnings:
            return
        told = report.doubt(warnings, page.reading.number)
        ordinary = warnings == (PageWarning.EMPTY,) and report.pages != 1
        if self._wish.kind is not Format.JSON and not ordinary:
            progress.note(told)

    async def _pages(
        self, document: Document, numbers: Sequence[int]
    ) -> AsyncGenerator[tuple[int, PageResult | OcrgateError]]:
        """Every page or its error, in order; after an error it goes on with the next page."""
        left = list(reversed(numbers))
        while left:
            selection = PageSelection(tuple((n, n) for n in reversed(left)))
            request = replace(self._wish.request, selection=selection)
            pages = self._machine.recognizer.pages(document, request)
            try:
                async with aclosing(pages):
                    async for result in pages:
                        yield left.pop(), result
            except PAGE_ERRORS as error:
                yield left.pop(), error
            else:
                return

    def _open(self, target: Target) -> Sink:
        wish, engine = self._wish, self._machine.description.name
        language = wish.request.asked.language
        if target.path is None:
            title = target.source.shown if wish.titled else None
            return StreamSink(wish.stdout, wish.kind, engine=engine, language=language, title=title)
        scanned = self._found[target].media is MediaType.PDF
        pdf = target.source.path if scanned else None
        return FileSink(target.path, wish.kind, engine=engine, source_pdf=pdf, language=language)


def _put(sink: Sink, report: FileReport, page: PageResult, image: PageImage | None) -> None:
    """Write a page and count it, without an interrupt in between that would throw it away."""
    sink.page(page.reading, image, page.usage)
    report.read += 1


def _conclude(sink: Sink, report: FileReport) -> None:
    """In one piece, so that an interrupt finds the file either unfinished or said to be done."""
    if report.read:
        sink.finish()
    else:
        sink.discard()
    report.finished = True


def _document(target: Target) -> Document:
    return Document(path=target.source.path, name=target.source.shown)

"""Document in, recognition out: probe, admit page by page, prepare, read."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from ocrgate.domain.document import Document, DocumentInfo, PageSelection
from ocrgate.domain.recognition import PageReading, Quality, Recognition, Task, Usage
from ocrgate.domain.ticket import Lane


@dataclass(frozen=True, slots=True)
class DocumentRequest:
    """What one caller asks for one document. ``timeout`` is seconds from now for all its pages."""

    task: Task = Task.TEXT
    language: str | None = None
    quality: Quality = Quality.AUTO
    selection: PageSelection = field(default_factory=PageSelection)
    lane: Lane = Lane.STANDARD
    caller: str = "anonymous"
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds spent in each stage, summed over pages: what ``Server-Timing`` shows."""

    queue: float = 0.0
    prepare: float = 0.0
    engine: float = 0.0

    def __add__(self, other: "Timings") -> "Timings":
        return Timings(
            self.queue + other.queue, self.prepare + other.prepare, self.engine + other.engine
        )


@dataclass(frozen=True, slots=True)
class PageResult:
    """One page, read."""

    reading: PageReading
    usage: Usage
    timings: Timings


@dataclass(frozen=True, slots=True)
class DocumentResult:
    """A whole document, read."""

    info: DocumentInfo
    recognition: Recognition
    timings: Timings


class Recognizer:
    """To be filled in by the runtime work; the signatures are the contract."""

    async def probe(self, document: Document) -> DocumentInfo:
        """Format, pages and size without decoding. Raises what ``Rasterizer.probe`` raises."""
        raise NotImplementedError

    def pages(self, document: Document, request: DocumentRequest) -> AsyncIterator[PageResult]:
        """Read page by page, yielding in the order asked for. Closing the iterator cancels.

        Raises:
            RequestError, RefusedError, EngineError, DeadlineExceeded.
        """
        raise NotImplementedError

    async def recognize(self, document: Document, request: DocumentRequest) -> DocumentResult:
        """Read the chosen pages and return them together."""
        raise NotImplementedError

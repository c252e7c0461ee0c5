"""What takes the pages of one file: a draft on disk, or standard output."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO, TypeVar

from ocrgate.cli.reading.outputs import partial_name
from ocrgate.domain.document import PageImage
from ocrgate.domain.recognition import PageReading, Usage
from ocrgate.formats import Format, open_writer, text_writer

T = TypeVar("T")


class Sink(Protocol):
    """Takes pages, then is finished, kept as it is, or thrown away. Every method blocks."""

    def page(self, reading: PageReading, image: PageImage | None, usage: Usage) -> None:
        """Write one page."""

    def finish(self) -> None:
        """All pages are there."""

    def keep_partial(self) -> str | None:
        """Some pages are there; where they were kept, None where that needs no saying."""

    def discard(self) -> None:
        """Leave nothing."""


class FileSink:
    """Writes under a name that says that pages are missing, until none is.

    Args:
        target: the finished file.
        kind: its format.
        engine: name of the engine, for JSON.
        source_pdf: the scanned PDF that a searchable PDF is laid over.
        language: BCP 47 tag, for hOCR and ALTO.

    Raises:
        UnreadableDocument: ``source_pdf`` is damaged or locked.
        OSError: the file cannot be written.
    """

    def __init__(
        self,
        target: Path,
        kind: Format,
        *,
        engine: str,
        source_pdf: Path | None,
        language: str | None,
    ) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self._target = target
        self._partial = partial_name(target)
        with about(target):
            self._writer = open_writer(
                kind,
                self._partial,
                engine=engine,
                source_pdf=source_pdf,
                language=language,
                title=target.stem,
            )

    def page(self, reading: PageReading, image: PageImage | None, usage: Usage) -> None:
        """Write one page."""
        with about(self._target):
            self._writer.page(reading, image=image, usage=usage)

    def finish(self) -> None:
        """Complete the file and give it its name."""
        with about(self._target):
            self._writer.close()
            self._partial.replace(self._target)

    def keep_partial(self) -> str:
        """Complete the file with the pages that are there."""
        with about(self._target):
            self._writer.close()
        return str(self._partial)

    def discard(self) -> None:
        """Leave nothing."""
        with about(self._target):
            self._writer.close()
            self._partial.unlink(missing_ok=True)


class StreamSink:
    """Writes text to standard output, as it comes.

    Args:
        stream: standard output.
        kind: a text-like format.
        engine: name of the engine, for JSON.
        language: BCP 47 tag, for hOCR and ALTO.
        title: printed first, where several files follow each other.
    """

    def __init__(
        self, stream: TextIO, kind: Format, *, engine: str, language: str | None, title: str | None
    ) -> None:
        self._stream = stream
        if title is not None:
            stream.write(f"==> {title} <==\n")
        self._writer = text_writer(kind, stream, engine=engine, language=language)

    def page(self, reading: PageReading, image: PageImage | None, usage: Usage) -> None:
        """Write one page."""
        self._writer.page(reading, image=image, usage=usage)

    def finish(self) -> None:
        """Complete what was begun."""
        self._writer.close()
        self._stream.flush()

    def keep_partial(self) -> None:
        """What was printed stays printed; make it whole."""
        self.finish()

    def discard(self) -> None:
        """The same: a head that was printed gets its foot."""
        self.finish()


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Name the file in errors of writing it, which know none, such as that of a full disk."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


async def off_loop(call: Callable[..., T], *arguments: object) -> T:
    """Run a blocking call in a thread, to its end even if we are cancelled meanwhile.

    What is written page by page must not be closed under the hands of its writer.
    """
    work = asyncio.ensure_future(asyncio.to_thread(call, *arguments))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise

"""Results written to files of any format, under their name only once they are complete."""

from pathlib import Path
from typing import Self, TextIO

from ocrgate.domain.document import PageImage
from ocrgate.domain.recognition import PageReading, Usage
from ocrgate.formats.kinds import DEFAULT_DPI, Format
from ocrgate.formats.stream import PageWriter, text_writer


class FileWriter:
    """Writes ``NAME.part`` page by page and names it ``NAME`` on ``close``; blocking.

    As a context manager it closes on every way out: an interrupted document leaves a valid file
    of the pages read until then, one without a single page leaves none. A ``.part`` that stays
    behind means that the process was killed; of text and Markdown it holds all finished pages.
    """

    def __init__(self, path: Path, part: Path, writer: PageWriter, sink: TextIO | None) -> None:
        """``sink`` is the open text file that ``writer`` writes to, if it writes to one."""
        self._path = path
        self._part = part
        self._writer = writer
        self._sink = sink
        self._pages = 0
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def pages(self) -> int:
        """How many pages have been written."""
        return self._pages

    def page(
        self, reading: PageReading, *, image: PageImage | None = None, usage: Usage | None = None
    ) -> None:
        """Write one page. Raises what the format's writer raises."""
        self._writer.page(reading, image=image, usage=usage)
        self._pages += 1

    def close(self) -> None:
        """Complete the file and give it its name. Safe to call twice.

        Raises:
            OSError: it cannot be written; of a text what was written stays in ``.part``.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._finish()
        except OSError:
            if not (self._sink and self._part.stat().st_size):
                self._part.unlink(missing_ok=True)  # nobody could read it
            raise
        if self._pages:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)

    def _finish(self) -> None:
        try:
            self._writer.close()
        finally:
            if self._sink:
                self._sink.close()


def open_writer(
    kind: Format,
    path: Path,
    *,
    engine: str,
    source_pdf: Path | None = None,
    words: bool = False,
    language: str | None = None,
    dpi: float = DEFAULT_DPI,
    title: str | None = None,
) -> FileWriter:
    """A writer of any format to a file.

    Args:
        kind: the format.
        path: the file to be; its folder exists.
        engine: the engine's name, for JSON.
        source_pdf: the PDF that is read, so that a searchable PDF keeps its pages as they are;
            without it, each page needs its ``image``.
        words: word boxes in JSON, too.
        language: a BCP 47 tag for hOCR and ALTO.
        dpi: resolution of page images, for the size on paper of a PDF made of them.
        title: the title of a PDF made of images.

    Raises:
        UnreadableDocument: ``source_pdf`` is damaged or locked.
        OSError: the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    if kind is Format.PDF:
        from ocrgate.formats.searchable_pdf import PdfWriter  # noqa: PLC0415 (loads pikepdf)

        pdf = PdfWriter(part, source_pdf, dpi=dpi, title=title)
        return FileWriter(path, part, pdf, None)
    sink = part.open("w", encoding="utf-8", newline="\n")
    writer = text_writer(kind, sink, engine=engine, words=words, language=language)
    return FileWriter(path, part, writer, sink)

"""Results written page by page, so that no document is ever held whole.

Text and Markdown are complete after every page. JSON, hOCR and ALTO are completed by ``close``,
which is therefore called on every way out, an interrupt included: what was read until then is a
valid file.
"""

import json
from collections.abc import Callable
from io import StringIO
from tempfile import SpooledTemporaryFile
from typing import Protocol, TextIO

from ocrgate.domain.document import PageImage
from ocrgate.domain.recognition import PageReading, Recognition, Usage
from ocrgate.formats import alto, hocr
from ocrgate.formats.document import document_json, page_json, results_json, usage_json
from ocrgate.formats.kinds import Format
from ocrgate.formats.language import language_tag
from ocrgate.formats.markdown import page_markdown
from ocrgate.formats.text import page_text

_IN_MEMORY = 1 << 20  # bytes of page texts held before they go to a temporary file


class PageWriter(Protocol):
    """Takes pages in the order asked for."""

    def page(
        self, reading: PageReading, *, image: PageImage | None = None, usage: Usage | None = None
    ) -> None:
        """Write one page. ``image`` is only used for a searchable PDF made from images.

        Raises:
            InvalidRequest: the format needs places and the engine gave none.
        """

    def close(self) -> None:
        """Complete what was begun. Safe to call twice."""


class TextualWriter:
    """A format whose pages stand between a head and a foot."""

    def __init__(self, sink: TextIO, *, head: str, page: Callable[..., str], foot: str) -> None:
        """``page(reading, first=...)`` gives a page's text. The sink stays the caller's."""
        self._sink = sink
        self._page = page
        self._foot = foot
        self._first = True
        sink.write(head)

    def page(
        self, reading: PageReading, *, image: PageImage | None = None, usage: Usage | None = None
    ) -> None:
        """Write one page and hand it to the operating system."""
        del image, usage
        self._sink.write(self._page(reading, first=self._first))
        self._sink.flush()
        self._first = False

    def close(self) -> None:
        """Write the foot."""
        self._sink.write(self._foot)
        self._foot = ""
        self._sink.flush()


class JsonWriter:
    """The JSON form, written line by line; the same document as :func:`document_json`."""

    def __init__(self, sink: TextIO, *, engine: str, words: bool) -> None:
        """The sink stays the caller's."""
        self._sink = sink
        self._engine = engine
        self._words = words
        self._usage = Usage()
        self._results = 0
        self._page_entries = _spool()
        self._texts = _spool()
        self._closed = False
        sink.write('{"results": [')

    def page(
        self, reading: PageReading, *, image: PageImage | None = None, usage: Usage | None = None
    ) -> None:
        """Write one page's lines; its entry and text follow when all are known."""
        del image
        for entry in results_json(reading, words=self._words):
            self._sink.write((",\n" if self._results else "\n") + _dumps(entry))
            self._results += 1
        entry = page_json(reading)
        first = not self._page_entries.tell()
        self._page_entries.write(("\n" if first else ",\n") + _dumps(entry))
        self._texts.write(("" if first else "\\f") + _dumps(entry["text"])[1:-1])
        self._usage += usage or Usage()
        self._sink.flush()

    def close(self) -> None:
        """Write the pages, the whole text, the engine and the usage."""
        if self._closed:
            return
        self._closed = True
        self._sink.write('\n],\n"pages": [')
        self._copy(self._page_entries)
        self._sink.write('\n],\n"text": "')
        self._copy(self._texts)
        tail = f'",\n"engine": {_dumps(self._engine)},\n"usage": {_dumps(usage_json(self._usage))}'
        self._sink.write(tail + "}\n")
        self._sink.flush()

    def _copy(self, spool: "SpooledTemporaryFile[str]") -> None:
        with spool:
            spool.seek(0)
            while part := spool.read(1 << 16):
                self._sink.write(part)


def text_writer(
    kind: Format, sink: TextIO, *, engine: str, words: bool = False, language: str | None = None
) -> PageWriter:
    """A writer of any format but PDF to an open text stream (UTF-8, newlines as they are).

    ``words`` adds word boxes to JSON; hOCR and ALTO always have them. ``language`` is a BCP 47
    tag for hOCR and ALTO, or a hint that they leave out where it is none.

    Raises:
        ValueError: for ``Format.PDF``, which is not text.
    """
    if kind is Format.JSON:
        return JsonWriter(sink, engine=engine, words=words)
    head, page, foot = _parts(kind, language)
    return TextualWriter(sink, head=head, page=page, foot=foot)


def render(
    recognition: Recognition, kind: Format, *, words: bool = False, language: str | None = None
) -> str:
    """A whole recognition as text of any format but PDF.

    Raises:
        InvalidRequest: the format needs places and the engine gave none.
        ValueError: for ``Format.PDF``, which is not text.
    """
    if kind is Format.JSON:
        return _dumps(document_json(recognition, words=words)) + "\n"
    sink = StringIO()
    writer = text_writer(kind, sink, engine=recognition.engine, language=language)
    for page in recognition.pages:
        writer.page(page)
    writer.close()
    return sink.getvalue()


def _parts(kind: Format, language: str | None) -> tuple[str, Callable[..., str], str]:
    if kind is Format.TEXT:
        return "", page_text, ""
    if kind is Format.MARKDOWN:
        return "", page_markdown, ""
    if kind is Format.HOCR:
        return hocr.head(language_tag(language)), lambda page, **_: hocr.page_hocr(page), hocr.FOOT
    if kind is Format.ALTO:
        tag = language_tag(language)
        return alto.head(), lambda page, **_: alto.page_alto(page, tag), alto.FOOT
    raise ValueError(f"{kind} is not text")


def _spool() -> "SpooledTemporaryFile[str]":
    return SpooledTemporaryFile(_IN_MEMORY, mode="w+", encoding="utf-8", newline="")


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

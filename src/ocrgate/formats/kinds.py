"""The formats that a result can be had in: names, file suffixes, media types."""

from collections.abc import Container
from enum import StrEnum
from typing import Self

from ocrgate.domain.recognition import Task
from ocrgate.errors import InvalidRequest

DEFAULT_DPI = 200.0  # of page images of unknown resolution: what PDF pages are drawn at, too


class Format(StrEnum):
    """How a result is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    HOCR = "hocr"
    ALTO = "alto"
    PDF = "pdf"

    @classmethod
    def parse(cls, name: str, *, field: str = "format") -> Self:
        """The format of that name, in any case, aliases such as ``txt`` and ``md`` included.

        Raises:
            InvalidRequest: there is no such format.
        """
        lowered = name.strip().lower()
        try:
            return cls(_ALIASES.get(lowered, lowered))
        except ValueError:
            raise InvalidRequest(
                f"{name[:40]!r} is not a format; there are {', '.join(cls)}", field=field
            ) from None

    @property
    def suffix(self) -> str:
        """The usual end of a file name, with its dot."""
        return _SUFFIXES[self]

    @property
    def media_type(self) -> str:
        """The value of ``Content-Type``."""
        return _MEDIA_TYPES[self]

    @property
    def needs_boxes(self) -> bool:
        """Whether it can only be made of lines whose place is known."""
        return self in {Format.HOCR, Format.ALTO, Format.PDF}

    def task(self, known: Container[Task]) -> Task:
        """What to read for when nobody says, so that this format shows most: one of ``known``."""
        wanted = Task.MARKDOWN if self is Format.MARKDOWN else Task.TEXT
        wanted = Task.SPOTTING if self.needs_boxes else wanted
        return wanted if wanted in known else Task.TEXT


_ALIASES = {"txt": "text", "md": "markdown", "xml": "alto", "html": "hocr"}

_SUFFIXES = {
    Format.TEXT: ".txt",
    Format.MARKDOWN: ".md",
    Format.JSON: ".json",
    Format.HOCR: ".hocr",
    Format.ALTO: ".xml",
    Format.PDF: ".pdf",
}

_MEDIA_TYPES = {
    Format.TEXT: "text/plain; charset=utf-8",
    Format.MARKDOWN: "text/markdown; charset=utf-8",
    Format.JSON: "application/json",
    Format.HOCR: "text/html; charset=utf-8",
    Format.ALTO: "application/xml",
    Format.PDF: "application/pdf",
}

"""What a caller hands in: a document, its pages, and how a page's pixels travel to an engine."""

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Protocol, Self

from ocrgate.errors import InvalidRequest

_OFTEN = 100
"""Times that each page may be named on the average; a short text can name thousands thousands of
times, which would take seconds."""

_SPAN = re.compile(r"(\d{1,7})(?:-(\d{1,7})?)?")


class MediaType(StrEnum):
    """The formats that are read here, by their IANA names."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    TIFF = "image/tiff"
    BMP = "image/bmp"
    GIF = "image/gif"
    HEIC = "image/heic"
    PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes to read, in memory (``data``) or on this machine's disk (``path``); never both.

    ``path`` is only ever set by ourselves (a spooled upload, a file named on the command line).
    """

    data: bytes | None = None
    path: Path | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if (self.data is None) == (self.path is None):
            raise ValueError("a document is either data or a path")


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What probing found without decoding: format, page count, size of the first page.

    ``width`` and ``height`` are pixels as displayed (EXIF orientation applied); for PDF, of the
    first page at the rasterizing resolution.
    """

    media: MediaType
    pages: int
    width: int
    height: int
    bytes: int


@dataclass(frozen=True, slots=True)
class PageSelection:
    """Which 1-based pages to read: spans in the order given; ``()`` means all."""

    spans: tuple[tuple[int, int | None], ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read a string such as ``1-3,7`` or ``5-`` (open end).

        Raises:
            InvalidRequest: when it is not of that form, is zero-based or runs backwards.
        """
        if text is None or not text.strip():
            return cls()
        return cls(tuple(_span(part.strip()) for part in text.split(",")))

    def resolve(self, pages: int) -> tuple[int, ...]:
        """The chosen page numbers of a document of ``pages`` pages, each once, in order given.

        Raises:
            InvalidRequest: when a named page is past the end, or pages are named over and over.
        """
        if not self.spans:
            return tuple(range(1, pages + 1))
        spans = [range(first, (last or pages) + 1) for first, last in self.spans]
        latest = max(max(span.start, span.stop - 1) for span in spans)
        if latest > pages:
            raise InvalidRequest(
                f"page {latest} was asked for, the document has {pages}",
                field="pages",
                limit=f"{pages} pages",
            )
        if sum(map(len, spans)) > pages * _OFTEN:
            raise InvalidRequest("it names the same pages over and over", field="pages")
        return tuple(dict.fromkeys(chain.from_iterable(spans)))


def _span(part: str) -> tuple[int, int | None]:
    match = _SPAN.fullmatch(part)
    if match is None:
        raise InvalidRequest(
            f"{part[:40]!r} is not a page or range such as 7 or 1-3", field="pages"
        )
    first = int(match[1])
    last = int(match[2]) if match[2] else (None if "-" in part else first)
    if first < 1 or (last is not None and last < first):
        raise InvalidRequest(f"{part!r}: pages count from 1 and ranges rise", field="pages")
    return first, last


class Encoding(StrEnum):
    """How the pixels of a :class:`PageImage` are packed."""

    RAW = "raw"  # rows of uint8, no padding: height x width x channels
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"


class Sizing(Protocol):
    """A model's own rule for the size of its input. Picklable and comparable by value."""

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The size in which to send a page of ``width`` x ``height`` pixels: never larger."""


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """What an engine wants to be given.

    Attributes:
        max_side: longest side in pixels; larger pages are shrunk, smaller ones never grown.
        encoding: ``RAW`` for an engine in this machine's memory, ``JPEG`` for one over HTTP;
            with ``JPEG`` a file that already fits may be passed through as it is.
        lossless: PNG (gray) or WebP (color) instead of JPEG.
        pdf_dpi: resolution at which PDF pages are drawn (still bounded by ``max_side``).
        sizing: a further bound that depends on the shape of the page, such as what the model's
            encoder takes; None means that ``max_side`` is all.
    """

    max_side: int = 1024
    encoding: Encoding = Encoding.JPEG
    lossless: bool = False
    pdf_dpi: int = 200
    sizing: Sizing | None = None


@dataclass(frozen=True, slots=True)
class PageImage:
    """One upright page, ready for an engine.

    ``width``, ``height`` describe ``data``; ``source_width``, ``source_height`` the page as
    displayed before resizing, the system in which boxes are reported. ``channels`` is 1 or 3
    (RGB order).
    """

    data: bytes
    encoding: Encoding
    width: int
    height: int
    channels: int
    source_width: int
    source_height: int

"""Pages, pictures and readers of the PDFs that are written here."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from PIL import Image

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.domain.recognition import Line, Point, Word


@pytest.fixture
def level_line() -> Callable[..., Line]:
    """Builds a level line of words given as (text, x1, x2); ``y`` is its top, 40 pixels high."""

    def build(*words: tuple[str, float, float], y: float = 100) -> Line:
        def corners(x1: float, x2: float) -> tuple[Point, ...]:
            return (Point(x1, y), Point(x2, y), Point(x2, y + 40), Point(x1, y + 40))

        return Line(
            " ".join(text for text, _, _ in words),
            corners(words[0][1], words[-1][2]),
            0.9,
            tuple(Word(text, corners(x1, x2), 0.9) for text, x1, x2 in words),
        )

    return build


@pytest.fixture
def jpeg() -> Callable[[int, int], PageImage]:
    """Builds a blank gray JPEG of a size."""

    def build(width: int, height: int) -> PageImage:
        sink = io.BytesIO()
        Image.new("L", (width, height), 255).save(sink, "JPEG")
        return PageImage(sink.getvalue(), Encoding.JPEG, width, height, 1, width, height)

    return build


@pytest.fixture
def opened() -> Iterator[Callable[[Path], pdfium.PdfDocument]]:
    """Opens PDFs with a reader and closes them."""
    documents: list[pdfium.PdfDocument] = []

    def build(path: Path) -> pdfium.PdfDocument:
        documents.append(pdfium.PdfDocument(path))
        return documents[-1]

    yield build
    for document in documents:
        document.close()

"""Pages of a PDF drawn by PDFium, one at a time. Not thread-safe: PDFium allows one caller.

Text layers are not looked at: they may be wrong, hidden or hostile; what is seen is what is read.
"""

import math
from pathlib import Path
from typing import Any, Final, Self

import pypdfium2 as pdfium
import pypdfium2.internal as pdfium_internal
import pypdfium2.raw as pdfium_c
from PIL import Image

from ocrgate.domain.document import ImageSpec
from ocrgate.errors import DocumentLimit, UnreadableDocument
from ocrgate.imaging.burden import Scales, check_tables
from ocrgate.imaging.faults import decoding
from ocrgate.imaging.geometry import Size
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.scan import scan_resolution
from ocrgate.imaging.watch import Watch

_POINTS: Final = 72  # per inch
_WHITE: Final = (255, 255, 255, 255)
# PDFium keeps the streams of every page it touched until the document is closed: 1.2 MB per
# scanned page. Opening costs a millisecond.
_REOPEN_AFTER: Final = 25
# A hundred times the largest page that the format's own authors foresaw (14,400 units).
_MAX_POINTS: Final = 1_440_000


class PdfFile:
    """An open PDF. Close it, or use it in a ``with`` block."""

    def __init__(self, path: Path, limits: ImageLimits) -> None:
        """Open ``path``.

        Raises:
            UnreadableDocument: damaged, without pages, or locked by a password.
            DocumentLimit: more than ``limits.max_pages`` pages.
        """
        self._path = path
        self._limits = limits
        self._drawn = 0
        check_tables(path)
        self._scales = Scales(path)
        self._document = _open(path)
        self.pages = len(self._document)
        if self.pages < 1 or self.pages > limits.max_pages:
            self.close()
            raise self._miscounted()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back its memory. Safe to call twice."""
        self._scales.close()
        self._document.close()

    def size(self, page: int, dpi: int) -> Size:
        """Pixels of a 1-based page at ``dpi``, less where that would pass the limits.

        Raises:
            UnreadableDocument: no such page, or a broken one.
            DocumentLimit: a size that no paper has.
        """
        with decoding(f"page {page}"):
            points = self._document.get_page_size(self._index(page))
        return _pixels(points, self._scale(page, points, dpi))

    def draw(self, page: int, spec: ImageSpec, watch: Watch) -> tuple[Image.Image, Size]:
        """A 1-based page in color, at most ``spec.max_side`` long, and its size at the usual dpi.

        A page that is one scanned picture is drawn at that picture's own resolution when this is
        finer than ``spec.pdf_dpi``.

        Raises:
            UnreadableDocument: no such page, or a broken one.
            DocumentLimit: it takes too much time or memory.
            DeadlineExceeded: the caller is gone.
        """
        self._refresh()
        with decoding(f"page {page}"):
            index = self._index(page)
            self._scales.check(page)
            sheet = self._document[index]
            try:
                points = sheet.get_size()
                usual = self._scale(page, points, spec.pdf_dpi)
                finer = max(usual, min(scan_resolution(sheet), self._bound(points)))
                scale = min(finer, spec.max_side / max(points))
                return _draw(sheet, _pixels(points, scale), watch), _pixels(points, usual)
            finally:
                sheet.close()

    def _index(self, page: int) -> int:
        if not 1 <= page <= self.pages:
            raise UnreadableDocument(f"the PDF has no page {page}", field="pages")
        return page - 1

    def _refresh(self) -> None:
        self._drawn += 1
        if self._drawn > _REOPEN_AFTER:
            self.close()
            self._scales, self._document = Scales(self._path), _open(self._path)
            self._drawn = 1

    def _scale(self, page: int, points: tuple[float, float], dpi: int) -> float:
        """Pixels per point: ``dpi``, or as much of it as the limits allow."""
        if not 0 < min(points) <= max(points) < _MAX_POINTS:
            raise DocumentLimit(
                f"page {page} of {points[0]:g} by {points[1]:g} points is no sheet of paper",
                field="image",
                limit=f"{_MAX_POINTS} points per side",
            )
        return min(dpi / _POINTS, self._bound(points))

    def _bound(self, points: tuple[float, float]) -> float:
        """The scale at which a page just keeps the limits of side and area."""
        area = math.sqrt(self._limits.max_pixels / (points[0] * points[1]))
        return min(area, self._limits.max_side / max(points))

    def _miscounted(self) -> UnreadableDocument | DocumentLimit:
        if self.pages < 1:
            return UnreadableDocument("the PDF has no pages", field="image")
        return DocumentLimit(
            f"the PDF has {self.pages} pages",
            field="image",
            limit=f"{self._limits.max_pages} pages",
        )


def _pixels(points: tuple[float, float], scale: float) -> Size:
    width, height = (max(1, round(side * scale)) for side in points)
    return width, height


def _open(path: Path) -> Any:
    try:
        document = pdfium.PdfDocument(path)
        document.init_forms()
    except pdfium.PdfiumError as error:
        if error.err_code == pdfium_c.FPDF_ERR_PASSWORD:
            raise UnreadableDocument(
                "the PDF is locked by a password; save it without one", field="image"
            ) from error
        raise UnreadableDocument(
            "the PDF is damaged and cannot be opened", field="image"
        ) from error
    return document


def _draw(sheet: Any, size: Size, watch: Watch) -> Image.Image:
    """Draw page, annotations and form fields. PDFium asks ``watch`` every few rows."""
    bitmap = pdfium.PdfBitmap.new_native(*size, pdfium_c.FPDFBitmap_BGRx)
    bitmap.fill_rect(_WHITE, 0, 0, *size)
    place = (bitmap, sheet, 0, 0, *size, 0, pdfium_c.FPDF_ANNOT)
    pause = pdfium_c.IFSDK_PAUSE(version=1)
    pdfium_internal.set_callback(pause, "NeedToPauseNow", lambda _: watch.must_end())
    try:
        status = pdfium_c.FPDF_RenderPageBitmap_Start(*place, pause)
    finally:
        pdfium_c.FPDF_RenderPage_Close(sheet)
    watch.check()
    if status != pdfium_c.FPDF_RENDER_DONE:
        raise pdfium.PdfiumError("drawing failed")
    if sheet.formenv:
        pdfium_c.FPDF_FFLDraw(sheet.formenv, *place)
    return Image.frombuffer("RGB", size, bitmap.buffer, "raw", "BGRX", bitmap.stride, 1)

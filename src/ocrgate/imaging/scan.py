"""Whether a PDF page is nothing but a scanned picture, and how fine that is."""

import math
from collections.abc import Iterator
from typing import Any, Final

import pypdfium2.raw as pdfium_c
from pypdfium2 import PdfImage, PdfObject

_COVERS: Final = 0.85  # of the page's area: scanners leave margins, cropping takes some away
_LOOKED_AT: Final = 20  # objects from either end: hidden text comes in thousands


def scan_resolution(page: Any) -> float:
    """Pixels per point of the picture that covers the page; 0 when none does."""
    width, height = page.get_size()
    return max((_resolution(image, width * height) for image in _images(page)), default=0.0)


def _images(page: Any) -> Iterator[PdfImage]:
    count = pdfium_c.FPDFPage_CountObjects(page)
    near = {*range(min(count, _LOOKED_AT)), *range(max(0, count - _LOOKED_AT), count)}
    for index in sorted(near):
        raw = pdfium_c.FPDFPage_GetObject(page, index)
        if raw and pdfium_c.FPDFPageObj_GetType(raw) == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            yield PdfObject(raw, page=page)


def _resolution(image: PdfImage, page_area: float) -> float:
    left, bottom, right, top = image.get_bounds()
    area = (right - left) * (top - bottom)
    if area < _COVERS * page_area:
        return 0.0
    # By area, since the picture may be turned by a quarter on its page.
    return math.sqrt(math.prod(image.get_px_size()) / area)

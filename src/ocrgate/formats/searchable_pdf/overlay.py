"""A searchable PDF made of a PDF: its pages as they are, with unseen text put under them.

The text goes before the page's own content, where the graphics state is still the initial one,
whatever that content leaves behind. What is read is what was seen: text that was there but
unseen (a former recognition) is taken out, so that nothing is found twice.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf

from ocrgate.domain.recognition import Box, Line, PageReading
from ocrgate.errors import UnreadableDocument
from ocrgate.formats.placement import place, with_places
from ocrgate.formats.searchable_pdf.former import DAMAGED, FormerText, packed, strip_former_text
from ocrgate.formats.searchable_pdf.glyphs import NAME, GlyphTable
from ocrgate.formats.searchable_pdf.layer import Affine, text_layer
from ocrgate.formats.searchable_pdf.objects import PRODUCER
from ocrgate.formats.searchable_pdf.truetype import ASCENT, DESCENT, UNITS_PER_EM, glyphless_font

_LETTER = Box(0, 0, 612, 792)  # what readers show for a page without a usable MediaBox


class OverlaidPages:
    """Adds text to pages of an open PDF and saves those pages."""

    def __init__(self, path: Path, source: Path) -> None:
        """Open the source.

        Raises:
            UnreadableDocument: it is damaged or locked.
        """
        self._path = path
        with _readable():
            self._pdf = pikepdf.open(source)
        self._font = self._pdf.make_indirect(Dictionary(Type=Name.Font))
        self._glyphs = GlyphTable()
        self._numbers: list[int] = []

    def page(self, reading: PageReading) -> None:
        """Add one page's text.

        Raises:
            InvalidRequest: the engine gave no places.
            UnreadableDocument: the page is damaged, or not in the source.
        """
        reading = with_places(reading)
        with _readable():
            page = self._pdf.pages[reading.number - 1]
            former = strip_former_text(self._pdf, page)
            matrix = pixels_to_user_space(page, reading)
            font = _free_name(page)
            layer = text_layer(_missing(reading, former, matrix), matrix, self._glyphs, font=font)
            if layer:
                _add_font(page, font, self._font)
                page.contents_add(packed(self._pdf, layer), prepend=True)
        self._numbers.append(reading.number)

    def close(self) -> None:
        """Save the pages that were given text, in the order given.

        A document of which every page was read keeps its outline, forms and attachments; of any
        other selection only the pages are copied, so that nothing of the rest is left inside.

        Raises:
            UnreadableDocument: the source is too damaged to be copied.
        """
        with _readable(), self._pdf:
            if not self._numbers:
                return
            _fill_font(self._pdf, self._font, self._glyphs)
            if self._numbers == list(range(1, len(self._pdf.pages) + 1)):
                _save(self._pdf, self._path)
                return
            with Pdf.new() as chosen:
                chosen.add_pages_from(self._pdf, [number - 1 for number in self._numbers])
                _save(chosen, self._path)


def pixels_to_user_space(page: pikepdf.Page, reading: PageReading) -> Affine:
    """The matrix from pixels of the page as displayed to the page's own coordinates.

    Displayed is the crop box within the media box, turned clockwise by ``/Rotate``; ``UserUnit``
    scales both sides of the equation and cancels out (ISO 32000-1, 14.11.2 and 7.7.3.3).
    """
    box = _visible_box(page)
    wide, high = box.x2 - box.x1, box.y2 - box.y1
    width, height = max(reading.width, 1), max(reading.height, 1)
    match page.rotation:
        case 90:
            return Affine(0, high / width, wide / height, 0, box.x1, box.y1)
        case 180:
            return Affine(-wide / width, 0, 0, high / height, box.x2, box.y1)
        case 270:
            return Affine(0, -high / width, -wide / height, 0, box.x2, box.y2)
        case _:
            return Affine(wide / width, 0, 0, -high / height, box.x1, box.y2)


def _visible_box(page: pikepdf.Page) -> Box:
    media = _box(page.obj.get("/MediaBox")) or _LETTER
    crop = _box(page.obj.get("/CropBox")) or media
    left, bottom = max(media.x1, crop.x1), max(media.y1, crop.y1)
    right, top = min(media.x2, crop.x2), min(media.y2, crop.y2)
    return Box(left, bottom, right, top) if left < right and bottom < top else media


def _box(value: Any) -> Box | None:
    """A PDF rectangle with its corners in order; None if it is no rectangle with an area."""
    try:
        x1, y1, x2, y2 = (float(number) for number in value)
    except (TypeError, ValueError):
        return None
    box = Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    return box if box.x1 < box.x2 and box.y1 < box.y2 else None


def _missing(reading: PageReading, former: FormerText, matrix: Affine) -> Iterator[Line]:
    """The lines that a search of the page as it is would not find."""
    for line in reading.lines():
        corners = [matrix.point(point) for point in place(line)]
        x = sum(point.x for point in corners) / len(corners)
        y = sum(point.y for point in corners) / len(corners)
        if not former.covers(x, y):
            yield line


def _free_name(page: pikepdf.Page) -> str:
    fonts = _fonts(page)
    number = 0
    while f"/ocrgate{number}" in fonts:
        number += 1
    return f"ocrgate{number}"


def _fonts(page: pikepdf.Page) -> dict[str, Any]:
    resources = page.obj.get("/Resources")
    fonts = resources.get("/Font") if isinstance(resources, Dictionary) else None
    return dict(fonts.items()) if isinstance(fonts, Dictionary) else {}


def _add_font(page: pikepdf.Page, name: str, font: pikepdf.Object) -> None:
    """Name the font in resources of the page's own: the old ones may be shared."""
    old = page.obj.get("/Resources")
    resources = dict(old.items()) if isinstance(old, Dictionary) else {}
    resources["/Font"] = Dictionary(_fonts(page) | {f"/{name}": font})
    page.obj.Resources = Dictionary(resources)


def _fill_font(pdf: Pdf, font: pikepdf.Object, glyphs: GlyphTable) -> None:
    program = glyphless_font()
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name("/" + NAME),
        Flags=4,
        ItalicAngle=0,
        StemV=80,
        Ascent=ASCENT,
        Descent=DESCENT,
        CapHeight=ASCENT,
        FontBBox=Array([0, DESCENT, UNITS_PER_EM, ASCENT]),
        FontFile2=pdf.make_stream(program, Length1=len(program)),
    )
    descendant = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name("/" + NAME),
        DW=UNITS_PER_EM,
        CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
        FontDescriptor=pdf.make_indirect(descriptor),
        CIDToGIDMap=pdf.make_stream(glyphs.cid_to_gid()),
        W=Array([1, Array(glyphs.widths())]),
    )
    font.Subtype = Name.Type0
    font.BaseFont = Name("/" + NAME)
    font.Encoding = Name("/Identity-H")
    font.DescendantFonts = Array([pdf.make_indirect(descendant)])
    font.ToUnicode = pdf.make_stream(glyphs.to_unicode())


def _save(pdf: Pdf, path: Path) -> None:
    pdf.docinfo[Name.Producer] = PRODUCER
    pdf.save(path)


@contextmanager
def _readable() -> Iterator[None]:
    """Our errors for the library's, and no remarks on what it could repair."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except pikepdf.PasswordError as error:
        raise UnreadableDocument("the PDF is locked with a password", field="image") from error
    except DAMAGED as error:
        raise UnreadableDocument(f"the PDF is damaged: {error}", field="image") from error

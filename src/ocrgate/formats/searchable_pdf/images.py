"""A searchable PDF made of page images."""

from pathlib import Path

from ocrgate.domain.document import PageImage
from ocrgate.domain.recognition import PageReading, Point
from ocrgate.formats.placement import with_places
from ocrgate.formats.searchable_pdf.glyphs import NAME, GlyphTable
from ocrgate.formats.searchable_pdf.layer import Affine, text_layer
from ocrgate.formats.searchable_pdf.objects import PRODUCER, PageTree, PdfFile, text_string
from ocrgate.formats.searchable_pdf.picture import picture
from ocrgate.formats.searchable_pdf.truetype import ASCENT, DESCENT, UNITS_PER_EM, glyphless_font

POINTS_PER_INCH = 72
LONGEST_SIDE = 14_400  # points; ISO 32000-1, annex C: readers refuse larger pages


class ImagePages:
    """Writes page after page; holds nothing of a page once it is written."""

    def __init__(self, path: Path, *, dpi: float, title: str | None) -> None:
        """``dpi`` is the resolution of the source page, which sets the size on paper."""
        self._file = PdfFile(path)
        self._tree = PageTree(self._file)
        self._font = self._file.reserve()
        self._glyphs = GlyphTable()
        self._dpi = dpi
        self._title = title

    def page(self, reading: PageReading, image: PageImage) -> None:
        """Write one page, turned to be upright: the picture as it is, unseen text over it.

        Raises:
            InvalidRequest: no line has a place.
        """
        reading = with_places(reading)
        width, height, matrix = _upright(reading, self._scale(reading))
        text = text_layer(reading.lines(), matrix, self._glyphs)
        shown = picture(image)
        drawn = self._file.put_stream(shown.data, shown.entries, packed=True)
        paint = f"q\n{_placed(reading, matrix)} cm\n/page Do\nQ\n"
        content = self._file.put_stream(paint.encode("ascii") + text)
        resources = f"<< /XObject << /page {drawn} 0 R >> /Font << /ocrgate {self._font} 0 R >> >>"
        page = self._file.put(
            f"<< /Type /Page /Parent {self._tree.parent} 0 R /Contents {content} 0 R"
            f" /MediaBox [0 0 {width:.4f} {height:.4f}] /Resources {resources} >>"
        )
        self._tree.add(page)
        self._file.flush()

    def _scale(self, reading: PageReading) -> float:
        """Points per pixel."""
        longest = max(reading.width, reading.height, 1)
        return min(POINTS_PER_INCH / self._dpi, LONGEST_SIDE / longest)

    def close(self) -> None:
        """Write the font and what leads to the pages."""
        _put_font(self._file, self._font, self._glyphs)
        pages = self._tree.finish()
        root = self._file.put(f"<< /Type /Catalog /Pages {pages} 0 R >>")
        title = f" /Title {text_string(self._title)}" if self._title else ""
        info = self._file.put(f"<< /Producer {text_string(PRODUCER)}{title} >>")
        self._file.finish(root, info)


def _upright(reading: PageReading, scale: float) -> tuple[float, float, Affine]:
    """Width and height of the upright page in points, and the matrix there from its pixels.

    Text that runs level in the page's own coordinates is read well by every reader, which is not
    so of text that only ``/Rotate`` makes level.
    """
    wide, high = reading.width * scale, reading.height * scale
    if reading.rotation == 90:
        return high, wide, Affine(0, -scale, -scale, 0, high, wide)
    if reading.rotation == 180:
        return wide, high, Affine(-scale, 0, 0, scale, wide, 0)
    if reading.rotation == 270:
        return high, wide, Affine(0, scale, scale, 0, 0, 0)
    return wide, high, Affine(scale, 0, 0, -scale, 0, high)


def _placed(reading: PageReading, matrix: Affine) -> str:
    """The matrix for a picture: PDF paints it into the unit square, upside up."""
    right = matrix.vector(Point(reading.width, 0))
    up = matrix.vector(Point(0, -reading.height))
    corner = matrix.point(Point(0, reading.height))
    return " ".join(f"{number:.4f}" for number in (*right, *up, *corner))


def _put_font(file: PdfFile, number: int, glyphs: GlyphTable) -> None:
    font = glyphless_font()
    program = file.put_stream(font, f"/Length1 {len(font)}")
    to_unicode = file.put_stream(glyphs.to_unicode())
    to_glyph = file.put_stream(glyphs.cid_to_gid())
    descriptor = file.put(
        f"<< /Type /FontDescriptor /FontName /{NAME} /Flags 4 /ItalicAngle 0 /StemV 80"
        f" /Ascent {ASCENT} /Descent {DESCENT} /CapHeight {ASCENT}"
        f" /FontBBox [0 {DESCENT} {UNITS_PER_EM} {ASCENT}] /FontFile2 {program} 0 R >>"
    )
    widths = " ".join(map(str, glyphs.widths()))
    descendant = file.put(
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{NAME} /DW {UNITS_PER_EM}"
        f" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
        f" /FontDescriptor {descriptor} 0 R /CIDToGIDMap {to_glyph} 0 R /W [1 [{widths}]] >>"
    )
    file.put(
        f"<< /Type /Font /Subtype /Type0 /BaseFont /{NAME} /Encoding /Identity-H"
        f" /DescendantFonts [{descendant} 0 R] /ToUnicode {to_unicode} 0 R >>",
        number,
    )

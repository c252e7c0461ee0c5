"""The font that shows nothing, read by a font engine that was not written here."""

import io
import struct

from PIL import ImageFont

from ocrgate.formats.characters import BROAD, FULL, MEDIUM, NARROW, advance
from ocrgate.formats.searchable_pdf.glyphs import GlyphTable
from ocrgate.formats.searchable_pdf.truetype import WIDTHS, glyphless_font


def test_a_font_engine_opens_it() -> None:
    """FreeType reads the file and its vertical measures."""
    font = ImageFont.truetype(io.BytesIO(glyphless_font()), 1000)
    assert font.getmetrics() == (800, 200)


def test_the_whole_file_sums_to_what_the_format_wants() -> None:
    """Readers that check sums find them right."""
    font = glyphless_font()
    assert len(font) % 4 == 0
    assert sum(struct.unpack(f">{len(font) // 4}I", font)) & 0xFFFFFFFF == 0xB1B0AFBA
    assert len(font) < 1000


def test_characters_have_plausible_widths() -> None:
    """Narrow, broad and full-width characters share a word in the right ratio."""
    assert [advance(c) for c in "iaM中"] == [NARROW, MEDIUM, BROAD, FULL]


def test_glyphs_are_as_wide_as_the_file_says() -> None:
    """The widths in the PDF and in the font are the same, as readers expect."""
    glyphs = GlyphTable()
    assert glyphs.encode("iM中") == "<000200030004>"
    assert glyphs.encode("中i") == "<00040002>"
    ids = struct.unpack(">5H", glyphs.cid_to_gid())
    assert [WIDTHS[number] for number in ids[1:]] == glyphs.widths()


def test_codes_run_out_without_harm() -> None:
    """The character after the last code is shown as unknown, the file stays right."""
    glyphs = GlyphTable()
    glyphs.encode("".join(map(chr, range(0x10000, 0x10000 + 0xFFFD))))
    assert glyphs.encode("a") == "<0001>"
    assert len(glyphs.widths()) == 0xFFFE
    assert b"<FFFE> <" in glyphs.to_unicode()

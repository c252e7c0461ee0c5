"""Whatever text an engine reads, every format carries it and stays well formed."""

import json
import re
import tempfile
import unicodedata
from pathlib import Path
from xml.etree import ElementTree as ET

import pypdfium2 as pdfium
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.domain.recognition import Block, BlockKind, Line, PageReading, Point, Recognition
from ocrgate.formats import Format, document_json, open_writer, render
from ocrgate.formats.characters import clean, is_leftward
from ocrgate.formats.searchable_pdf.glyphs import GlyphTable
from ocrgate.formats.searchable_pdf.layer import Affine, text_layer

ANY_TEXT = st.text(alphabet=st.characters(), max_size=30)  # surrogates and controls included
WIDTH, HEIGHT = 1000, 1400
ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"
MARKUP = r"""\`*_[]<>~|&;:#+-=.)(!0123456789"""


def strip(number: int) -> tuple[Point, ...]:
    """The place of the n-th line: level, 20 pixels high."""
    top = 40 * number + 20
    return (Point(50, top), Point(950, top), Point(950, top + 20), Point(50, top + 20))


def reading(texts: list[str]) -> PageReading:
    """A page with one block of lines under each other."""
    lines = tuple(Line(text, strip(i), 0.5) for i, text in enumerate(texts))
    return PageReading(1, WIDTH, HEIGHT, (Block(lines),) if lines else ())


def words_of(texts: list[str]) -> list[str]:
    """All words of all lines, as they may be written."""
    return [word for text in texts for word in clean(text).split()]


@given(st.lists(ANY_TEXT, max_size=5))
def test_xml_formats_carry_any_text(texts: list[str]) -> None:
    """Both XML formats parse back to the same words in the same order, each within its line."""
    recognition = Recognition((reading(texts),), "e")
    hocr = ET.fromstring(render(recognition, Format.HOCR).encode("utf-8"))
    spans = [item for item in hocr.iter() if item.get("class") == "ocrx_word"]
    assert ["".join(item.itertext()) for item in spans] == words_of(texts)
    alto = ET.fromstring(render(recognition, Format.ALTO).encode("utf-8"))
    strings = list(alto.iter(ALTO + "String"))
    assert [item.get("CONTENT") for item in strings] == words_of(texts)
    tops = [40 * i + 20 for i, text in enumerate(texts) for _ in clean(text).split()]
    for span, string, top in zip(spans, strings, tops, strict=True):
        x1, y1, x2, y2 = map(int, re.findall(r"-?\d+", span.get("title") or "")[:4])
        assert 50 <= x1 <= x2 <= 950
        assert (y1, y2) == (top, top + 20)
        assert [string.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")] == [
            str(number) for number in (x1, y1, x2 - x1, y2 - y1)
        ]


@given(st.lists(ANY_TEXT, max_size=5))
def test_text_and_json_carry_any_text(texts: list[str]) -> None:
    """Nothing that is read fails to be written as UTF-8, and JSON gives it back."""
    recognition = Recognition((reading(texts),), "e")
    assert render(recognition, Format.TEXT).encode("utf-8").decode("utf-8").split() == words_of(
        texts
    )
    document = document_json(recognition)
    assert json.loads(render(recognition, Format.JSON).encode("utf-8")) == document
    assert len(document["results"]) == len(texts)


@given(
    st.text(alphabet=st.one_of(st.sampled_from(MARKUP), st.characters()), max_size=40),
    st.sampled_from([BlockKind.PARAGRAPH, BlockKind.HEADING, BlockKind.TABLE]),
)
@settings(max_examples=400)
def test_markdown_shows_any_text_as_it_stands(text: str, kind: BlockKind) -> None:
    """A CommonMark reader shows the words that were printed, and no markup of its own."""
    page = PageReading(1, 9, 9, (Block((Line(text), Line("end")), kind),))
    tokens = (
        MarkdownIt()
        .enable(["table", "strikethrough"])
        .parse(render(Recognition((page,), "e"), Format.MARKDOWN))
    )
    wrapper = "heading" if kind is BlockKind.HEADING else "paragraph"
    assert [token.type for token in tokens] == [f"{wrapper}_open", "inline", f"{wrapper}_close"]
    inner = tokens[1].children or []
    assert {token.type for token in inner} <= {"text", "text_special", "hardbreak", "softbreak"}
    shown = "".join(token.content for token in inner if token.type.startswith("text"))
    printed = "".join(clean(f"{text} end").split())
    joined = "".join(shown.split())
    assert joined == printed or joined == re.sub(r"[-\u2010\u00ad]end$", "end", printed)


def picture() -> PageImage:
    """A blank page, small, as large as the readings say."""
    return PageImage(bytes([255]) * 100 * 140, Encoding.RAW, 100, 140, 1, WIDTH, HEIGHT)


def decoded(layer: bytes, cmap: bytes) -> list[str]:
    """The strings that a content stream shows, as the ToUnicode map reads them."""
    entries = re.findall(rb"^<(\w{4})> <(\w+)>$", cmap, re.MULTILINE)
    table = {code: bytes.fromhex(text.decode()).decode("utf-16-be") for code, text in entries}
    shown = re.findall(rb"<(\w*)> Tj", layer)
    return ["".join(table[code] for code in re.findall(rb"\w{4}", run)) for run in shown]


@given(st.lists(ANY_TEXT, max_size=5))
def test_every_character_has_its_meaning_in_the_pdf(texts: list[str]) -> None:
    """All of Unicode is in the text layer: words as they are (from left to right), then spaces."""
    glyphs = GlyphTable()
    layer = text_layer(reading(texts).lines(), Affine(1, 0, 0, -1, 0, HEIGHT), glyphs)
    shown = "\n".join(decoded(layer, glyphs.to_unicode())).split()
    wanted = [word[::-1] if is_leftward(word) else word for word in words_of(texts)]
    assert shown == wanted


READABLE = st.characters(
    codec="utf-16",
    categories=["Lu", "Ll", "Lo", "Nd", "So", "Po"],
).filter(
    lambda c: (
        unicodedata.normalize("NFKD", c) == c
        and unicodedata.bidirectional(c) in {"L", "EN", "ON", "ET"}
        and not 0xFB1D <= ord(c) <= 0xFEFF  # forms of Arabic and Hebrew letters
        and not unicodedata.mirrored(c)
    )
)


@given(st.lists(st.text(alphabet=READABLE, max_size=30), max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_reader_copies_what_was_recognized(texts: list[str]) -> None:
    """A PDF reader gives the page's text back, up to white space, in any script and plane.

    Letters that this reader itself rewrites (ligatures, right-to-left runs) are left out.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.pdf"
        with open_writer(Format.PDF, path, engine="e") as writer:
            writer.page(reading(texts), image=picture())
        document = pdfium.PdfDocument(path)
        copied = document[0].get_textpage().get_text_bounded()
        document.close()
    assert "".join(copied.split()) == "".join("".join(texts).split())

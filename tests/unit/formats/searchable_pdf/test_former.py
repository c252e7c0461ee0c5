"""Former text layers: what is taken out and what is left alone."""

import time
import warnings
import zlib
from collections.abc import Iterator

import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from ocrgate.formats.searchable_pdf.former import strip_former_text

FONT = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)


@pytest.fixture
def pdf() -> Iterator[Pdf]:
    """A PDF with one page that has a font."""
    with Pdf.new() as made:
        made.add_blank_page()
        made.pages[0].Resources = Dictionary(Font=Dictionary(F=FONT), XObject=Dictionary())
        yield made


def content(pdf: Pdf, data: str) -> str:
    """The page's content after stripping, on one line; the same text where nothing changed."""
    pdf.pages[0].Contents = pdf.make_stream(data.encode())
    strip_former_text(pdf, pdf.pages[0])
    return " ".join(pdf.pages[0].Contents.read_bytes().decode().split())


@pytest.mark.parametrize(
    "data",
    [
        "BT 3 Tr /F 9 Tf (old) Tj [(a) 9 (b)] TJ (c) ' ET",
        "3 Tr BT /F 9 Tf (old) Tj ET",
        "q 3 Tr BT /F 9 Tf (old) Tj ET Q",
        "q Q Q 3 Tr q BT (old) Tj ET Q",
    ],
)
def test_unseen_text_is_taken_out(pdf: Pdf, data: str) -> None:
    """However its mode was set, text that paints nothing goes."""
    stripped = content(pdf, data)
    assert not any(sign in stripped for sign in ("old", "Tj", "TJ", "'"))
    assert "3 Tr" in stripped


@pytest.mark.parametrize(
    "data",
    [
        "BT /F 9 Tf (seen) Tj ET",
        "q 3 Tr Q BT (seen) Tj ET",
        "BT 7 Tr (clips) Tj ET",
        "BT 3 Tr (unseen) Tj 0 Tr (seen) Tj ET",
        'BT 3 Tr 1 2 (spaced) " ET',
        "BT /F 9 Tf ET",
    ],
)
def test_anything_else_stays_to_the_byte(pdf: Pdf, data: str) -> None:
    """Seen text, and unseen text that moves seen text, is not touched."""
    assert content(pdf, data) == data


def test_forms_are_looked_into(pdf: Pdf) -> None:
    """A former text layer in a form of its own goes, too, and forms that paint themselves end."""
    form = pdf.make_stream(b"BT 3 Tr (old) Tj ET /Fm Do", Type=Name.XObject, Subtype=Name.Form)
    pdf.pages[0].Resources.XObject.Fm = form
    content(pdf, "/Fm Do /Missing Do Do")
    assert b"old" not in form.read_bytes()


def test_pictures_are_found_where_they_are_painted(pdf: Pdf) -> None:
    """Moved, scaled and turned, in forms and in the content itself."""
    image = pdf.make_stream(bytes(1), Type=Name.XObject, Subtype=Name.Image)
    form = pdf.make_stream(b"q 10 0 0 10 0 0 cm /Im Do Q", Type=Name.XObject, Subtype=Name.Form)
    form.Matrix = Array([1, 0, 0, 1, 300, 300])
    form.Resources = Dictionary(XObject=Dictionary(Im=image))
    pdf.pages[0].Resources.XObject = Dictionary(Im=image, Fm=form)
    pdf.pages[0].Contents = pdf.make_stream(
        b"BT (seen) Tj ET q 2 0 0 2 0 0 cm q 0 20 -10 0 50 40 cm /Im Do Q Q /Fm Do"
        b" q 5 0 0 5 400 400 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q"
    )
    found = strip_former_text(pdf, pdf.pages[0])
    assert found.seen
    assert sorted(found.pictures) == [
        (80, 80, 100, 120),
        (300, 300, 310, 310),
        (400, 400, 405, 405),
    ]
    assert found.covers(0, 0)
    assert not found.covers(90, 100)


def test_a_bare_scan_is_not_parsed(pdf: Pdf) -> None:
    """A page without fonts or forms has no text; even broken content is left as it is."""
    pdf.pages[0].Resources = Dictionary(XObject=Dictionary())
    data = "3 Tr (not a font in sight) Tj"
    assert content(pdf, data) == data


def test_a_bomb_is_not_unpacked(pdf: Pdf) -> None:
    """Content that would unpack to far more than a page's worth is left alone, at once."""
    bomb = zlib.compress(b"BT 3 Tr (x) Tj ET " * 5_000_000, 1)
    packed = Stream(pdf, b"")
    packed.write(bomb, filter=Name.FlateDecode)
    pdf.pages[0].Contents = pdf.make_indirect(packed)
    started = time.process_time()
    assert not strip_former_text(pdf, pdf.pages[0]).seen
    assert time.process_time() - started < 1
    assert pdf.pages[0].Contents.read_raw_bytes() == bomb


@pytest.mark.parametrize(
    "data", [b"BT (unfinished", b"Q Q Q cm Tr Do", b"\x00\xff<<>>[[[", b"1 0 R Tj", b""]
)
def test_broken_content_is_no_crash(pdf: Pdf, data: bytes) -> None:
    """What cannot be parsed is kept as it is."""
    pdf.pages[0].Contents = pdf.make_stream(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strip_former_text(pdf, pdf.pages[0])
    assert pdf.pages[0].Contents.read_bytes() == data


def test_odd_structures_are_no_crash(pdf: Pdf) -> None:
    """Missing or mistyped parts of a page mean that there is no former text."""
    page = pdf.pages[0]
    for contents in (Array([]), Array([1]), Dictionary(), Name.X):
        page.obj.Contents = contents
        assert not strip_former_text(pdf, page).seen
    del page.obj.Contents
    assert not strip_former_text(pdf, page).seen
    page.obj.Resources = Array([])
    assert not strip_former_text(pdf, page).seen

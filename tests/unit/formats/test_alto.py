"""ALTO held against the structure that its schema (4.4) asks for."""

import re
from xml.etree import ElementTree as ET

import pytest

from ocrgate.domain.recognition import Block, Line, PageReading, Point, Recognition, Word
from ocrgate.errors import InvalidRequest
from ocrgate.formats import Format, render

NS = "{http://www.loc.gov/standards/alto/ns-v4#}"
CONTENT = {
    "alto": "(Description )?(Styles )?(Tags )?(ReadingOrder )?Layout ",
    "Description": "MeasurementUnit (sourceImageInformation )?(Processing )*",
    "Processing": "(processingCategory )?(processingDateTime )?(processingSoftware )?",
    "processingSoftware": "(softwareCreator )?(softwareName )?(softwareVersion )?",
    "MeasurementUnit": "",
    "processingCategory": "",
    "softwareName": "",
    "softwareVersion": "",
    "Layout": "(Page )+",
    "Page": "(PrintSpace )?",
    "PrintSpace": "(Shape )?(TextBlock )*",
    "TextBlock": "(Shape )?(TextLine )*",
    "TextLine": "(Shape )?(String (SP )?)+(HYP )?",
    "String": "(Shape )?",
    "SP": "",
    "Shape": "Polygon ",
    "Polygon": "",
}
"""The children that the schema allows, in its order, of the elements that are written."""

ID, IDREFS, FLOAT = r"[A-Za-z_][\w.-]*", r"[\w.-]+( [\w.-]+)*", r"-?\d+(\.\d+)?"
POINT = rf"{FLOAT},{FLOAT}"
BOX = dict.fromkeys(("HPOS", "VPOS", "WIDTH", "HEIGHT"), FLOAT)
LANG = r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*"
REQUIRED = {
    "Processing": {"ID"},
    "Page": {"ID", "PHYSICAL_IMG_NR"},
    "TextBlock": {"ID"},
    "String": {"CONTENT"},
    "Polygon": {"POINTS"},
}
ATTRIBUTES = {
    "alto": {
        "SCHEMAVERSION": r"4\.4",
        "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation": r"\S+ \S+alto-4-4\.xsd",
    },
    "Processing": {"ID": ID},
    "Page": {
        "ID": ID,
        "PHYSICAL_IMG_NR": FLOAT,
        "WIDTH": FLOAT,
        "HEIGHT": FLOAT,
        "ROTATION": FLOAT,
        "LANG": LANG,
        "PROCESSINGREFS": IDREFS,
    },
    "PrintSpace": BOX,
    "TextBlock": {"ID": ID, **BOX},
    "TextLine": {"ID": ID, "BASELINE": rf"{POINT} {POINT}", **BOX},
    "String": {"ID": ID, "WC": r"[01](\.\d+)?", "CONTENT": r"\S+", **BOX},
    "SP": dict.fromkeys(("HPOS", "VPOS", "WIDTH"), FLOAT),
    "Polygon": {"POINTS": rf"{POINT}( {POINT}){{2,}}"},
}
"""The attributes that are written, all of them known to the schema, and its types."""

TEXTS = {
    "MeasurementUnit": "pixel|mm10|inch1200",
    "processingCategory": "contentGeneration|contentModification|preOperation|postOperation|other",
    "softwareName": ".+",
    "softwareVersion": ".+",
}
PLACED = {"PrintSpace", "TextBlock", "TextLine", "String"}


def level(x1: float, y1: float, x2: float, y2: float) -> tuple[Point, ...]:
    """A level rectangle."""
    return (Point(x1, y1), Point(x2, y1), Point(x2, y2), Point(x1, y2))


def parsed(*lines: Line, rotation: int = 0, language: str | None = None) -> ET.Element:
    """The root of the ALTO of one page of 600 by 800, its structure checked."""
    page = PageReading(2, 600, 800, (Block(lines),), rotation=rotation)
    return checked(render(Recognition((page,), "e"), Format.ALTO, language=language))


def checked(text: str) -> ET.Element:
    """The root, with every element and every reference between them held to the schema."""
    root = ET.fromstring(text)
    for element in root.iter():
        check(element)
    ids = [element.get("ID") for element in root.iter() if element.get("ID")]
    assert len(ids) == len(set(ids))
    references = " ".join(element.get("PROCESSINGREFS", "") for element in root.iter()).split()
    assert set(references) <= set(ids)
    return root


def check(element: ET.Element) -> None:
    """One element against the schema's content models and types."""
    name = element.tag.removeprefix(NS)
    children = "".join(child.tag.removeprefix(NS) + " " for child in element)
    assert re.fullmatch(CONTENT[name], children), (name, children)
    types = ATTRIBUTES.get(name, {})
    assert REQUIRED.get(name, set()) <= set(element.keys()) <= set(types), (name, element.keys())
    assert all(re.fullmatch(types[key], value) for key, value in element.items()), element.items()
    assert re.fullmatch(TEXTS.get(name, r"\s*"), element.text or ""), (name, element.text)
    if name in PLACED:
        assert set(BOX) <= set(element.keys())
        assert all(float(element.get(side, "")) >= 0 for side in ("WIDTH", "HEIGHT"))
    if name == "String":
        assert 0 <= float(element.get("WC", "0")) <= 1


def test_every_page_of_a_document_keeps_to_the_schema() -> None:
    """Turned and tilted, in any script, with text that XML cannot carry, with nothing on it."""
    tilted = (Point(0, 0), Point(100, 10), Point(99, 30), Point(-1, 20))
    lines = (
        Line('a<b> "c" & d\x00\ud800', level(1, 2, 90, 20), 0.5),
        Line("\u4e2d\u6587 tilted\ttext", tilted, float("nan")),
        Line("\u05e9\u05dc\u05d5\u05dd x", level(0, 30, 90, 50)),
        Line("\xa0\u3000", level(0, 50, 90, 60)),
    )
    pages = (
        PageReading(1, 600, 800, (Block(lines), Block(()), Block(lines)), rotation=270),
        PageReading(2, 600, 800),
        PageReading(11, 10, 10, (Block(lines[:1]),)),
    )
    for language in (None, "de-CH-1996", "Chinese (simplified)"):
        root = checked(render(Recognition(pages, "e"), Format.ALTO, language=language))
        assert len(list(root.iter(NS + "Page"))) == 3


def test_words_and_the_space_between_them() -> None:
    """Strings carry content, box and confidence; the gap is a space of its width."""
    words = (Word("A&B", level(10, 10, 30, 40), 0.5), Word('"c"', level(40, 10, 90, 40), 7.0))
    root = parsed(Line('A&B "c"', level(10, 10, 90, 40), 0.9, words))
    first, second = root.iter(NS + "String")
    assert (first.get("CONTENT"), first.get("WC")) == ("A&B", "0.5000")
    assert (second.get("CONTENT"), second.get("WC")) == ('"c"', "1.0000")
    (space,) = root.iter(NS + "SP")
    assert (space.get("HPOS"), space.get("WIDTH")) == ("30", "10")


def test_the_page_says_how_it_lies_and_what_it_is_written_in() -> None:
    """Number, size, turn and language are on the page."""
    (page,) = parsed(rotation=90, language="de").iter(NS + "Page")
    assert page.get("PHYSICAL_IMG_NR") == "2"
    assert (page.get("WIDTH"), page.get("HEIGHT")) == ("600", "800")
    assert (page.get("ROTATION"), page.get("LANG")) == ("90", "de")


def test_a_tilted_line_keeps_its_outline() -> None:
    """Boxes of tilted lines overlap, so their polygons are given too."""
    root = parsed(Line("ab", (Point(0, 0), Point(100, 10), Point(99, 30), Point(-1, 20)), 0.9))
    outlines = [polygon.get("POINTS") for polygon in root.iter(NS + "Polygon")]
    assert outlines == ["0,0 100,10 99,30 -1,20"] * 2


def test_lines_without_text_are_left_out() -> None:
    """The schema wants a string in every line."""
    root = parsed(Line(" ", level(0, 0, 5, 5)), Line("x", level(0, 10, 5, 15)))
    assert len(list(root.iter(NS + "TextLine"))) == 1
    assert not list(parsed(Line("", level(0, 0, 5, 5))).iter(NS + "TextBlock"))


def test_an_engine_without_boxes_is_told() -> None:
    """There is no ALTO of text without places."""
    with pytest.raises(InvalidRequest, match="gives no boxes"):
        parsed(Line("x"))

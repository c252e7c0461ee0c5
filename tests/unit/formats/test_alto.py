"""ALTO held against the structure that its schema (4.4) asks for."""

import re
from xml.etree import ElementTree as ET

import pytest

from ocrgate.domain.recognition import Block, Line, PageReading, Point, Recognition, Word
from ocrgate.errors import InvalidRequest
from ocrgate.formats import Format, render

NS = "{http://www.loc.gov/standards/alto/ns-v4#}"
CHILDREN = {
    "alto": ["Description", "Layout"],
    "Description": ["MeasurementUnit", "Processing"],
    "Processing": ["processingCategory", "processingSoftware"],
    "processingSoftware": ["softwareName", "softwareVersion"],
}
WITHIN = {
    "Layout": {"Page"},
    "Page": {"PrintSpace"},
    "PrintSpace": {"TextBlock"},
    "TextBlock": {"TextLine"},
    "TextLine": {"Shape", "String", "SP"},
    "String": {"Shape"},
    "Shape": {"Polygon"},
}
PLACED = {"PrintSpace", "TextBlock", "TextLine", "String"}


def level(x1: float, y1: float, x2: float, y2: float) -> tuple[Point, ...]:
    """A level rectangle."""
    return (Point(x1, y1), Point(x2, y1), Point(x2, y2), Point(x1, y2))


def parsed(*lines: Line, rotation: int = 0, language: str | None = None) -> ET.Element:
    """The root of the ALTO of one page of 600 by 800, its structure checked."""
    page = PageReading(2, 600, 800, (Block(lines),), rotation=rotation)
    text = render(Recognition((page,), "e"), Format.ALTO, language=language)
    root = ET.fromstring(text)
    for element in root.iter():
        check(element)
    ids = [element.get("ID") for element in root.iter() if element.get("ID")]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[A-Za-z_][\w.-]*", ident or "") for ident in ids)
    return root


def check(element: ET.Element) -> None:
    """Children, their order, and the attributes that must be numbers."""
    name = element.tag.removeprefix(NS)
    children = [child.tag.removeprefix(NS) for child in element]
    assert (
        children == CHILDREN[name] if name in CHILDREN else set(children) <= WITHIN.get(name, set())
    )
    assert children.count("Shape") <= 1
    assert "Shape" not in children[1:]
    if name in PLACED:
        for attribute in ("HPOS", "VPOS", "WIDTH", "HEIGHT"):
            assert re.fullmatch(r"-?\d+", element.get(attribute, ""))
    if name == "TextLine":
        assert "String" in children
        assert re.fullmatch(r"-?\d+,-?\d+ -?\d+,-?\d+", element.get("BASELINE", ""))
    if name == "String":
        assert element.get("CONTENT")
        assert 0 <= float(element.get("WC", "0")) <= 1


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

"""hOCR as its readers see it."""

import re
from xml.etree import ElementTree as ET

import pytest

from ocrgate.domain.recognition import Block, Line, PageReading, Point, Recognition, Word
from ocrgate.errors import InvalidRequest
from ocrgate.formats import Format, render

XHTML = "{http://www.w3.org/1999/xhtml}"


def level(x1: float, y1: float, x2: float, y2: float) -> tuple[Point, ...]:
    """A level rectangle."""
    return (Point(x1, y1), Point(x2, y1), Point(x2, y2), Point(x1, y2))


def parsed(*lines: Line, language: str | None = None) -> ET.Element:
    """The root of the hOCR of one page of 600 by 800."""
    page = PageReading(2, 600, 800, (Block(lines),))
    return ET.fromstring(render(Recognition((page,), "e"), Format.HOCR, language=language))


def of_class(root: ET.Element, name: str) -> list[ET.Element]:
    """Elements of an hOCR class."""
    return [item for item in root.iter() if item.get("class") == name]


def test_pages_areas_lines_and_words_carry_their_boxes() -> None:
    """Every level of the page is there, with whole pixels."""
    words = (Word("Hi", level(10.2, 10, 30, 40), 0.914), Word("<you>", level(40, 10, 90, 40), 1.2))
    root = parsed(Line("Hi <you>", level(10, 10, 90, 40), 0.9, words))
    assert of_class(root, "ocr_page")[0].get("title") == "bbox 0 0 600 800; ppageno 1"
    assert of_class(root, "ocr_carea")[0].get("title") == "bbox 10 10 90 40"
    assert len(of_class(root, "ocr_par")) == 1
    (line,) = of_class(root, "ocr_line")
    assert line.get("title") == "bbox 10 10 90 40; baseline 0.0000 -6.0; x_size 30.0"
    assert "".join(line.itertext()) == "Hi <you>"
    first, second = of_class(root, "ocrx_word")
    assert first.get("title") == "bbox 10 10 30 40; x_wconf 91"
    assert second.get("title") == "bbox 40 10 90 40; x_wconf 100"


def test_a_tilted_line_has_a_slope_and_a_turned_one_an_angle() -> None:
    """Readers can follow a line that is not level."""
    tilted = Line("tilted", (Point(0, 0), Point(100, 10), Point(99, 30), Point(-1, 20)), 0.9)
    turned = Line("turned", (Point(50, 0), Point(50, 90), Point(20, 90), Point(20, 0)), 0.9)
    first, second = of_class(parsed(tilted, turned), "ocr_line")
    slope = re.search(r"baseline (\S+) (\S+);", first.get("title") or "")
    assert slope
    assert float(slope[1]) == pytest.approx(0.1, abs=0.001)
    # at the left edge of the box the letters stand a fifth of the line's height above its foot,
    # which is 10 pixels above the foot of the box
    assert float(slope[2]) == pytest.approx(20 - 30 - 4, abs=0.5)
    assert "textangle -90.0" in (second.get("title") or "")


def test_the_language_is_marked_where_it_is_known() -> None:
    """A language tag is carried; what is none would make the file invalid."""
    assert parsed(language="zh").get("lang") == "zh"
    assert parsed(language="zh_CN").get("lang") == "zh-CN"
    assert parsed().get("lang") is None
    for hint in ('a"b<', "Chinese (simplified)", "\x01", "", "\u4e2d\u6587", "zh--CN"):
        assert parsed(language=hint).get("lang") is None


def test_ids_are_unique() -> None:
    """Readers may look elements up by id."""
    line = Line("a b", level(0, 0, 10, 10))
    ids = [item.get("id") for item in parsed(line, line).iter() if item.get("id")]
    assert len(ids) == len(set(ids)) == 9


def test_an_engine_without_boxes_is_told() -> None:
    """There is no hOCR of text without places."""
    with pytest.raises(InvalidRequest, match="gives no boxes"):
        parsed(Line("x"))


def test_a_page_without_text_is_a_page() -> None:
    """A blank page is not an error."""
    page = Recognition((PageReading(1, 10, 10, (Block(()),)),), "e")
    assert len(of_class(ET.fromstring(render(page, Format.HOCR)), "ocr_page")) == 1

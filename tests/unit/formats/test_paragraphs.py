"""Lines made into running text."""

import pytest

from ocrgate.domain.recognition import Line, PageReading, Point
from ocrgate.formats.paragraphs import flow, join

PAGE = PageReading(1, 1000, 1000)


def level(text: str, x1: float, x2: float, y: float = 0) -> Line:
    """A level line 20 pixels high."""
    return Line(text, (Point(x1, y), Point(x2, y), Point(x2, y + 20), Point(x1, y + 20)))


@pytest.mark.parametrize(
    ("left", "right", "joined"),
    [
        ("one", "two", "one two"),
        ("an exam-", "ple of it", "an example of it"),
        ("an exam\u2010", "ple", "an example"),
        ("an exam\u00ad", "ple", "an example"),
        ("state-of-the-", "art", "state-of-the-art"),
        ("the Anglo-", "Irish", "the Anglo-Irish"),
        ("Vor-", "und Nachname", "Vor- und Nachname"),
        ("pages 3 -", "5", "pages 3 - 5"),
        ("1990-", "1995", "1990- 1995"),
        ("一行文字", "下一行", "一行文字下一行"),
        ("日本語の", "テキスト", "日本語のテキスト"),
        ("使用", "Python", "使用Python"),
        ("한국어", "문장", "한국어 문장"),
        ("ภาษา", "ไทย", "ภาษาไทย"),
        ("", "x", "x"),
        ("x", "", "x"),
    ],
)
def test_two_lines_become_one(left: str, right: str, joined: str) -> None:
    """Divided words grow together, scripts without spaces get none, all else gets one."""
    assert join(left, right) == joined


def test_a_line_break_that_was_meant_stays() -> None:
    """Where the next word would still have fitted, the writer ended the line on purpose."""
    lines = (level("To the residents of", 0, 500), level("Main Street", 0, 290, 30))
    assert list(flow((*lines, level("Dear all", 0, 210, 60)), PAGE)) == [
        "To the residents of Main Street",
        "Dear all",
    ]


def test_a_ragged_margin_flows() -> None:
    """A line that is short because the next word is long flows on."""
    lines = (level("It is a case of", 0, 400), level("incomprehensibility today", 0, 660, 30))
    assert list(flow(lines, PAGE)) == ["It is a case of incomprehensibility today"]


def test_lines_without_places_flow() -> None:
    """An engine without boxes gives paragraphs, too."""
    assert list(flow((Line("one"), Line(""), Line("two")), PAGE)) == ["one two"]


def turned(line: Line, rotation: int) -> Line:
    """The line on a square page that lies turned, so that ``rotation`` sets it upright."""

    def moved(point: Point) -> Point:
        if rotation == 90:
            return Point(point.y, 1000 - point.x)
        if rotation == 180:
            return Point(1000 - point.x, 1000 - point.y)
        return Point(1000 - point.y, point.x)

    return Line(line.text, tuple(map(moved, line.polygon or ())))


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_page_flows_like_an_upright_one(rotation: int) -> None:
    """Margins are judged along the text, whichever way the page lies."""
    page = PageReading(1, 1000, 1000, rotation=rotation)
    lines = (level("A long first line of text", 0, 700), level("short", 0, 140, 30))
    last = level("and another line", 0, 450, 60)

    assert list(flow(tuple(turned(line, rotation) for line in (*lines, last)), page)) == [
        "A long first line of text short",
        "and another line",
    ]

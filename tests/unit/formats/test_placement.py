"""Where words stand."""

import pytest

from ocrgate.domain.recognition import (
    Block,
    Box,
    Line,
    PageReading,
    PageWarning,
    Point,
    Polygon,
    Recognition,
    Word,
)
from ocrgate.errors import InvalidRequest
from ocrgate.formats import Format, render
from ocrgate.formats.placement import frame, placed_words, upright, with_places


def level(x1: float, y1: float, x2: float, y2: float) -> Polygon:
    """A level rectangle."""
    return (Point(x1, y1), Point(x2, y1), Point(x2, y2), Point(x1, y2))


def test_the_engines_words_are_used_where_they_spell_the_line() -> None:
    """Real word boxes win over guessed ones."""
    words = (Word("Hello", level(0, 0, 50, 10), 0.9), Word("world", level(70, 0, 100, 10), 0.8))
    first, second = placed_words(Line("Hello  world", level(0, 0, 100, 10), 0.85, words))
    assert (first.box, first.confidence, first.spaced) == (Box(0, 0, 50, 10), 0.9, True)
    assert (second.box, second.confidence, second.spaced) == (Box(70, 0, 100, 10), 0.8, False)


def test_adjoining_words_are_not_spaced() -> None:
    """Runs of Chinese characters that the line sets side by side stay side by side."""
    words = (Word("你好", level(0, 0, 20, 10), 0.9), Word("世界", level(20, 0, 40, 10), 0.9))
    placed = placed_words(Line("你好世界", level(0, 0, 40, 10), 0.9, words))
    assert [(word.text, word.spaced) for word in placed] == [("你好", False), ("世界", False)]


@pytest.mark.parametrize("spelled", [("Hello",), ("Hello", "word"), ("Hello", "world", "x"), ("",)])
def test_words_that_do_not_spell_the_line_are_replaced(spelled: tuple[str, ...]) -> None:
    """The text of the line is what comes out, whatever the words say."""
    words = tuple(Word(text, level(0, 0, 9, 9), 0.5) for text in spelled)
    placed = placed_words(Line("Hello world", level(0, 0, 110, 10), 0.9, words))
    assert [word.text for word in placed] == ["Hello", "world"]
    assert placed[0].box.x1 == 0
    assert placed[1].box.x2 == pytest.approx(110)
    assert placed[0].box.x2 < placed[1].box.x1
    assert {word.confidence for word in placed} == {0.9}


def test_wide_characters_take_more_of_a_line() -> None:
    """A guess knows that a Chinese character is about two Latin ones wide."""
    latin, chinese = placed_words(Line("abcd 中文字符", level(0, 0, 700, 50)))
    assert chinese.box.x2 - chinese.box.x1 > 1.5 * (latin.box.x2 - latin.box.x1)


def test_words_of_a_leftward_line_are_placed_from_the_right() -> None:
    """The first Hebrew word stands at the right end."""
    first, second = placed_words(Line("שלום עולם", level(0, 0, 100, 10)))
    assert first.text == "שלום"
    assert first.box.x2 == pytest.approx(100)
    assert second.box.x1 == pytest.approx(0)


def test_a_line_without_a_place_is_a_typed_error() -> None:
    """Asking an engine without boxes for a format that needs them says so."""
    with pytest.raises(InvalidRequest, match="gives no boxes") as caught:
        placed_words(Line("x"))
    assert caught.value.field == "format"


def test_an_answer_cut_off_loses_no_more_than_its_last_line() -> None:
    """What was read with a place is written; a figure without words proves no places."""
    placed, torn, figure = Line("a", level(0, 0, 9, 9)), Line("torn"), Line("", level(0, 0, 5, 5))
    page = PageReading(1, 9, 9, (Block((placed, torn)), Block((torn,)), Block((figure,))))
    assert with_places(page).blocks == (Block((placed,)), Block(()), Block((figure,)))
    whole = PageReading(1, 9, 9, (Block((placed,)),))
    assert with_places(whole) is whole
    for nothing in ((Block((torn,)),), (Block((torn, figure)),)):
        with pytest.raises(InvalidRequest, match="gives no boxes"):
            with_places(PageReading(1, 9, 9, nothing))
    assert with_places(PageReading(1, 9, 9, (Block((Line(" "),)),))).blocks == (Block(()),)


@pytest.mark.parametrize("kind", [Format.HOCR, Format.ALTO])
def test_a_torn_page_is_still_a_file(kind: Format) -> None:
    """Its warning says that it is not whole."""
    lines = (Line("whole", level(0, 0, 9, 9)), Line("torn"))
    page = PageReading(1, 9, 9, (Block(lines),), warnings=(PageWarning.TRUNCATED,))
    written = render(Recognition((page,), "e"), kind)
    assert "whole" in written
    assert "torn" not in written


def test_the_frame_of_a_turned_line() -> None:
    """A line that runs down the page is measured along its text."""
    down = frame((Point(50, 0), Point(50, 200), Point(20, 200), Point(20, 0)))
    assert (down.length, down.height) == (200, 30)
    assert down.degrees == pytest.approx(90)
    assert down.origin == Point(20, 0)
    start, end = down.baseline()
    assert start == pytest.approx((26, 0))
    assert end == pytest.approx((26, 200))


def test_odd_polygons_have_a_frame() -> None:
    """A polygon of many corners, or of one, is taken as the box around it."""
    many = frame((Point(0, 0), Point(5, -1), Point(10, 0), Point(10, 5), Point(0, 5)))
    assert (many.length, many.height) == (10, 6)
    assert frame((Point(3, 3),)).length == 0


@pytest.mark.parametrize(
    ("rotation", "box"),
    [
        (0, Box(10, 20, 30, 60)),
        (90, Box(140, 10, 180, 30)),
        (180, Box(70, 140, 90, 180)),
        (270, Box(20, 70, 60, 90)),
    ],
)
def test_boxes_turn_with_the_page(rotation: int, box: Box) -> None:
    """A box at the left top of a page of 100 by 200 moves as the page is turned clockwise."""
    page = PageReading(1, 100, 200, rotation=rotation)
    assert upright(Box(10, 20, 30, 60), page) == box

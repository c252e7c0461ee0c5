"""Lines with boxes, in the forms and with the faults in which they were seen."""

import pytest

from ocrgate.domain.recognition import Box, bounding_box
from ocrgate.engines.recipes import Geometry
from ocrgate.engines.recipes.reading.place import Plane
from ocrgate.engines.recipes.reading.spotting import spotted

PLANE = Plane.parts(1000, Geometry(500, 500, 1000, 2000))
Found = list[tuple[str, Box | None]]


def found(text: str) -> Found:
    """Texts with their boxes in pixels of a page of 1000 x 2000."""
    return [
        (
            line.text,
            Box(*(round(side, 6) for side in bounding_box(line.polygon))) if line.polygon else None,
        )
        for line in spotted(text, PLANE)
    ]


ONE, TWO = Box(100, 400, 300, 500), Box(10, 20, 30, 40)


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ("Hello(100,200),(300,250)", [("Hello", ONE)]),
        ("Hello(100,200),(300,250)World(10,10),(30,20)", [("Hello", ONE), ("World", TWO)]),
        ("Hello(100, 200), (300, 250)\nWorld(10,10),(30,20)\n", [("Hello", ONE), ("World", TWO)]),
        ("f(x) (see (3))(100,200),(300,250)", [("f(x) (see (3))", ONE)]),
        ("f(1,2)(100,200),(300,250)", [("f(1,2)", ONE)]),
        ("from (1,2),(100,200),(300,250)", [("from (1,2)", ONE)]),
        ("a(300,250),(100,200)", [("a", ONE)]),
        ("a(100,200),(300,200),(300,250),(100,250)", [("a", ONE)]),
        ("a(100,200),(99999,250)", [("a", Box(100, 400, 1000, 500))]),
        ("(100,200),(300,250)b(10,10),(30,20)", [("b", TWO)]),
        ("a(100,200),(300,250)cut o", [("a", ONE), ("cut o", None)]),
        ("a(100,200),(300,250)cut off(10,1", [("a", ONE), ("cut off", None)]),
        ("a(100,200),(300,250)cut off(10,10),(3", [("a", ONE), ("cut off", None)]),
        ("a(100,200),(300,250)Total 42", [("a", ONE), ("Total 42", None)]),
        ("no boxes\nat all (1,2)", [("no boxes", None), ("at all (1,2)", None)]),
    ],
)
def test_the_line_format_is_anchored_on_the_box(answer: str, lines: Found) -> None:
    """Whatever signs the text holds, the two points before the next text are the box."""
    assert found(answer) == lines


@pytest.mark.parametrize(
    "answer",
    [
        "<ref>Hello</ref><quad>(100,200),(300,250)</quad><ref>World</ref><quad>(10,10),(30,20)</quad>",
        "<ref>Hello</ref><quad>(100,200),(300,250)</quad>\n<ref>World</ref><quad>(10,10),(30,20)",
        (
            "<quad><pos_100><pos_200><pos_300><pos_250></quad><ref>Hello</ref>"
            "<quad><pos_10><pos_10><pos_30><pos_20></quad><ref>World</ref>"
        ),
        (
            "<quad><pos_x100><pos_y200><pos_x300><pos_y250></quad><ref>Hello</ref>"
            "<quad><pos_x10><pos_y10><pos_x30><pos_y20></quad><ref>World</ref>"
        ),
        (
            "Hello<poly>(100,200),(300,200),(300,250),(100,250)</poly>World"
            "<poly>(10,10),(30,10),(30,20),(10,20)</poly>"
        ),
    ],
)
def test_tagged_forms(answer: str) -> None:
    """Text before its place or behind it."""
    assert found(answer) == [("Hello", ONE), ("World", TWO)]


@pytest.mark.parametrize(
    "answer",
    [
        '[{"box":[100,200,300,250],"text":"Hello"},{"box":[10,10,30,20],"text":"World"}]',
        (
            '```json\n[{"bbox":[100,200,300,250],"text":"Hello"},\n'
            '{"bbox":"(10,10),(30,20)","text":"World"}]\n```'
        ),
        (
            'Here "is" it: [{"box":[100,200,300,250],"text":"Hello"},'
            '{"box":[10,10,30,20],"text":"World"}] Done.'
        ),
        '[{"text":"Hello","box":[100,200,300,250]},{"text":"World","box":[10,10,30,20]},{"text":"cu',
        (
            '{"result":[{"box":[100,200,300,250],"text":"Hello"},{"box":["10","10",30.0,20],'
            '"text":"World"}]}'
        ),
        '{"lines":[{"box":[100,200,300,250],"text":"Hello"},{"box":[10,10,30,20],"text":"World"},',
    ],
)
def test_json_in_fences_among_words_and_cut_off(answer: str) -> None:
    """Whole items are kept, whatever surrounds them."""
    assert found(answer) == [("Hello", ONE), ("World", TWO)]


def test_json_with_signs_that_json_does_not_allow() -> None:
    """LaTeX's backslashes, and quotation marks as they were printed."""
    answer = (
        r'[{"box":[100,200,300,250],"text":"\alpha \cdot x"},'
        r'{"box":[10,10,30,20],"text":"he said "no" twice"}]'
    )
    assert found(answer) == [(r"\alpha \cdot x", ONE), ('he said "no" twice', TWO)]


def test_items_without_text_or_box() -> None:
    """No text is no line; no usable box is a line without a place."""
    answer = '[{"box":[1,2,3,4],"text":" "},{"box":[1,2],"text":"a"},{"text":"b","box":null}]'
    assert found(answer) == [("a", None), ("b", None)]


@pytest.mark.parametrize("answer", ["", "[]", "```json\n[]\n```", "没有文字", "无文字", "no text"])
def test_nothing_is_nothing(answer: str) -> None:
    """In all the words for it."""
    assert found(answer) == []


def test_numbers_beyond_reason_stay_on_the_page() -> None:
    """JSON knows integers without end, infinity and NaN."""
    answer = f'[{{"box":[-5,NaN,Infinity,{"9" * 4000}],"text":"a"}}]'
    assert found(answer) == [("a", Box(0, 0, 1000, 2000))]

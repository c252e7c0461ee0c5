"""What holds for every answer, also for those that no model should write."""

import html
import json
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocrgate.domain.recognition import Block, BlockKind, PageRequest, Task, bounding_box
from ocrgate.engines.recipes import Geometry, Recipe, recipe_named, recipes
from ocrgate.engines.recipes.reading import tables
from ocrgate.engines.recipes.reading.markdown import blocks
from ocrgate.engines.recipes.reading.normalize import normalized
from ocrgate.engines.recipes.reading.repeats import RepeatRule, without_loop

HUNYUAN = recipe_named("hunyuanocr-1.5")
SPOTTING = PageRequest(task=Task.SPOTTING)
THOUSAND = Geometry(1000, 1000, 1000, 1000)  # a page on which thousandths are pixels
KEYS = ("total", "date")

REAL = (
    "Hello (a)(100,200),(300,250)f(1,2)(10,20),(30,40)",
    '```json\n[{"box":[1,2,3,4],"text":"he \\"hi\\""},{"bbox":[1,2,3,4],"text":"\\\\alpha"}]```',
    "<ref>a</ref><quad>(1,2),(3,4)</quad><quad><pos_1><pos_2><pos_3><pos_4></quad><ref>b</ref>",
    '[{"layout_type":"figure","bbox":"(1,2),(3,2),(3,4),(1,4)"},{"bbox":[[1,2],[3,4]],"text":"x"}]',
    "t<hy-meta><layout>title</layout><quad>(1,2),(3,2),(3,4),(1,4)</quad></hy-meta>",
    "# T *x*\n\na $b_c$ (1,2),(3,4)\n<table><caption>C</caption><tr><td>a</td></tr></table>",
    "|a|b|\n|-|-|\n|1|2|\n$$\\begin{aligned}a&=\\left(b\\\\c\\end{aligned}\\tag{1}$$\n- x\n",
    "```mermaid\nA\n```\n\\[\nx\n\\]\n\\begin{tabular}{ll}a&b\\\\c&d\\end{tabular}\n1 + 1 = 2\n$x$",
    "<|ref|>title<|/ref|><|det|>[[1,2,999,4]]<|/det|>\n# Hi\n<|ref|>x<|/ref|><|det|>[[1,2,3,4]]",
    "---\nis_table: False\n---\nHi ![A](page_1_2_3_4.png)\n<!-- Table (1, 2, 3, 4) -->\n|a|\n|-|",
    '<div data-bbox="1 2 3 4"><h2 data-bbox="1 2 3 4">T</h2><img data-bbox="1 2 3 4"/></div>',
    "<doctag><text><loc_1><loc_2><loc_3><loc_4>a</text><otsl><ched>a<lcel><nl><fcel>1<ucel><nl>",
    '{"total": "5", "date": {"y": [1, 2]}}',
    "没有文字",
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Pieces of real answers, cut anywhere and put together, with anything in between."""
    pieces = draw(st.lists(st.sampled_from(REAL), min_size=1, max_size=3))
    parts = []
    for piece in pieces:
        start = draw(st.integers(0, len(piece)))
        end = draw(st.integers(start, len(piece)))
        parts += [piece[start:end], draw(st.text(max_size=5))]
    return "".join(parts)


ANSWERS = st.one_of(st.text(max_size=200), damaged(), st.sampled_from(REAL))
SIZES = st.integers(1, 5000)


def asked(recipe: Recipe) -> list[PageRequest]:
    """A request for each of a recipe's tasks."""
    return [
        PageRequest(task=task, keys=KEYS if task is Task.FIELDS else ()) for task in recipe.tasks()
    ]


def is_inside(block: Block, page: Geometry) -> bool:
    """Whether all places of a block are on the source page, in order."""
    return all(
        0 <= box.x1 <= box.x2 <= page.source_width and 0 <= box.y1 <= box.y2 <= page.source_height
        for box in (bounding_box(line.polygon) for line in block.lines if line.polygon)
    )


@given(ANSWERS, st.builds(Geometry, SIZES, SIZES, SIZES, SIZES), st.sampled_from(recipes()))
@settings(max_examples=200, deadline=None)
def test_no_answer_breaks_any_reader_and_boxes_stay_on_the_page(
    answer: str, page: Geometry, recipe: Recipe
) -> None:
    """Every task of every recipe; lines are single lines, and the same answer reads the same."""
    every = [recipe, *map(recipe.variant, recipe.variants)]
    for request in (request for one in every for request in asked(one)):
        for one in every:
            parsed = one.parse(answer, request, page)
            assert parsed == one.parse(answer, request, page)
            assert all(is_inside(block, page) for block in parsed.blocks)
            assert all("\n" not in line.text for block in parsed.blocks for line in block.lines)
            assert (parsed.fields is not None) is (request.task is Task.FIELDS)


# Words of a line: none of the signs that end or begin one of the formats, no white space at ends.
WORDS = (
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: text and not re.search(r"[<>]|\)[\s,]*$|^[\s,]*\(|^[,\[{`]", text))
    .filter(lambda text: text.lower() not in {"没有文字", "无文字"})
)
COORDINATE = st.integers(0, 1000)
BOXES = st.tuples(COORDINATE, COORDINATE, COORDINATE, COORDINATE).map(
    lambda box: (min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3]))
)
LINES = st.lists(st.tuples(WORDS, BOXES), min_size=1, max_size=6)
Lines = list[tuple[str, tuple[int, int, int, int]]]


def spotted(answer: str, recipe: Recipe = HUNYUAN, page: Geometry = THOUSAND) -> Lines:
    """Texts and boxes, to the pixel."""
    found = []
    for block in recipe.parse(answer, SPOTTING, page).blocks:
        for line in block.lines:
            assert line.polygon is not None
            x1, y1, x2, y2 = (round(side) for side in bounding_box(line.polygon))
            found.append((line.text, (x1, y1, x2, y2)))
    return found


@given(LINES, st.sampled_from(["", "\n"]))
@example([("f(1,2) or", (1, 2, 3, 4)), ("x (y) z", (0, 0, 1000, 1000))], "")
@settings(deadline=None)
def test_the_line_format_round_trips(lines: Lines, separator: str) -> None:
    """Texts with parentheses and digits, back to back."""
    answer = separator.join(f"{text}({b[0]},{b[1]}),({b[2]},{b[3]})" for text, b in lines)
    assert spotted(answer) == lines


@given(LINES)
@settings(deadline=None)
def test_the_tagged_format_round_trips_both_ways_round(lines: Lines) -> None:
    """Text before its place, and behind it."""
    first = "".join(
        f"<ref>{text}</ref><quad>({b[0]},{b[1]}),({b[2]},{b[3]})</quad>" for text, b in lines
    )
    last = "".join(
        "<quad>" + "".join(f"<pos_{side}>" for side in box) + f"</quad><ref>{text}</ref>"
        for text, box in lines
    )
    assert spotted(first) == spotted(last) == lines


@given(LINES, st.sampled_from(["box", "bbox"]), st.booleans(), st.integers(0, 30))
@settings(deadline=None)
def test_json_round_trips_and_keeps_whole_items_when_cut(
    lines: Lines, key: str, fenced: bool, cut: int
) -> None:
    """In a fence or not, cut off or not, with either key."""
    answer = json.dumps([{key: box, "text": text} for text, box in lines], ensure_ascii=False)
    whole = f"```json\n{answer}\n```" if fenced else answer
    assert spotted(whole) == lines
    kept = answer[: len(answer) - cut]
    complete = sum(1 for end in re.finditer(r"\}(?=,|\])", answer) if end.end() <= len(kept))
    if complete and "}" not in "".join(text for text, _ in lines):
        assert spotted(kept) == lines[:complete]


@given(LINES)
@settings(deadline=None)
def test_qwens_places_round_trip(lines: Lines) -> None:
    """HTML with ``data-bbox``."""
    answer = "\n".join(
        f'<p data-bbox="{" ".join(map(str, box))}">{_escaped(text)}</p>' for text, box in lines
    )
    assert spotted(answer, recipe_named("qwen3-vl")) == lines


def _escaped(text: str) -> str:
    """As HTML in which no sign is Markdown's."""
    return "".join(sign if sign.isalnum() else f"&#{ord(sign)};" for sign in text)


@given(st.lists(st.tuples(WORDS, BOXES), min_size=1, max_size=6))
@settings(deadline=None)
def test_deepseeks_places_round_trip(lines: Lines) -> None:
    """Of a page of 999 pixels, on which they are pixels."""
    page = Geometry(999, 999, 999, 999)
    lines = [
        (
            f"{text.replace('|', '')}.",
            (min(b[0], 999), min(b[1], 999), min(b[2], 999), min(b[3], 999)),
        )
        for text, b in lines
    ]
    answer = "".join(f"<|ref|>{text}<|/ref|><|det|>[{list(box)}]<|/det|>\n" for text, box in lines)
    assert spotted(answer, recipe_named("deepseek-ocr"), page) == lines


@given(st.lists(st.tuples(WORDS, BOXES), min_size=1, max_size=6))
@settings(deadline=None)
def test_doctags_places_round_trip(lines: Lines) -> None:
    """Of a page of 500 pixels."""
    page = Geometry(500, 500, 500, 500)
    lines = [(text, (b[0] // 2, b[1] // 2, b[2] // 2, b[3] // 2)) for text, b in lines]
    answer = "".join(
        "<text>" + "".join(f"<loc_{side}>" for side in box) + f"{text}</text>\n"
        for text, box in lines
    )
    assert spotted(f"<doctag>{answer}</doctag>", recipe_named("granite-docling"), page) == lines


@given(st.lists(st.tuples(WORDS, BOXES), min_size=1, max_size=4), SIZES, SIZES)
@settings(deadline=None)
def test_dots_places_round_trip_through_its_own_resize(
    lines: Lines, width: int, height: int
) -> None:
    """What is named in pixels of the resized image comes out in pixels of the source."""
    recipe = recipe_named("dots.ocr")
    width, height = max(width, 100), max(height, 100)
    right, bottom = recipe.cost.resized(width, height)
    page = Geometry(width, height, right, bottom)  # a source page as large as the resized image
    lines = [(text, tuple(map(min, box, (right, bottom) * 2))) for text, box in lines]  # type: ignore[misc]
    answer = json.dumps(
        [{"bbox": box, "category": "Text", "text": _escaped(text)} for text, box in lines]
    )
    parsed = recipe.parse(answer, PageRequest(), page)
    found = [
        (line.text, tuple(round(side) for side in bounding_box(line.polygon)))
        for block in parsed.blocks
        for line in block.lines
        if line.polygon
    ]
    assert found == lines


CELL = st.text("abc123 xyz&<", max_size=6).map(lambda text: " ".join(text.split()))
ROWS = st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=4)


@given(ROWS)
@settings(deadline=None)
def test_html_tables_round_trip(rows: list[list[str]]) -> None:
    """Cells as they were, whatever the spelling of the tags."""
    body = "".join(
        "<tr>" + "".join(f"<TD class='x'>{html.escape(cell)}</td>" for cell in row) + "</tr>\n"
        for row in rows
    )
    (table,) = blocks(f"<table>\n{body}</table>")
    assert table.kind is BlockKind.TABLE
    assert [row for row in tables.html_rows(table.markup or "") if row] == rows


@given(ANSWERS)
@settings(max_examples=300, deadline=None)
def test_the_vendors_repairs_settle(answer: str) -> None:
    """After two rounds at most nothing changes any more: no repair undoes another."""
    twice = normalized(normalized(answer))
    assert normalized(twice) == twice


@given(st.text("ab", max_size=60), st.text("abc", min_size=1, max_size=6), st.integers(1, 30))
@settings(max_examples=300, deadline=None)
def test_loops_are_found_as_by_trying_every_length(start: str, unit: str, times: int) -> None:
    """The linear search gives what the plain one does."""
    text, rule = start + unit * times, RepeatRule(20, repeats=4)
    assert without_loop(text, rule) == _tried(text, rule)


def _tried(text: str, rule: RepeatRule) -> str:
    if len(text) < rule.characters:
        return text
    for length in range(rule.shortest, len(text) // rule.repeats + 1):
        unit, repeats = text[-length:], 1
        while text.endswith(unit * (repeats + 1)):
            repeats += 1
        if repeats >= rule.repeats:
            return text[: len(text) - length * (repeats - 1)]
    return text


@given(st.dictionaries(st.sampled_from(KEYS), st.one_of(st.none(), st.text(max_size=10))))
@settings(deadline=None)
def test_fields_round_trip(values: dict[str, str | None]) -> None:
    """What was answered comes out; what was not is None."""
    request = PageRequest(task=Task.FIELDS, keys=KEYS)
    for answer in (json.dumps(values), f"So:\n```json\n{json.dumps(values, indent=1)}\n```\nDone."):
        parsed = HUNYUAN.parse(answer, request, THOUSAND)
        assert parsed.fields == {key: values.get(key) for key in KEYS}
        assert bool(parsed.warnings) is (len(values) < len(KEYS))


ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters())),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(st.characters()), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(), min_size=1), ANY, max_size=4))
@example({"a": "\ud83d", "\udc00": ["\ud83d\ude00"]})
@example({"a": float("nan"), "b": [float("-inf")]})
def test_whatever_fields_a_model_writes_can_be_written_as_json(values: dict[str, object]) -> None:
    """Half characters and numbers that JSON has no word for would end the reply in an error."""
    request = PageRequest(task=Task.FIELDS, schema={"type": "object"})
    parsed = HUNYUAN.parse(json.dumps(values), request, THOUSAND)
    assert parsed.fields is not None
    written = json.dumps(parsed.fields, ensure_ascii=False, allow_nan=False).encode()
    assert len(json.loads(written)) <= len(values)

"""One answer of each family in its own form, and what it comes to in pixels of the source page."""

from collections.abc import Mapping

import pytest

from ocrgate.domain.recognition import Block, BlockKind, Box, PageRequest, Task, bounding_box
from ocrgate.engines.recipes import Geometry, Parsed, recipe_named

PAGE = Geometry(1000, 1400, 2000, 2800)


def parsed(recipe: str, task: Task, answer: str, page: Geometry = PAGE) -> Parsed:
    """The reading of an answer."""
    return recipe_named(recipe).parse(answer, PageRequest(task=task), page)


def shape(blocks: tuple[Block, ...]) -> list[tuple[str, str, Box | None]]:
    """Kind, words and place of each block."""
    return [
        (
            block.kind.value,
            "|".join(line.text for line in block.lines),
            place(block),
        )
        for block in blocks
    ]


def place(block: Block) -> Box | None:
    """The box around a block, in whole pixels."""
    polygons = [line.polygon for line in block.lines if line.polygon]
    points = tuple(point for polygon in polygons for point in polygon)
    return Box(*(round(side) for side in bounding_box(points))) if points else None


def test_hunyuan_charts_are_charts_in_either_form() -> None:
    """Mermaid with or without a fence, and tables of values."""
    bare = parsed("hunyuanocr-1.5", Task.CHART, "graph TD\nA-->B")
    fence = parsed("hunyuanocr-1.5", Task.CHART, "```mermaid\ngraph TD\nA-->B\n```")
    assert bare == fence
    (table,) = parsed("hunyuanocr-1.0", Task.CHART, "| x | y |\n|---|---|\n| 1 | 2 |").blocks
    assert (table.kind, table.lines[1].text) == (BlockKind.CHART, "1\t2")


@pytest.mark.parametrize("answer", ["a+b", "$a+b$", "\\(a+b\\)", "$$a+b$$", "```latex\na+b\n```"])
def test_hunyuan_formulas_are_formulas_in_any_form(answer: str) -> None:
    """With whatever signs around them."""
    (formula,) = parsed("hunyuanocr-1.5", Task.FORMULA, answer).blocks
    assert (formula.kind, formula.markup) == (BlockKind.FORMULA, "$$\na+b\n$$")


def test_hunyuan_text_is_taken_as_printed() -> None:
    """The task ``text`` is no Markdown; documents are."""
    (block,) = parsed("hunyuanocr-1.5", Task.TEXT, "# 5 * a").blocks
    assert (block.kind, block.lines[0].text) == (BlockKind.PARAGRAPH, "# 5 * a")
    (block,) = parsed("hunyuanocr-1.0", Task.MARKDOWN, "# Five (1,2),(3,4)").blocks
    assert (block.kind, block.lines[0].text) == (BlockKind.HEADING, "Five")


def test_hunyuan_layout_in_its_older_tags() -> None:
    """Text, then its kind and place."""
    answer = (
        "Intro<hy-meta><layout>title</layout><quad>(0,0),(500,0),(500,100),(0,100)</quad></hy-meta>"
        "Words.<hy-meta><layout>paragraph</layout><poly>(0,100),(500,200)</poly></hy-meta>rest"
    )
    recipe = recipe_named("hunyuanocr-1.5+layout_parse")
    blocks = recipe.parse(answer, PageRequest(task=Task.MARKDOWN), PAGE).blocks
    assert shape(blocks) == [
        ("heading", "Intro", Box(0, 0, 1000, 280)),
        ("paragraph", "Words.", Box(0, 280, 1000, 560)),
        ("paragraph", "rest", None),
    ]


def test_deepseek_grounds_regions() -> None:
    """999 is the far edge; leaked special tokens are gone."""
    answer = (
        "<|ref|>title<|/ref|><|det|>[[0, 0, 999, 100]]<|/det|>\n# Hi\n\n"
        "<|ref|>image<|/ref|><|det|>[[10,10,20,20],[30,30,40,40]]<|/det|>\n\n"
        "<|ref|>table<|/ref|><|det|>[[0,500,999,999]]<|/det|>\n"
        "<table><tr><td>x</td></tr></table><\uff5cend\u2581of\u2581sentence\uff5c>"
    )
    blocks = parsed("deepseek-ocr", Task.MARKDOWN, answer).blocks
    assert shape(blocks) == [
        ("heading", "Hi", Box(0, 0, 2000, 280)),
        ("figure", "", Box(20, 28, 40, 56)),
        ("table", "x", Box(0, 1401, 2000, 2800)),
    ]
    assert blocks[2].markup == "<table><tr><td>x</td></tr></table>"


def test_deepseek_grounds_lines() -> None:
    """In spotting the reference is the text; without any grounding the words stay."""
    answer = "<|ref|>Total 5<|/ref|><|det|>[[0,0,999,999]]<|/det|>\n<|ref|>b<|/ref|><|det|>[[0"
    assert shape(parsed("deepseek-ocr", Task.SPOTTING, answer).blocks) == [
        ("paragraph", "Total 5", Box(0, 0, 2000, 2800)),
        ("paragraph", "b", None),
    ]
    assert shape(parsed("deepseek-ocr-2", Task.MARKDOWN, "# A\nb").blocks) == [
        ("heading", "A", None),
        ("paragraph", "b", None),
    ]


def test_dots_places_are_pixels_of_the_image_as_it_resizes_it() -> None:
    """1000 x 1400 becomes 1008 x 1400; its layout is read where a caller has the prompt for it."""
    answer = (
        '[{"bbox":[0,0,1008,140],"category":"Title","text":"# A"},'
        '{"bbox":[0,140,504,280],"category":"Picture"},'
        '{"bbox":[0,280,504,420],"category":"Formula","text":"a+b"},'
        '{"bbox":[0,0,9,9],"category":"Page-footer","text":"7"}]'
    )
    assert shape(parsed("dots.ocr", Task.TEXT, answer).blocks) == [
        ("heading", "A", Box(0, 0, 2000, 280)),
        ("formula", "a+b", Box(0, 560, 1000, 840)),
        ("paragraph", "7", Box(0, 0, 18, 18)),
    ]
    assert shape(parsed("dots.ocr", Task.TEXT, "just\ntext").blocks) == [
        ("paragraph", "just|text", None)
    ]


def test_dots_bears_a_strip_that_it_cannot_have_seen() -> None:
    """Reading never raises, whatever size the page is said to have."""
    answer = '[{"bbox":[0,0,9,9],"category":"Text","text":"a"}]'
    strip = Geometry(1, 2000, 1, 2000)
    assert shape(parsed("dots.ocr", Task.TEXT, answer, strip).blocks) == [
        ("paragraph", "a", Box(0, 0, 1, 9))
    ]


def test_olmocr_front_matter_goes_and_figures_have_places() -> None:
    """Their names hold x, y, width and height in pixels of the image that was sent."""
    answer = (
        "---\nprimary_language: en\nis_rotation_valid: True\nrotation_correction: 0\n"
        "is_table: False\nis_diagram: False\n---\n# Hi\n\n![A cat](page_10_20_100_200.png)\n\nBye"
    )
    assert shape(parsed("olmocr-2", Task.MARKDOWN, answer).blocks) == [
        ("heading", "Hi", None),
        ("figure", "A cat", Box(20, 40, 220, 440)),
        ("paragraph", "Bye", None),
    ]
    ruled = "---\nnot front matter\n---\nx"
    assert shape(parsed("olmocr-2", Task.TEXT, ruled).blocks) == [
        ("paragraph", "not front matter", None),
        ("paragraph", "x", None),
    ]


def test_qwen_html_has_places() -> None:
    """Containers are no blocks, alternative texts are words, scripts are not."""
    answer = (
        "```html\n<html><head><style>p {}</style></head><body>"
        '<h2 data-bbox="0 0 1000 100">T <i>x</i></h2>\n<div data-bbox="0 0 9 9" class="box">'
        '<p class="a" data-bbox="0 100 500 200">x &amp; <b>y</b></p></div>'
        '<img data-bbox="0 200 500 300" alt="cat"/>'
        '<table data-bbox="0 300 500 500"><tr><td>k</td></tr></table>'
        '<div data-bbox="1 1 2 2"></div></body></html>\n```'
    )
    blocks = parsed("qwen3-vl", Task.SPOTTING, answer).blocks
    assert shape(blocks)[0] == ("heading", "T x", Box(0, 0, 2000, 280))
    assert shape(blocks)[-3:] == [
        ("paragraph", "x & y", Box(0, 280, 1000, 560)),
        ("figure", "cat", Box(0, 560, 1000, 840)),
        ("table", "k", Box(0, 840, 1000, 1400)),
    ]
    assert blocks[0].markup == "## T <i>x</i>"


def test_qwen_markdown_tells_places_in_comments() -> None:
    """Of images and tables only."""
    answer = (
        "# T\n\n<!-- Image (0, 100, 500, 200) -->\n\nwords\n\n<!-- Table (0, 0, 1000, 1000) -->\n"
        "\\begin{tabular}{ll} a & b \\\\ c & d \\end{tabular}\n\nend"
    )
    assert shape(parsed("qwen3-vl", Task.MARKDOWN, answer).blocks) == [
        ("heading", "T", None),
        ("figure", "", Box(0, 280, 1000, 560)),
        ("paragraph", "words", None),
        ("table", "a\tb|c\td", Box(0, 0, 2000, 2800)),
        ("paragraph", "end", None),
    ]


def test_nanonets_tags_are_read() -> None:
    """Figures, watermarks, page numbers."""
    answer = (
        "<watermark>COPY</watermark>\n\n<img>A cat</img>\n\n☑ yes\n\n"
        "<page_number>9/22</page_number>"
    )
    assert shape(parsed("nanonets-ocr2", Task.MARKDOWN, answer).blocks) == [
        ("paragraph", "COPY", None),
        ("figure", "A cat", None),
        ("paragraph", "☑ yes", None),
        ("paragraph", "9/22", None),
    ]


def test_doctags_are_blocks_with_places() -> None:
    """Sides count to 500; tables are OTSL with spans, their captions stand before them."""
    answer = (
        "<doctag><title><loc_0><loc_0><loc_500><loc_50>Top * title</title>\n"
        "<section_header_level_1><loc_0><loc_50><loc_250><loc_100>Head</section_header_level_1>\n"
        "<unordered_list><list_item><loc_0><loc_100><loc_250><loc_150>one</list_item>"
        "</unordered_list>\n<formula><loc_0><loc_150><loc_250><loc_200>a+b</formula>"
        "<otsl><loc_0><loc_200><loc_500><loc_400><caption><loc_0><loc_190><loc_9><loc_200>Cap"
        "</caption><ched>a<lcel><nl><fcel>1 < 2<fcel>3<nl><ucel><ecel><nl></otsl>"
        "<picture><loc_0><loc_400><loc_500><loc_500></picture></doctag><|end_of_text|>"
    )
    blocks = parsed("granite-docling", Task.SPOTTING, answer).blocks
    assert shape(blocks) == [
        ("heading", "Top * title", Box(0, 0, 2000, 280)),
        ("heading", "Head", Box(0, 280, 1000, 560)),
        ("paragraph", "one", Box(0, 560, 1000, 840)),
        ("formula", "a+b", Box(0, 840, 1000, 1120)),
        ("paragraph", "Cap", Box(0, 1064, 36, 1120)),
        ("table", "a|1 < 2\t3", Box(0, 1120, 2000, 2240)),
        ("figure", "", Box(0, 2240, 2000, 2800)),
    ]
    assert [block.level for block in blocks[:2]] == [1, 2]
    assert blocks[5].markup == (
        '<table><tr><th colspan="2">a</th></tr><tr><td rowspan="2">1 &lt; 2</td><td>3</td></tr>'
        "<tr><td></td></tr></table>"
    )


def test_figures_without_words_are_left_out_of_plain_text() -> None:
    """They are told where places or documents are asked for."""
    answer = "<picture><loc_0><loc_0><loc_9><loc_9></picture><text>a</text>"
    assert len(parsed("granite-docling", Task.TEXT, answer).blocks) == 1
    assert len(parsed("granite-docling", Task.MARKDOWN, answer).blocks) == 2


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("deepseek-ocr", {"skip_special_tokens": False, "temperature": 0.0}),
        ("granite-docling", {"stop": ["</doctag>", "<|end_of_text|>"]}),
        ("lightonocr-2", {"temperature": 0.2, "top_p": 0.9, "max_tokens": 4096}),
        ("dots.ocr", {"temperature": 0.1, "top_p": 0.9, "max_tokens": 32768}),
        ("nanonets-ocr2", {"temperature": 0.0, "max_tokens": 15000}),
    ],
)
def test_sampling_is_that_of_the_vendors(recipe: str, expected: Mapping[str, object]) -> None:
    """What each of them needs beside the prompt."""
    sampling = recipe_named(recipe).sampling(PageRequest())
    assert {key: sampling[key] for key in expected} == expected


def test_lighton_is_sent_the_image_alone() -> None:
    """It was trained without any words."""
    assert recipe_named("lightonocr-2").instruction(PageRequest()).text == ""

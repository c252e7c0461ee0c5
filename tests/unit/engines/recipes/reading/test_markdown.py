"""Blocks of Markdown: words plain, the model's own markup kept where it is needed."""

import pytest
from markdown_it import MarkdownIt

from ocrgate.domain.recognition import Block, BlockKind, PageReading, Recognition
from ocrgate.engines.recipes.reading.markdown import blocks, paragraphs
from ocrgate.engines.recipes.reading.plain import plain
from ocrgate.formats import Format, render


def shape(text: str) -> list[tuple[str, list[str]]]:
    """Kinds and lines."""
    return [(block.kind.value, [line.text for line in block.lines]) for block in blocks(text)]


def rewritten(text: str) -> str:
    """The Markdown that callers get."""
    page = PageReading(1, 100, 100, blocks(text))
    return render(Recognition((page,), "e"), Format.MARKDOWN)


def only(text: str) -> Block:
    """The one block of a text."""
    (block,) = blocks(text)
    return block


def test_headings_have_levels_and_plain_words() -> None:
    """Marks, closing marks left; HTML headings too."""
    assert shape("# One\n## *Two*\ntext\n<h3>Three</h3>") == [
        ("heading", ["One"]),
        ("heading", ["Two"]),
        ("paragraph", ["text"]),
        ("heading", ["Three"]),
    ]
    assert [block.level for block in blocks("# a\n### b")] == [1, 3]
    assert shape("#hash tag\n####### seven") == [("paragraph", ["#hash tag", "####### seven"])]


def test_html_tables_keep_their_markup_and_give_rows() -> None:
    """Cells part at tabs; entities and inner markup are resolved; nesting holds."""
    markup = (
        '<table border="1"><tr><th>a</th><th>b &amp; c</th></tr>'
        "<tr><td>1<br/>2</td><td><table><tr><td>in</td></tr></table></td></tr></table>"
    )
    before, table, after = blocks(f"before {markup} after")
    assert table.markup == markup
    assert [line.text for line in table.lines] == ["a\tb & c", "1 2", "in"]
    assert (before.lines[0].text, after.lines[0].text) == ("before", "after")


def test_a_table_that_was_cut_off_is_closed() -> None:
    """So that what follows in a document does not land inside it."""
    table = only("<table><tr><td>a</td></tr><tr><td>b")
    assert [line.text for line in table.lines] == ["a", "b"]
    assert (table.markup or "").endswith("</table>")


def test_pipe_tables() -> None:
    """Only with a rule below the head; escaped pipes are words."""
    table = only("| a | b |\n|:--|--:|\n| 1 | x\\|y |")
    assert table.kind is BlockKind.TABLE
    assert [line.text for line in table.lines] == ["a\tb", "1\tx|y"]
    assert shape("a | b\nc | d") == [("paragraph", ["a | b", "c | d"])]


def test_latex_tables() -> None:
    """Rows and cells are found, the markup is a fenced block of LaTeX."""
    table = only("\\begin{tabular}{|l|r|}\\hline a & b \\\\ \\hline 1 & 2 \\\\ \\end{tabular}")
    assert [line.text for line in table.lines] == ["a\tb", "1\t2"]
    assert (table.markup or "").startswith("```latex\n\\begin{tabular}")


@pytest.mark.parametrize(
    "written", ["$$\nE = mc^2\n$$", "$$E = mc^2$$", "\\[ E = mc^2 \\]", "```latex\nE = mc^2\n```"]
)
def test_display_formulas_come_in_one_form(written: str) -> None:
    """The one that Markdown renderers know."""
    formula = only(written)
    assert formula.kind is BlockKind.FORMULA
    assert formula.lines[0].text == "E = mc^2"
    assert formula.markup == "$$\nE = mc^2\n$$"


def test_brackets_of_references_and_prices_are_no_formulas() -> None:
    """Escaped brackets and dollar signs are also used as such."""
    assert shape("see \\[1\\] and \\[2, 3\\]") == [("paragraph", ["see [1] and [2, 3]"])]
    assert plain("from $5 to $10") == "from $5 to $10"
    assert plain("where $x_1$ and \\(y_2\\) hold") == "where x_1 and y_2 hold"


def test_diagrams_are_charts_and_listings_are_text() -> None:
    """A fence that only wraps Markdown is looked into."""
    chart, listing = blocks("```mermaid\ngraph TD\n  A-->B\n```\n```python\nx = 1\n```")
    assert (chart.kind, listing.kind) == (BlockKind.CHART, BlockKind.PARAGRAPH)
    assert chart.markup == "```mermaid\ngraph TD\n  A-->B\n```"
    assert shape("```markdown\n# Title\n\ntext\n```") == shape("# Title\n\ntext")
    assert shape("```\n# Title\n\ntext\n```") == shape("# Title\n\ntext")


def test_figures_with_words_are_figures() -> None:
    """Without words there is nothing to say of them."""
    assert shape("![a cat](c.png)\n\n<img>a dog</img>\n\n![](x.png)\n\n![image](y.png)") == [
        ("figure", ["a cat"]),
        ("figure", ["a dog"]),
    ]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("**bold** and *it* and __b__ and _i_", "bold and it and b and i"),
        ("snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4"),
        ("[link](http://x.y/z) ![alt](a.png)", "link alt"),
        ("`a*b*c` \\* \\_ \\#", "a*b*c * _ #"),
        ("H<sub>2</sub>O &lt; x<br>y", "H2O < x y"),
        ("<watermark>COPY</watermark> <page_number>9/22</page_number>", "COPY 9/22"),
        ("a <b and c> d", "a <b and c> d"),
        ("~~old~~ $$x$$", "old x"),
    ],
)
def test_words_are_plain(written: str, words: str) -> None:
    """What was printed, without the signs around it."""
    assert plain(written) == words


def test_plain_paragraphs_have_no_markup_and_others_keep_theirs() -> None:
    """Lists would otherwise run together, emphasis would be lost."""
    assert only("plain text\non two lines").markup is None
    assert only("some **bold** text").markup == "some **bold** text"
    assert only("- one\n- two").markup == "- one\n- two"
    assert only("so \\( a+b \\) and \\(c\\)").markup == "so $a+b$ and $c$"
    assert only("> quoted").lines[0].text == "quoted"


def test_rules_and_blank_lines_part_paragraphs() -> None:
    """They are nothing themselves."""
    assert shape("a\n\n---\n\n***\nb") == [("paragraph", ["a"]), ("paragraph", ["b"])]


def test_what_callers_get_says_what_the_model_said() -> None:
    """Through the Markdown format and a renderer, structure and words are the same."""
    written = (
        "# Title\n\nA *marked* line, 2 < 3.\n\n- one\n- two\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n## Sub\n\n1. first\n2. second\n"
    )
    markdown = MarkdownIt("commonmark").enable("table")
    assert markdown.render(rewritten(written)) == markdown.render(written)


def test_text_that_is_no_markdown_stays_as_it_is() -> None:
    """The task ``text`` gives what is printed, signs and all."""
    (first, second) = paragraphs("# 5 *\n- a\n \n<b>")
    assert [line.text for line in first.lines] == ["# 5 *", "- a"]
    assert [line.text for line in second.lines] == ["<b>"]

"""Markdown: structure that the engine knew, text as it was printed."""

from markdown_it import MarkdownIt

from ocrgate.domain.recognition import Block, BlockKind, Line, PageReading, Recognition
from ocrgate.formats import Format, render


def written(*blocks: Block, number: int = 1) -> str:
    """The Markdown of one page."""
    page = PageReading(number, 100, 100, blocks)
    return render(Recognition((page,), "e"), Format.MARKDOWN)


def block(*texts: str, **options: object) -> Block:
    """A block of lines without places."""
    return Block(tuple(map(Line, texts)), **options)  # type: ignore[arg-type]


def test_headings_tables_and_paragraphs() -> None:
    """Kinds become markup, an engine's own table is passed on as it is."""
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    text = written(
        block("A long", "title", kind=BlockKind.HEADING, level=2),
        block("Some text that", "goes on."),
        Block((), kind=BlockKind.TABLE, markup=table),
    )
    assert text == f"## A long title\n\nSome text that goes on.\n\n{table}\n"


def test_heading_levels_stay_within_markdown() -> None:
    """Markdown has six levels, whatever the engine says."""
    assert written(block("x", kind=BlockKind.HEADING, level=9)) == "###### x\n"
    assert written(block("x", kind=BlockKind.HEADING, level=0)) == "# x\n"


def test_printed_signs_do_not_become_markup() -> None:
    """What looks like Markdown on paper is shown as it stands."""
    lines = [
        "# 5 of 10",
        "1. first",
        "- 20 %",
        "+ tax",
        "* star *",
        "---",
        "===",
        "> quote",
        "a_b _c_ snake_case",
        "<b>bold</b> & &amp; AT&T",
        "[link](http://x.y)",
        "`code` ~~no~~",
        "a | b",
        ":--",
        "back\\slash",
        "![image](x)",
    ]
    html = MarkdownIt().enable(["table", "strikethrough"]).render(written(*map(block, lines)))
    for mark in ("<h1", "<h2", "<li", "<em", "<strong", "<hr", "<quote", "<a ", "<code", "<img"):
        assert mark not in html
    assert html.count("<p>") == len(lines)


def test_a_heading_keeps_its_closing_signs() -> None:
    """A title that ends in # is not shortened."""
    html = MarkdownIt().render(written(block("Grade of C #", kind=BlockKind.HEADING)))
    assert html == "<h1>Grade of C #</h1>\n"


def test_rows_of_an_unknown_table_stay_apart() -> None:
    """A table whose cells the engine does not know keeps its lines."""
    html = MarkdownIt().render(written(block("a 1", "b 2", kind=BlockKind.TABLE)))
    assert html == "<p>a 1<br />\nb 2</p>\n"


def test_pages_are_marked_and_stream() -> None:
    """Every page but a leading first says its number; pages alone and together read the same."""
    pages = tuple(PageReading(n, 9, 9, (block(f"text {n}"),)) for n in (1, 2, 7))
    assert render(Recognition(pages, "e"), Format.MARKDOWN) == (
        "text 1\n\n<!-- page 2 -->\n\ntext 2\n\n<!-- page 7 -->\n\ntext 7\n"
    )
    assert written(block("x"), number=3) == "<!-- page 3 -->\n\nx\n"

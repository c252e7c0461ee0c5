"""The vendor's repairs of a parsed document, one by one."""

import pytest

from ocrgate.engines.recipes.reading import latex, normalize
from ocrgate.engines.recipes.reading.normalize import normalized


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("text (39,337),(512,900)", "text"),
        ("(39,337),(512,900)", ""),
        ("a (1,2),(3,4) (5,6),(7,8)  ", "a"),
        ("a (1,2),(3,4) b", "a (1,2),(3,4) b"),
        ("the point (1,2)", "the point (1,2)"),
        ("$f$ at (1,2),(3,4)", "$f$ at (1,2),(3,4)"),
        ("| cell (1,2),(3,4)", "| cell (1,2),(3,4)"),
        ("one (1,2),(3,4)\ntwo", "one\ntwo"),
    ],
)
def test_trailing_boxes_go_outside_tables_and_formulas(written: str, kept: str) -> None:
    """U: figures leave them behind."""
    assert normalize.without_trailing_boxes(written) == kept


def test_captions_move_before_their_table() -> None:
    """T: as a paragraph of their own; empty ones go."""
    assert normalize.caption_before("<table><caption>A  b</caption><tr></tr></table>") == (
        "A b\n\n<table><tr></tr></table>"
    )
    assert normalize.caption_before("<table><caption></caption></table>") == "<table></table>"
    assert normalize.caption_before("<table></table>") == "<table></table>"


def test_rows_of_formulas_become_formulas() -> None:
    """E, C, C2: aligned environments, arrays of one column, bare line breaks; nothing else."""
    assert normalize.rows("\\begin{aligned} a &= b \\\\ c &= d \\end{aligned}") == [
        "a = b",
        "c = d",
    ]
    assert normalize.rows("\\begin{array}{l} a \\\\[2pt] b \\end{array}") == ["a", "b"]
    assert [row.strip() for row in normalize.rows("a = 1 \\\\ b = 2")] == ["a = 1", "b = 2"]
    whole = "x = \\begin{cases} 1 & a \\\\ 2 & b \\end{cases} + {p \\\\ q}"
    assert normalize.rows(whole) == [whole]
    two = "\\begin{array}{ll} a & b \\\\ c & d \\end{array}"
    assert normalize.rows(two) == [two]


@pytest.mark.parametrize(
    ("written", "balanced"),
    [
        ("\\left( a", "\\left( a \\right."),
        ("a \\right)", "\\left. a \\right)"),
        ("\\left( a \\right)", "\\left( a \\right)"),
        ("\\leftarrow", "\\leftarrow"),
    ],
)
def test_fences_are_balanced(written: str, balanced: str) -> None:
    """D: a renderer shows nothing of a formula with a lone fence."""
    assert latex.balanced_fences(written) == balanced


def test_lone_inline_formulas_are_displayed() -> None:
    """A: only where the formula is all of the line."""
    assert normalize.displayed("$a+b$") == normalize.displayed("\\(a+b\\)") == "$$\na+b\n$$"
    assert normalize.displayed("$a$ and $b$") == "$a$ and $b$"
    assert normalize.displayed("\\(a\\) and \\(b\\)") == "\\(a\\) and \\(b\\)"


def test_bare_calculations_are_displayed() -> None:
    """W: with an operator and an equals sign, and nothing else."""
    assert normalize.arithmetic("12 + 3 = 15") == "$$\n12 + 3 = 15\n$$"
    for line in ("2024-01-02", "x = 1 + 2", "1 + 2", "= 3", "Total = 5 + 6"):
        assert normalize.arithmetic(line) == line


@pytest.mark.parametrize(
    "number", ["\\tag{3}", "\\tag*{3.1}", "\\quad (3)", "\\qquad(3.1a)", "\\eqno(7)"]
)
def test_equation_numbers_go(number: str) -> None:
    """F: in all the ways to set them, and a function's argument stays."""
    assert latex.without_number(f"a = f(1) {number}") == "a = f(1)"


def test_braces_are_balanced() -> None:
    """V: as a cut leaves them; escaped ones are words."""
    assert latex.repaired("\\frac{a}{b") == "\\frac{a}{b}"
    assert latex.repaired("a}") == "{a}"
    assert latex.repaired("\\{ a") == "\\{ a"


def test_a_document_goes_through_all_of_them_once() -> None:
    """A second time changes nothing."""
    written = (
        "# T (1,2),(3,4)\n\n$x$\n\n1 + 1 = 2\n\n<table><caption>C</caption><tr><td>(1,2),(3,4)"
        "</td></tr></table>\n\n$$\\begin{aligned} a &= \\left( b \\\\ c &= {d"
        " \\end{aligned} \\tag{1}$$\n\n```python\nprint((1,2),(3,4))\n```\n"
    )
    once = normalized(written)
    assert once == (
        "# T\n\n$$\nx\n$$\n\n$$\n1 + 1 = 2\n$$\n\nC\n\n<table><tr><td>(1,2),(3,4)"
        "</td></tr></table>\n\n$$\na = \\left( b \\right.\n$$\n\n$$\nc = {d}\n$$\n\n"
        "```python\nprint((1,2),(3,4))\n```\n"
    )
    assert normalized(once) == once

"""Answers made to be slow are read in time that grows with their length alone."""

import time

import pytest

from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.engines.recipes import Geometry, Recipe, recipe_named, recipes

LENGTH = 100_000  # characters of the longest answer
HUNYUAN = recipe_named("hunyuanocr-1.5")
PAGE = Geometry(1000, 1400, 2000, 2800)
UNITS = (
    *(
        "(",
        "a(1,",
        "(1,2),",
        "(1,2),(3,4)",
        "[",
        "{",
        '{"a":',
        '{"a":[',
        '"\\"',
        '{"box":[1,2,3,4],',
    ),
    *("<", "<td", "<table>", "<caption>", "<ref>", "<ref>a</ref><quad>", "<hy-meta>", "<style>"),
    *(
        "<|ref|>",
        "<text><loc_1>",
        "<fcel><lcel>",
        '<p data-bbox="',
        "<b ===",
        "<li>",
        "<!-- Image (",
    ),
    *("$", "$$\n", "\\[", "\\[\n", "\\(", "\\left(", "\\\\", "\\begin{align}", "\\begin{tabular}"),
    *(
        "*a ",
        "**a",
        "_a",
        "`",
        "```\n",
        "~~a",
        "![a",
        "[a](",
        "# ",
        "- a\n",
        "> ",
        "|",
        "a|b\n|-|\n",
    ),
    *("\n", " ", " \n", "1", "1+", "&amp;", "---\n", "a: b\n", "abcdefghij", "\0"),
)


@pytest.mark.parametrize("unit", ["(", "a(1,"])
def test_a_megabyte_of_beginnings_of_boxes_is_read_within_a_second(unit: str) -> None:
    """Ten times the longest answer. CPU time, so that a busy machine fails nothing."""
    answer = unit * (1_000_000 // len(unit))
    begin = time.process_time()
    HUNYUAN.parse(answer, PageRequest(task=Task.SPOTTING), PAGE)
    assert time.process_time() - begin < 1.0


@pytest.mark.parametrize("unit", UNITS)
def test_work_grows_with_the_length_alone(unit: str) -> None:
    """On signs that forms are made of. Where it grew with the square it would take minutes."""
    answer = "<otsl>" * ("fcel" in unit) + unit * (LENGTH // len(unit)) + "x"
    begin = time.process_time()
    for task in (Task.MARKDOWN, Task.SPOTTING, Task.FIELDS):
        HUNYUAN.parse(answer, PageRequest(task=task, keys=("a",)), PAGE)
    assert time.process_time() - begin < 2.5


@pytest.mark.parametrize("recipe", recipes()[2:], ids=lambda recipe: recipe.name)
def test_no_family_is_slow_on_what_its_form_is_made_of(recipe: Recipe) -> None:
    """Every reader on every sign."""
    begin = time.process_time()
    for unit in UNITS:
        for task in recipe.tasks() & {Task.MARKDOWN, Task.SPOTTING, Task.TEXT}:
            answer = unit * (LENGTH // 10 // len(unit))
            recipe.parse(answer, PageRequest(task=task), PAGE)
    assert time.process_time() - begin < 4.0

"""What the guides on tuning and planning tell people to type can be typed."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from ocrgate.cli.app import app

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("guides/tune.md", "guides/plan.md", "tutorials/tune-without-a-gpu.md")


def commands() -> list[str]:
    """Every call of ocrgate after a prompt or between backticks; continued lines are joined."""
    found = []
    for page in PAGES:
        text = (DOCS / page).read_text(encoding="utf-8").replace("\\\n", " ")
        found += re.findall(r"^\$ (ocrgate .*)$", text, re.MULTILINE)
        found += [" ".join(words.split()) for words in re.findall(r"`(ocrgate [^`]*)`", text)]
    return found


@pytest.mark.parametrize("command", commands())
def test_every_option_that_a_guide_names_is_there(command: str) -> None:
    _, name, *words = shlex.split(command)
    declared = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    options = {option for param in declared.params for option in param.opts}
    used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert used <= options


def test_there_are_commands_to_look_at() -> None:
    assert len(commands()) > 15


@pytest.mark.parametrize("page", PAGES)
def test_every_page_that_a_guide_points_to_is_there(page: str) -> None:
    place = DOCS / page
    for target in re.findall(r"\]\(([^)#]+)", place.read_text(encoding="utf-8")):
        assert (place.parent / target).exists(), target

"""The reference says what the code does."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from ocrgate.cli.exit import MEANING, Exit
from ocrgate.errors import leaves
from ocrgate.settings import declared
from ocrgate.telemetry.catalog import DECLARED

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date(generate: ModuleType) -> None:
    """Nobody reads about an option, metric or error that is no more (`python docs/generate.py`)."""
    made = generate.documents()
    stale = [
        str(path.relative_to(DOCS))
        for path, text in made.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    assert stale == []


def test_no_page_is_left_of_what_is_gone(generate: ModuleType) -> None:
    """Every page under problems belongs to an error of today."""
    assert set((DOCS / "problems").glob("*.md")) == {
        path for path in generate.documents() if path.parent.name == "problems"
    }


def test_everything_declared_is_documented() -> None:
    """Every setting, metric, error and exit code has its row."""
    text = "\n".join(path.read_text() for path in (DOCS / "reference").glob("*.md"))
    wanted = [f"`{key}`" for key in declared()]
    wanted += [f"`{item.full_name}`" for item in DECLARED]
    wanted += [f"[`{error.code}`]" for error in leaves()]
    wanted += [f"| {int(code)} | {MEANING[code]} |" for code in Exit]
    assert [each for each in wanted if each not in text] == []


def test_links_between_pages_lead_somewhere() -> None:
    """No page of the reference or of the problems sends a reader into the void."""
    pages = [*(DOCS / "reference").glob("*.md"), *(DOCS / "problems").glob("*.md")]
    links = [
        (page, target)
        for page in pages
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    ]
    assert links
    assert [str(p) + " -> " + t for p, t in links if not (p.parent / t).resolve().exists()] == []

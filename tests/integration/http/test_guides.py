"""The examples of the guides run."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ocrgate.testing import ScriptedEngine

GUIDES = Path(__file__).resolve().parents[3] / "docs" / "guides"
ADDRESS = "http://127.0.0.1:7860"


def blocks(guide: str, language: str) -> list[str]:
    """The code blocks of a guide in one language."""
    text = (GUIDES / guide).read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_python_examples_print_the_text(
    build: Any,
    served: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Our client, OpenAI's and Mistral's, as the guide writes them."""
    monkeypatch.chdir(tmp_path)
    for name in ("page.png", "paper.pdf"):
        Path(name).write_bytes(b"x")
    with served(build(ScriptedEngine(["first", "second", "third"]), pages=3)) as site:
        for code in blocks("clients.md", "python"):
            # A searchable PDF needs real pixels, which the scripted pages lack.
            runs = code.replace(ADDRESS, site.url).replace('"pdf"', '"hocr"')
            names: dict[str, Any] = {}  # each example can be copied alone
            exec(compile(runs, "clients.md", "exec"), names)
            names["client"].__exit__(None, None, None)
    said = capsys.readouterr().out
    assert said.count("first") >= 3


def test_only_of_a_pdf_are_pages_asked_for() -> None:
    """A picture has one page: whoever copies an example gets no error for asking for the third."""
    asking = [code for code in blocks("clients.md", "python") if "pages=" in code]
    assert asking
    for code in asking:
        assert "paper.pdf" in code


def test_the_curl_examples_print_the_text(build: Any, served: Any, tmp_path: Path) -> None:
    """All three forms, as the guide writes them."""
    for name in ("page.png", "page.pdf"):
        (tmp_path / name).write_bytes(b"x")
    (script,) = [block for block in blocks("http.md", "") if "base64 -w0" in block]
    with served(build(ScriptedEngine(["first", "second", "third"]), pages=3)) as site:
        said = subprocess.run(
            ["bash", "-ec", script.replace("curl", "curl -sS").replace(ADDRESS, site.url)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    assert said.count("third") >= 3

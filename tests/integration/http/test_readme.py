"""What the README tells people to type works."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from ocrgate.cli.app import app
from ocrgate.settings import declared
from ocrgate.testing import ScriptedEngine

README = Path(__file__).resolve().parents[3] / "README.md"
ADDRESS = "http://127.0.0.1:7860"


def blocks(language: str) -> list[str]:
    """The code blocks of one language; "" is what is typed into a shell."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


def lines(program: str) -> list[list[str]]:
    """Every command line of the README that calls a program, in words."""
    typed = [line for block in blocks("") for line in block.splitlines()]
    words = [[w for w in shlex.split(line) if not re.match(r"[A-Z_]+=", w)] for line in typed]
    return [line for line in words if line and line[0] == program]


def test_the_python_examples_print_the_text(
    build: Any,
    served: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All three clients, one after the other, as a reader would paste them into one session."""
    monkeypatch.chdir(tmp_path)
    Path("page.png").write_bytes(b"x")
    codes, names = blocks("python"), dict[str, Any]()
    assert len(codes) == 3
    with served(build(ScriptedEngine(["found\nthere"], name="cpu/pp-ocrv6"))) as site:
        for code in codes:
            exec(compile(code.replace(ADDRESS, site.url), "README.md", "exec"), names)
            said = capsys.readouterr().out
            assert "found" in said, code
            assert "there" in said, code
            names["client"].__exit__(None, None, None)


def curls() -> Iterator[str]:
    """The README's calls, with formats that need no real pixels."""
    for block in blocks(""):
        if "curl" in block:
            yield block.replace("format=pdf", "format=hocr")


def test_the_curl_examples_bring_the_text(build: Any, served: Any, tmp_path: Path) -> None:
    """Each call is answered with what was read."""
    for name in ("page.png", "page.jpg", "scan.pdf"):
        (tmp_path / name).write_bytes(b"x")
    with served(build(ScriptedEngine(["found"]))) as site:
        count = 0
        for script in curls():
            for line in filter(None, script.splitlines()):
                count += 1
                typed = line.replace("curl", "curl -fsS", 1).replace(ADDRESS, site.url)
                done = subprocess.run(
                    ["bash", "-ec", typed], cwd=tmp_path, capture_output=True, check=True
                )
                written = tmp_path / "searchable.pdf"
                said = done.stdout or written.read_bytes()
                assert b"found" in said, line
    assert count == 3


@pytest.mark.parametrize("words", lines("ocrgate"), ids=" ".join)
def test_the_commands_and_their_options_are_there(words: list[str]) -> None:
    """Every subcommand and option that is shown is understood by the parser."""
    command: Any = get_command(app)
    rest = words[1:]
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    with command.make_context("ocrgate", list(rest)) as context:
        assert context.params


def test_settings_that_are_named_are_there() -> None:
    """Variables are settings of today."""
    text = README.read_text()
    variables = set(re.findall(r"OCRGATE_[A-Z]+__[A-Z_]+", text))
    assert variables
    assert variables <= {setting.variable for setting in declared().values()}


def test_the_version_of_python_is_the_one_asked_for() -> None:
    """What the README asks for is what the package asks for."""
    asked = re.search(r"Python (\d\.\d+) or newer", README.read_text())
    assert asked
    assert f'requires-python = ">={asked[1]}"' in (README.parent / "pyproject.toml").read_text()
    assert sys.version_info >= tuple(map(int, asked[1].split(".")))

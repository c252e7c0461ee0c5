"""Size budgets, taken from the best columns of well-kept peers, and the tree's other promises."""

import ast
import re
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src" / "ocrgate").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Function:
    """One function: where it stands, its length in lines, its positional parameters."""

    place: str
    lines: int
    positional: int


def module_lengths() -> dict[str, int]:
    """Lines of every module that holds more than a docstring."""
    lengths = {str(p.relative_to(ROOT)): p.read_text().count("\n") for p in SOURCES}
    return {name: count for name, count in lengths.items() if count > 5}


def functions() -> list[Function]:
    """Every function of the package, nested ones too."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, FUNCTION):
                names = [a.arg for a in [*node.args.posonlyargs, *node.args.args]]
                found.append(
                    Function(
                        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}",
                        (node.end_lineno or node.lineno) - node.lineno + 1,
                        len([n for n in names if n not in {"self", "cls"}]),
                    )
                )
    return found


def percentile(values: list[int], share: float) -> int:
    """The value below which ``share`` of the values lie."""
    return sorted(values)[int(share * (len(values) - 1))]


def test_modules_are_short() -> None:
    """A reader can hold a module: median at most 180 lines, none above 500."""
    lengths = module_lengths()
    assert {name: n for name, n in lengths.items() if n > 500} == {}
    assert statistics.median(lengths.values()) <= 180


def test_functions_are_short() -> None:
    """A reader can hold a function: median at most 8 lines, p90 at most 30, none above 60."""
    found = functions()
    assert [f for f in found if f.lines > 60] == []
    lengths = [f.lines for f in found]
    assert statistics.median(lengths) <= 8
    assert percentile(lengths, 0.9) <= 30


def test_calls_are_readable() -> None:
    """Nobody counts commas: at most six parameters that are not keyword-only."""
    assert [f for f in functions() if f.positional > 6] == []


def test_names_say_what_a_thing_is() -> None:
    """No catch-all modules."""
    vague = re.compile(r"(utils?|helpers?|manager|misc|common)\.py$")
    assert [str(p) for p in SOURCES if vague.search(p.name)] == []


def test_composition_root_is_readable() -> None:
    """The one place that wires the HTTP application fits on two screens."""
    assert module_lengths()["src/ocrgate/gateway/app.py"] <= 120


def test_status_and_exit_codes_live_at_the_edges() -> None:
    """HTTP status numbers and exit codes are decided in one module each."""
    status = re.compile(r"\bstatus(?:_code)?\s*=\s*[1-5]\d\d\b")
    strays = [
        str(p.relative_to(ROOT))
        for p in SOURCES
        if status.search(p.read_text()) and p.name not in {"problem.py", "openapi.py"}
    ]
    assert strays == []


def test_tests_use_fakes_not_mocks() -> None:
    """Ports have public fakes; lines that patch or mock stay under five in a hundred tests."""
    text = "\n".join(p.read_text() for p in TESTS if p != Path(__file__))
    tests = len(re.findall(r"^\s*(?:async )?def test_", text, re.MULTILINE))
    mocks = len(re.findall(r"mock\.|MagicMock|monkeypatch|mocker", text))
    assert mocks <= 0.05 * tests


def test_nothing_left_open() -> None:
    """No promise without code behind it."""
    marks = re.compile(r"\bTODO\b|\bFIXME\b|\bXXX\b|raise NotImplementedError")
    assert [str(p.relative_to(ROOT)) for p in SOURCES if marks.search(p.read_text())] == []


def test_tree_names_no_registry_and_no_machine() -> None:
    """What is committed installs from wherever the reader's pip is pointed."""
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    registries = r"pypi\.org|pythonhosted|registry\.npmjs|--(?:extra-)?index-url"
    host = re.compile(rf"{registries}|/root/|/work/")
    hits = [
        name
        for name in files
        if (ROOT / name).is_file()
        and name != "tests/architecture/test_budgets.py"
        and host.search((ROOT / name).read_text(errors="ignore"))
    ]
    assert hits == []


LIGHT = {
    "ocrgate.settings": ("numpy", "onnxruntime", "cv2", "PIL", "starlette", "gradio", "plotly"),
    "ocrgate.cli.app": ("numpy", "onnxruntime", "cv2", "PIL", "starlette", "sqlalchemy", "httpx"),
    "ocrgate.client": ("numpy", "onnxruntime", "cv2", "PIL", "starlette", "sqlalchemy"),
    "ocrgate.engines.cpu.params": ("numpy", "onnxruntime", "cv2", "PIL"),
    "ocrgate.control.admission": ("asyncio", "numpy", "pydantic", "structlog"),
}


@pytest.mark.parametrize("module", LIGHT)
def test_imports_are_light(module: str) -> None:
    """Importing a light module pulls in none of the heavy ones."""
    code = f"import sys, {module}; print('\\n'.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(LIGHT[module]) & set(loaded) == set()

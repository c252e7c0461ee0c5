"""What ``ocrgate doctor`` says about the machine."""

import shlex
import sys
import tomllib
from pathlib import Path

import pytest

from ocrgate.cli.checks.check import State
from ocrgate.cli.checks.machine import EXTRAS, LEAST_BESIDE, LEAST_MEMORY, enough
from ocrgate.cli.report import installing
from ocrgate.settings.catalog import declared, kinds


@pytest.mark.parametrize("kind", kinds("engine.kind"))
def test_little_memory_is_answered_with_settings_of_that_engine(kind: str) -> None:
    """What is advised can be set."""
    hint = enough(2.0**28, kind).hint
    (named,) = [key for key in declared() if key in hint]
    assert not kinds(named) or kind in kinds(named)


def test_less_is_enough_where_the_model_runs_elsewhere() -> None:
    """The embedded engine's workers hold the most."""
    assert enough(LEAST_MEMORY, "cpu").state is State.OK
    assert enough(LEAST_MEMORY - 1, "cpu").state is State.NOTE
    assert enough(LEAST_BESIDE, "openai").state is State.OK
    assert enough(LEAST_BESIDE - 1, "vllm").state is State.NOTE


def test_every_extra_is_looked_for() -> None:
    """What can be installed beside ocrgate is known to the doctor."""
    file = Path(__file__).parents[3] / "pyproject.toml"
    declared_there = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    assert set(EXTRAS) == set(declared_there["optional-dependencies"])


def test_what_is_lacking_is_installed_where_ocrgate_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After ``make serve`` the shell's pip is that of another Python, or there is none."""
    (tmp_path / "pip").write_text("#!/bin/sh\n")
    (tmp_path / "pip").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installing("'ocrgate[heic]'") == (
        f"{shlex.quote(sys.executable)} -m pip install 'ocrgate[heic]'"
    )
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert installing("'ocrgate[heic]'") == "pip install 'ocrgate[heic]'"

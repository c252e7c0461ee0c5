"""What ``ocrgate doctor`` says about the machine."""

import tomllib
from pathlib import Path

import pytest

from ocrgate.cli.checks.check import State
from ocrgate.cli.checks.machine import EXTRAS, LEAST_BESIDE, LEAST_MEMORY, enough
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

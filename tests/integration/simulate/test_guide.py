"""The guide's examples run."""

import re
from pathlib import Path

import pytest

from ocrgate.simulate.changes import parse_script

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "guides" / "simulate.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_python_example_prints_a_rate(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block("python"), "simulate.md", "exec"), {})
    rate, preemptions = capsys.readouterr().out.split()
    assert float(rate) > 0.2
    assert int(preemptions) >= 0


def test_the_script_is_one() -> None:
    assert [change.kind for change in parse_script(block("json"))] == [
        "slow",
        "slow",
        "kv_tokens",
        "pause",
        "restart",
    ]

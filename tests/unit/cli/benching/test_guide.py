"""Every command of the guide is one that there is, and the tables name what there is."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from ocrgate.cli.app import app
from ocrgate.cli.benching.order import Given, checked
from ocrgate.cli.exit import Exit
from ocrgate.load import slo
from ocrgate.load.targets import Api
from ocrgate.simulate.workload import MIXES

GUIDE = Path(__file__).resolve().parents[4] / "docs" / "guides" / "bench.md"
COMMANDS = re.findall(r"^\$ (ocrgate bench .*)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_are_understood(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With files where the guide has some."""
    monkeypatch.chdir(tmp_path)
    Path("scans").mkdir()
    for name in ("scans/a.png", "letter.pdf"):
        Path(name).write_bytes(b"x")
    Path("arrivals.txt").write_text("0\n1\n3\n")
    words = shlex.split(line.partition(">")[0])[2:]
    command = typer.main.get_command(app).get_command(None, "bench")  # type: ignore[attr-defined]
    given = command.make_context("bench", words).params
    given.pop("compare")
    order = checked(Given(**given))
    assert order.loads


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 10


def test_limits_contracts_and_mixes_are_all_there() -> None:
    """And nothing else."""
    text = GUIDE.read_text(encoding="utf-8")
    limits = re.findall(r"`([a-z0-9.]+)=[\d.]+(?:ms|s|%)?`", text)
    for limit in limits:
        assert slo.parse(f"{limit}=1"), limit
    assert {"e2e", "ttft", "tpot", "error", "wrong", "degraded", "cer"} <= {*limits}
    assert all(f"| `{api}` |" in text for api in Api)
    assert all(mix in text for mix in MIXES)


def test_exit_codes_of_the_guide_exist() -> None:
    told = re.findall(r"^\| ([\d, ]+) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    codes = {int(code) for row in told for code in row.split(",")}
    assert codes <= {int(code) for code in Exit}
    assert {0, 1, 5, 7, 130} <= codes

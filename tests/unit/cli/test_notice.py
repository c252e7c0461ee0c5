"""Whoever starts a model is told once what its licence asks."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ocrgate.cli.exit import Exit
from ocrgate.cli.notice import show_notice
from ocrgate.engines.launch.params import VllmParams
from ocrgate.settings import Settings


def test_it_is_said_before_the_first_start_and_not_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(engine=VllmParams(state=tmp_path))
    show_notice(settings)
    assert "not licensed for use in the European Union" in capsys.readouterr().err
    show_notice(settings)
    assert capsys.readouterr().err == ""


def test_an_engine_that_starts_no_model_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show_notice(Settings())
    assert capsys.readouterr().err == ""


def test_reading_files_here_says_it_too(tmp_path: Path) -> None:
    """In a process of its own: the command sets up the log of the whole process."""
    picture = tmp_path / "page.png"
    Image.new("L", (64, 64), 255).save(picture)
    environ = {
        "XDG_STATE_HOME": str(tmp_path),
        "OCRGATE_ENGINE__KIND": "vllm",
        "OCRGATE_ENGINE__COMMAND": str(tmp_path / "vllm"),
    }
    words = [sys.executable, "-m", "ocrgate", "read", str(picture)]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert "NOTICE: HunyuanOCR" in done.stderr
    assert "vLLM is not installed here" in done.stderr
    assert done.returncode == Exit.ENGINE

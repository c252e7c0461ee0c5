"""The command line with pipes that close, streams that are not there, and odd locales."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

OCRGATE = f"{shlex.quote(sys.executable)} -m ocrgate"


def shell(folder: Path, line: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash; ``ocrgate`` is ours."""
    script = f'set -o pipefail; ocrgate() {{ {OCRGATE} "$@"; }}; {line}'
    env = os.environ | {"XDG_STATE_HOME": str(folder)} | variables
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, cwd=folder, env=env, timeout=60, check=False
    )


def test_a_pipe_that_is_closed_early_ends_the_command_quietly(tmp_path: Path) -> None:
    """As with `| head`: nothing is said, and the code is that of a closed pipe."""
    done = shell(tmp_path, "ocrgate config schema | true")
    assert (done.returncode, done.stdout, done.stderr) == (141, b"", b"")


@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_full_disk_is_told(tmp_path: Path, buffered: str) -> None:
    """A result that could not be written is not called a success."""
    done = shell(tmp_path, f"PYTHONUNBUFFERED={buffered} ocrgate version > /dev/full")
    assert done.returncode == 10
    assert done.stderr == b"ocrgate: No space left on device\n"


@pytest.mark.parametrize("line", ["ocrgate version >&-", "ocrgate keys list 2>&-"])
def test_streams_that_are_closed_are_no_mistake_of_ours(tmp_path: Path, line: str) -> None:
    """As services and schedulers start their commands."""
    done = shell(tmp_path, line)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_closed_standard_input_is_empty(tmp_path: Path) -> None:
    """One line, and the code of an input that is missing."""
    done = shell(tmp_path, "ocrgate read - <&-")
    assert done.returncode == 4
    assert done.stderr == b"ocrgate: standard input is empty\n"


def test_results_are_utf8_whatever_the_locale(tmp_path: Path) -> None:
    """A key's name in Chinese is listed under LANG=C, byte for byte."""
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    assert shell(tmp_path, "ocrgate keys create 名前").returncode == 0
    done = shell(tmp_path, "ocrgate keys list", **plain)
    assert done.returncode == 0
    assert "名前".encode() in done.stdout


def test_a_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    """Bytes that no encoding knows neither crash nor vanish."""
    done = shell(tmp_path, r"ocrgate read $'no\xff.png'")
    assert done.returncode == 4
    assert done.stderr == b"ocrgate: no\\udcff.png: there is no such file\n"

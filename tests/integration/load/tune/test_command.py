"""`ocrgate tune` and `ocrgate plan` as people run them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ocrgate.cli.exit import Exit


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ocrgate", *words]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=110, check=False
    )


QUICK = ("tune", "--profile", "fast", "--mix", "up-to-1024", "--trial", "10s", "--most", "32")


def test_a_search_on_a_simulated_engine_explains_itself(tmp_path: Path) -> None:
    ended = run(*QUICK, "--plot", "curve.svg", cwd=tmp_path)
    assert ended.returncode == Exit.OK, ended.stderr
    assert "<- recommended" in ended.stdout
    assert "vLLM:    --max-num-seqs 32" in ended.stdout
    assert "[1/12] max-num-seqs 4 (climb)" in ended.stderr
    assert (tmp_path / "curve.svg").read_text().startswith("<svg")


def test_what_is_found_is_written_into_the_settings(tmp_path: Path) -> None:
    (tmp_path / "ocrgate.toml").write_text('[engine]\nkind = "vllm"  # ours\nmax_sequences = 4\n')
    ended = run(*QUICK, "--json", "--apply", cwd=tmp_path)
    assert ended.returncode == Exit.OK, ended.stderr
    found = json.loads(ended.stdout)
    assert found["recommended"] == {"max-num-seqs": 32}
    text = (tmp_path / "ocrgate.toml").read_text()
    assert 'kind = "vllm"  # ours' in text
    assert "max_sequences = 32" in text
    assert run("config", "check", "ocrgate.toml", cwd=tmp_path).returncode == Exit.OK


@pytest.mark.parametrize(
    ("words", "told", "code"),
    [
        (("tune",), "what is to be tuned?", Exit.USAGE),
        (("tune", "http://127.0.0.1:9"), "127.0.0.1:9", Exit.ENGINE),
        (("tune", "--profile", "none"), "there is no profile", Exit.USAGE),
        (("tune", "http://h", "--what", "memory"), "started anew", Exit.USAGE),
        (("tune", "http://h", "--what", "color"), "there are seqs", Exit.USAGE),
        (("tune", "http://h", "--slo", "e2e"), "written as e2e=5s", Exit.USAGE),
        (("tune", "http://h", "--slo", "cer=1%"), "goes by e2e, ttft", Exit.USAGE),
        (("tune", "http://h", "--plot", "no/x.svg"), "there is no folder", Exit.USAGE),
        (("tune", "http://h", "--plot", "."), "that is a folder", Exit.USAGE),
        (("tune", "http://h", "--plot", "/proc/x.svg"), "cannot be written", Exit.ENVIRONMENT),
        (("tune", "http://h", "--apply", "--config", "no/x.toml"), "no folder", Exit.USAGE),
        (("tune", "http://h", "--least", "9", "--most", "8"), "--least", Exit.USAGE),
        (("tune", "http://h", "--trial", "0"), "a second at least", Exit.USAGE),
        (("tune", "http://h", "--slo", "e2e=0"), "in no time", Exit.USAGE),
        (("tune", "http://h", "--what", "side,seqs"), "side is searched alone", Exit.USAGE),
        (("plan",), "which GPU?", Exit.USAGE),
        (("plan", "--gpu", "potato"), "its data sheet is not known", Exit.USAGE),
        (("plan", "--gpu", "L4", "--model", "gpt"), "its shape is not known", Exit.USAGE),
        (("plan", "--gpu", "L4", "--slo", "ttft=1s"), "e2e only", Exit.USAGE),
        (("plan", "--gpu", "L4", "--calibrate", "none.json"), "no such file", Exit.INPUT),
    ],
)
def test_mistakes_are_told_in_a_line(
    words: tuple[str, ...], told: str, code: Exit, tmp_path: Path
) -> None:
    ended = run(*words, cwd=tmp_path)
    assert told in ended.stderr
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr


def test_a_plan_in_json_says_what_it_assumed(tmp_path: Path) -> None:
    ended = run("plan", "--gpu", "L4", "--pages", "300x200:20", "--json", cwd=tmp_path)
    assert ended.returncode == Exit.OK, ended.stderr
    found = json.loads(ended.stdout)
    assert found["rate"]["low"] < found["rate"]["middle"] < found["rate"]["high"]
    assert found["assumed"]["utilization"] == 0.9
    assert found["gpu"]["name"] == "l4-24gb"


def test_the_gpus_are_listed(tmp_path: Path) -> None:
    assert "rtx4090d-24gb" in run("plan", "--list", cwd=tmp_path).stdout

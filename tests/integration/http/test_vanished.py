"""Clients whose machine is gone without a word."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import socket, subprocess, time
from ocrgate.gateway import corked
from ocrgate.testing import ScriptedEngine
from tests.integration.http.conftest import make_site, over_sockets

corked._LOOKS.update(TCP_KEEPIDLE=1, TCP_KEEPINTVL=1, TCP_KEEPCNT=1)
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
site = make_site(ScriptedEngine(delay=15))
with over_sockets(site):
    host, _, port = site.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(b"POST /ocr HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1\\r\\n\\r\\nx")
        while not site.engine.running:
            time.sleep(0.01)
        subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
        while site.engine.running:
            time.sleep(0.01)
    print("cancelled", site.engine.cancellations)
"""


def test_a_page_of_a_machine_that_vanished_is_given_up() -> None:
    """Its network is cut in the middle of the work: the engine is told to stop."""
    probe = subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True)
    if probe.returncode != 0 or shutil.which("ip") is None:
        pytest.skip("this machine allows no network to be cut")
    run = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )
    assert run.stdout.splitlines()[-1:] == ["cancelled 1"], run.stderr[-2000:]

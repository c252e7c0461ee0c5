"""A real server as a process of its own, on a free port, with its own state folder."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest


@dataclass
class Server:
    """A running ``ocrgate serve``."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str) -> httpx.Response:
        """GET a path of this server."""
        return httpx.get(self.url + path, timeout=30)

    def post_file(self, path: Path, **fields: str) -> httpx.Response:
        """POST a file to ``/ocr`` as a form."""
        with path.open("rb") as handle:
            return httpx.post(
                f"{self.url}/ocr",
                files={"file": (path.name, handle)},
                data=fields,
                headers={"X-Request-Timeout": "60"},
                timeout=90,
            )

    def family(self) -> list[psutil.Process]:
        """The server's process and everything it started."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_ready(server: Server, seconds: float = 60) -> None:
    """Return once ``/readyz`` says 200; fail with the log otherwise."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.process.poll() is not None:
            break
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{server.url}/readyz", timeout=5).is_success:
                return
        time.sleep(0.05)
    pytest.fail(f"not ready:\n{server.log.read_text()[-4000:]}")


@contextlib.contextmanager
def serve(folder: Path, *arguments: str, **environment: str) -> Iterator[Server]:
    """Start a server in ``folder`` and end it with SIGTERM."""
    port = free_port()
    log = folder / "server.log"
    env = os.environ | {"XDG_STATE_HOME": str(folder), "OCRGATE_SERVER__PORT": str(port)}
    command = [sys.executable, "-m", "ocrgate", "serve", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=env | environment, cwd=folder
        )
    server = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        wait_ready(server)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"did not end after SIGTERM:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with default settings for a module's tests."""
    with serve(tmp_path_factory.mktemp("server")) as running:
        yield running

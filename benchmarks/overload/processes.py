"""Processes that are started for a run and ended for certain."""

import contextlib
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


class NotStarted(Exception):
    """A program is not here or did not get ready; the message says why."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that answers at ``url``."""

    url: str
    pid: int

    def cpu(self) -> float:
        """CPU seconds of it and of all it has started."""
        total = 0.0
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self.pid)
            for process in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    times = process.cpu_times()
                    total += times.user + times.system
        return total


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str, seconds: float = 5.0) -> tuple[int, str]:
    """Status and text of a GET; status 0 when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""
    except OSError:
        return 0, ""


def post(url: str, body: bytes) -> None:
    """Send something that has to be taken.

    Raises:
        OSError: it was not.
    """
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=5.0):
        pass


@contextlib.contextmanager
def running(
    words: Sequence[str],
    port: int,
    log: Path,
    ready: str = "/health",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Start a server that will listen on ``port``; yield it once ``ready`` answers with 200.

    Raises:
        NotStarted: it ended, or was not ready within a minute.
    """
    url = f"http://127.0.0.1:{port}"
    env = os.environ | (environment or {})
    with log.open("wb") as lines:
        process = subprocess.Popen(words, stdout=lines, stderr=lines, env=env)
    try:
        until = time.monotonic() + 60
        while get(url + ready)[0] != 200:
            if process.poll() is not None or time.monotonic() > until:
                tail = log.read_text(errors="replace")[-800:]
                raise NotStarted(f"{words[0]} did not get ready: {tail}")
            time.sleep(0.05)
        yield Running(url, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

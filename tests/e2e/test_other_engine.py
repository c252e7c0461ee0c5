"""The embedded engine beside a simulated vLLM, both real processes: overrun, then gone."""

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from .conftest import Server, free_port, serve
from .test_serve import page

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(180)]


@contextmanager
def simulated(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A vLLM that is not there, on a port."""
    command = [sys.executable, "-m", "ocrgate", "simulate", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Crowd:
    """Callers who send page after page, and what they were told."""

    def __init__(self, server: Server, size: int, **headers: str) -> None:
        self._server, self._headers = server, headers
        self._enough = threading.Event()
        self.answers: list[httpx.Response] = []
        self._threads = [threading.Thread(target=self._call, args=(n,)) for n in range(size)]

    def _call(self, number: int) -> None:
        headers = {"X-Request-Timeout": "5", **self._headers}
        with httpx.Client(base_url=self._server.url, headers=headers, timeout=30) as client:
            while not self._enough.is_set():
                answer = client.post("/ocr", content=page(f"Page {number}"))
                self.answers.append(answer)
                time.sleep(0.05 if answer.status_code == 200 else 0.2)

    def read_by(self) -> Counter[str]:
        """Pages by the engine that read them."""
        return Counter(each.json()["engine"] for each in self.answers if each.is_success)

    def __enter__(self) -> "Crowd":  # noqa: PYI034 - there is no other kind of it
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()


def degraded(answer: httpx.Response) -> list[str]:
    """What the only page of a reply got less of."""
    found: list[str] = answer.json()["pages"][0]["degraded"]
    return found


@contextmanager
def gate(folder: Path, port: int, **more: Any) -> Iterator[Server]:
    """A server with two seats at the simulated one, quick to degrade."""
    with serve(
        folder,
        OCRGATE_ENGINE__KIND="openai",
        OCRGATE_ENGINE__URL=f'["http://127.0.0.1:{port}"]',
        OCRGATE_ENGINE__SLOTS="2",
        OCRGATE_GATE__DEGRADE__OTHER_ENGINE="1",
        OCRGATE_GATE__DEGRADE__SUSTAIN="0.2",
        OCRGATE_GATE__DEGRADE__DWELL="0.2",
        **more,
    ) as server:
        yield server


def until(condition: Any, seconds: float) -> None:
    """Return once it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def test_an_overrun_and_a_dead_server_have_a_stand_in(tmp_path: Path) -> None:
    """Pages that would be refused are read and say by whom; who forbids that is refused; and the
    processes are not there before they are needed.
    """
    port = free_port()
    with simulated(port) as model, gate(tmp_path, port) as server:
        before = len(psutil.Process(server.process.pid).children(recursive=True))
        with Crowd(server, 8) as crowd, Crowd(server, 2, **{"X-No-Degradation": "1"}) as strict:
            until(lambda: crowd.read_by()["cpu/pp-ocrv6"] >= 3, 60)
        by = crowd.read_by()
        assert by["vllm/tencent/HunyuanOCR"] >= 1
        spared = [a for a in crowd.answers if a.is_success and a.json()["engine"].startswith("cpu")]
        assert all("other_engine" in degraded(each) for each in spared)
        assert all(each.json()["text"].startswith("Page") for each in spared)
        assert set(strict.read_by()) <= {"vllm/tencent/HunyuanOCR"}
        assert {each.status_code for each in (*crowd.answers, *strict.answers)} <= {200, 429, 504}
        family = psutil.Process(server.process.pid).children(recursive=True)
        assert len(family) == before + 1
        assert max(each.nice() for each in family) == 19
        model.kill()
        with Crowd(server, 1) as alone:
            until(lambda: alone.read_by()["cpu/pp-ocrv6"] >= 2, 30)
            assert server.get("/readyz").status_code == 503

"""SIGHUP over a real process: what a running server follows, and what it says it cannot."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import pytest

from ocrgate.testing import FaultyEngine, Mute, Persona

from .conftest import Server, serve
from .test_serve import page

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

FIRST = """
[engine]
kind = "openai"
url = ["{url}"]

[gate]
backlog_min = {backlog}
backlog_share = 0.0
retry_min = {retry}

[gate.limit]
kind = "fixed"
limit = {limit}
"""


class Silent:
    """A server, in a thread of its own, that takes pages and never answers for them."""

    def __init__(self) -> None:
        self.engine = FaultyEngine(persona=Persona(model="tencent/HunyuanOCR"))
        self._up, self._end = threading.Event(), asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    async def _serve(self) -> None:
        async with self.engine:
            self._up.set()
            await self._end.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        self._loop.close()

    def keep_silent(self) -> None:
        """From now on: the page that proves the server was read before."""
        self.engine.scripts = [Mute()]
        self.engine.chats.clear()


@contextmanager
def reloadable(folder: Path, url: str) -> Iterator[tuple[Server, Callable[..., None]]]:
    """A server and what writes its settings anew and tells it."""
    file = folder / "ocrgate.toml"

    def write(more: str = "", *, backlog: int = 0, limit: int = 1, retry: float = 1.0) -> None:
        file.write_text(FIRST.format(url=url, backlog=backlog, limit=limit, retry=retry) + more)

    write()
    with serve(folder, OCRGATE_TELEMETRY__LOG_FORMAT="json") as server:

        def change(*args: str, **numbers: float) -> None:
            write(*args, **numbers)  # type: ignore[arg-type]
            before = server.log.read_text().count("settings reloaded")
            server.process.send_signal(signal.SIGHUP)
            until(lambda: server.log.read_text().count("settings reloaded") > before)

        yield server, change


def until(condition: Callable[[], bool]) -> None:
    """Return once it holds."""
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def metric(server: Server, line: str) -> float:
    rows = server.get("/metrics").text.splitlines()
    return float(next(row.rpartition(" ")[2] for row in rows if row.startswith(line + " ")))


def test_the_gates_numbers_follow_the_file(tmp_path: Path) -> None:
    """A longer backlog, another least `Retry-After` and a higher limit hold at once, pages under
    way stay, and what needs a restart is named.
    """
    with (
        Silent() as silent,
        reloadable(tmp_path, silent.engine.url) as (server, change),
        ThreadPoolExecutor(8) as pool,
    ):
        silent.keep_silent()

        def read(seconds: float) -> httpx.Response:
            headers = {"X-Request-Timeout": str(seconds), "X-No-Degradation": "1"}
            return httpx.post(f"{server.url}/ocr", content=page("x"), headers=headers, timeout=60)

        first = [pool.submit(read, 6.0) for _ in range(2)]  # a seat, and a place beside it
        until(lambda: metric(server, "ocrgate_inflight") == 2)
        full = read(6.0)
        assert (full.status_code, int(full.headers["retry-after"]) < 7) == (429, True)
        change(backlog=4, retry=7.0)
        waits = pool.submit(read, 6.0)
        until(lambda: metric(server, 'ocrgate_backlog{lane="standard"}') == 1)
        refused = waits.result()
        assert (refused.status_code, int(refused.headers["retry-after"]) >= 7) == (429, True)
        assert metric(server, "ocrgate_inflight") == 2
        change(limit=4, backlog=4)
        more = [pool.submit(read, 1.0) for _ in range(3)]
        until(lambda: len(silent.engine.chats) == 4)
        assert {each.result().status_code for each in more} == {504}
        change("[server]\nkeep_alive = 9\n", limit=4, backlog=4)
        until(lambda: "these settings need a restart" in server.log.read_text())
        assert '"keys":["server.keep_alive"]' in server.log.read_text()
        assert {each.result().status_code for each in first} == {504}


def test_wrong_numbers_change_nothing(tmp_path: Path) -> None:
    """They are named in the log, and the server goes on."""
    with Silent() as silent, reloadable(tmp_path, silent.engine.url) as (server, _):
        before = metric(server, "ocrgate_places")
        (tmp_path / "ocrgate.toml").write_text("[gate]\nwait_share = 7\n")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "settings not reloaded" in server.log.read_text())
        assert "out of range: wait_share" in server.log.read_text()
        assert metric(server, "ocrgate_places") == before

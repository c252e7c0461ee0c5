"""``ocrgate serve --engine vllm`` from its first second to its last.

What it starts is a script that takes its time to load and then becomes ``ocrgate simulate``.
"""

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image

from .conftest import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]

VLLM = """
import json, os, sys, time
from pathlib import Path

here = Path(__file__).parent
if "--version" in sys.argv:
    print("0.33.0")
    sys.exit()
with (here / "lives").open("a") as file:
    file.write(f"{os.getpid()}\\n")
lives = json.loads((here / "plan.json").read_text())
number = len((here / "lives").read_text().splitlines())
life = lives[min(number, len(lives)) - 1]
print("Loading safetensors checkpoint shards:  50% Completed | 1/2", flush=True)
while not (here / life.get("until", "plan.json")).exists():
    time.sleep(0.02)
if "dies" in life:
    print(life["dies"], flush=True)
    sys.exit(1)
given = dict(zip(sys.argv, sys.argv[1:]))
words = ["-m", "ocrgate", "simulate", "--port", given["--port"], "--speed", "4"]
words += ["--shutdown-timeout", given["--shutdown-timeout"]]  # which is waited out in full
os.execv(sys.executable, [sys.executable, *words, "--model", given["--served-model-name"]])
"""

COME = re.compile(
    r"^ocrgate_(?:inflight|backlog\{.*\}|requests_total\{.*/ocr.*\}) (.*)$", re.MULTILINE
)
REFUSED = "vllm: error: unrecognized arguments: --nonsense"


@dataclass
class Started:
    """A gateway that starts its engine, and the folder in which both live."""

    url: str
    folder: Path
    process: asyncio.subprocess.Process

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def lives(self) -> list[int]:
        """Process ids of the engine's servers, in the order of their starts."""
        file = self.folder / "lives"
        return [int(line) for line in file.read_text().splitlines()] if file.exists() else []

    def go(self) -> None:
        """Let those that load until then be done."""
        (self.folder / "go").touch()

    async def ready(self, client: httpx.AsyncClient) -> None:
        await until(lambda: "ocrgate is ready at" in self.log)
        assert (await client.get("/readyz")).status_code == 200


async def until(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    """For what other processes do."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def starting(
    folder: Path, *lives: dict[str, str], **engine: object
) -> AsyncIterator[tuple[Started, httpx.AsyncClient]]:
    """Start it; what each life of the engine's server does is planned, the rest are settings."""
    (folder / "plan.json").write_text(json.dumps(lives or [{}]))
    script = folder / "vllm"
    script.write_text(f"#!{sys.executable}\n{VLLM}")
    script.chmod(0o755)
    ours = free_port()
    settings = {
        "XDG_STATE_HOME": str(folder),
        "OCRGATE_ENGINE__COMMAND": str(script),
        "OCRGATE_ENGINE__PORT": str(free_port()),
        "OCRGATE_ENGINE__DEVICE": "cpu",
        "OCRGATE_ENGINE__STATE": str(folder / "state"),
        "OCRGATE_ENGINE__MAX_SEQUENCES": "8",
        "OCRGATE_ENGINE__SHUTDOWN_TIMEOUT": "0",
    }
    settings |= {f"OCRGATE_ENGINE__{name.upper()}": str(value) for name, value in engine.items()}
    words = (sys.executable, "-m", "ocrgate", "serve", "--engine", "vllm", "--port", str(ours))
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *words, stderr=log, stdout=log, env=os.environ | settings, cwd=folder
        )
    started = Started(f"http://127.0.0.1:{ours}", folder, process)
    try:
        async with httpx.AsyncClient(base_url=started.url, timeout=60) as client:
            yield started, client
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        left = [pid for pid in started.lives() if psutil.pid_exists(pid)]
        assert left == [], started.log


async def listening(started: Started, client: httpx.AsyncClient) -> float:
    """Seconds until it answers."""
    begun = time.monotonic()
    while True:
        assert started.process.returncode is None, started.log
        with contextlib.suppress(httpx.TransportError):
            await client.get("/livez")
            return time.monotonic() - begun
        await asyncio.sleep(0.02)


def picture(width: int = 300) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (width, 200), 255).save(buffer, "PNG")
    return buffer.getvalue()


async def read(client: httpx.AsyncClient, width: int = 300) -> httpx.Response:
    headers = {"Content-Type": "image/png", "X-Request-Timeout": "50"}
    return await client.post("/ocr", content=picture(width), headers=headers)


async def test_it_answers_while_the_engine_loads(tmp_path: Path) -> None:
    """Lives at once, says how far it is and when to come back, and is ready when the engine is."""
    async with starting(tmp_path, {"until": "go"}) as (started, client):
        await listening(started, client)
        await until(lambda: bool(started.lives()))
        ready: dict[str, Any] = {}
        while "50 %" not in str(ready.get("detail")):
            answer = await client.get("/readyz")
            ready = answer.json()
            assert (answer.status_code, ready["status"]) == (503, "starting")
            await asyncio.sleep(0.05)
        assert ready["detail"].startswith("the engine starts; vLLM: ")
        assert "s so far, it loads the weights, 50 %" in ready["detail"]
        health = await client.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "starting")
        assert (await client.get("/docs")).status_code == 200
        refused = await read(client)
        assert (refused.status_code, refused.json()["code"]) == (503, "engine_unavailable")
        assert "it loads the weights" in refused.json()["detail"]
        assert int(refused.headers["retry-after"]) >= 5
        assert "Waiting for the engine" in started.log
        assert "not ready" not in started.log  # that is no fault
        started.go()
        await started.ready(client)
        assert (await read(client)).json()["text"]
    assert started.process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_the_engine_loads_ends_both(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Within seconds, and nothing is left."""
    async with starting(tmp_path, {"until": "never"}) as (started, client):
        await listening(started, client)
        await until(lambda: bool(started.lives()))
        begun = time.monotonic()
        started.process.send_signal(number)
        await started.process.wait()
        assert time.monotonic() - begun < 6
        assert not psutil.pid_exists(started.lives()[0])
    assert started.process.returncode == 0
    assert "Traceback" not in started.log


async def test_an_engine_that_cannot_start_ends_the_server_with_why(tmp_path: Path) -> None:
    """Also when it says so only after it has loaded for a while."""
    async with starting(tmp_path, {"until": "go", "dies": REFUSED}) as (started, client):
        await listening(started, client)
        started.go()
        assert await started.process.wait() == 7
    assert "ocrgate: vLLM refused an argument. Look at engine.args" in started.log
    assert "--nonsense" in started.log
    assert "Traceback" not in started.log


async def test_without_vllm_nothing_is_served(tmp_path: Path) -> None:
    """That is known before, and said at once."""
    async with starting(tmp_path, command="no-such-vllm") as (started, _):
        assert await started.process.wait() == 7
    assert "pip install vllm" in started.log
    assert "Waiting" not in started.log


async def test_on_a_taken_port_nothing_is_served(tmp_path: Path) -> None:
    """Nor does a stranger who answers there pass for our engine."""
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        async with starting(tmp_path, port=stranger.getsockname()[1]) as (started, _):
            assert await started.process.wait() == 7
    assert "its port is taken by another program" in started.log
    assert "Waiting" not in started.log
    assert started.lives() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_at_once(tmp_path: Path, number: signal.Signals) -> None:
    """Also while the engine's server takes its time, and with all that was started."""
    async with starting(tmp_path, shutdown_timeout=60) as (started, client):
        await listening(started, client)
        await started.ready(client)
        await client.aclose()
        started.process.send_signal(number)
        await asyncio.sleep(1.0)  # it waits for the engine's server by now
        assert started.process.returncode is None
        begun = time.monotonic()
        started.process.send_signal(number)
        assert await started.process.wait() == 128 + number
        assert time.monotonic() - begun < 2
        await until(lambda: not psutil.pid_exists(started.lives()[0]), 10)
    assert "Traceback" not in started.log


async def crowd(started: Started, client: httpx.AsyncClient) -> list[asyncio.Task[httpx.Response]]:
    """32 pages: the engine has eight, and all others have come."""
    await listening(started, client)
    await started.ready(client)
    pages = [asyncio.create_task(read(client, 300 + 20 * number)) for number in range(32)]
    while True:  # a page takes three quarters of a second
        metrics = (await client.get("/metrics")).text
        come = sum(float(number) for number in COME.findall(metrics))
        if come == len(pages) and 'replica_inflight{replica="0"} 8.0' in metrics:
            return pages
        await asyncio.sleep(0.02)


def counted(answers: list[httpx.Response]) -> Counter[str]:
    return Counter(
        "whole" if answer.status_code == 200 and answer.json()["text"] else answer.json()["code"]
        for answer in answers
    )


async def test_sigkill_under_32_pages_loses_none_that_was_accepted(tmp_path: Path) -> None:
    """In flight, ready or waiting at the gate: all are read by the next one, at the same port."""
    async with starting(tmp_path, {}, {"until": "go"}) as (started, client):
        pages = await crowd(started, client)
        os.kill(started.lives()[0], signal.SIGKILL)
        await until(lambda: len(started.lives()) == 2)
        done = [page.result() for page in pages if page.done()]
        late = await read(client)
        assert (late.status_code, late.json()["code"]) == (503, "breaker_open")
        assert "the engine is started again" in late.json()["detail"]
        await asyncio.sleep(1.0)  # while it loads
        assert [page.result() for page in pages if page.done()] == done
        started.go()
        ends = counted(await asyncio.gather(*pages))
        assert (await client.get("/readyz")).status_code == 200
    assert ends["whole"] + ends["overloaded"] == 32, ends
    assert ends["overloaded"] == sum(answer.status_code == 429 for answer in done)
    assert ends["whole"] >= 28


async def test_an_engine_that_is_given_up_ends_pages_and_server(tmp_path: Path) -> None:
    """What waits is told so by name, then the server ends with why."""
    async with starting(tmp_path, {}, {"until": "go", "dies": REFUSED}) as (started, client):
        pages = await crowd(started, client)
        os.kill(started.lives()[0], signal.SIGKILL)
        await until(lambda: len(started.lives()) == 2)
        done = sum(page.done() for page in pages)
        started.go()
        ends = counted(await asyncio.gather(*pages))
        assert await started.process.wait() == 7
    assert ends["engine_unavailable"] == 32 - done
    assert "ocrgate: vLLM refused an argument" in started.log

"""Clients in a closed loop, over HTTP, before a simulated engine that comes back when it died."""

import asyncio
import base64
import contextlib
import json
import random
import re
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from benchmarks.overload import pages
from benchmarks.overload.processes import Running, free_port, get, running

AGAIN = 1.0  # seconds after which a client comes back who was told nothing


@dataclass(slots=True)
class Served:
    """What a run gave.

    Attributes:
        gate: what stood before the engine.
        seed: of the run.
        rate: pages a second over all of it, ``pages`` in number.
        deaths: of the engine; ``preemptions`` in it.
        first: seconds until the first death; None: there was none.
        lost: pages that were at the engine when it died.
        refused: answers that said to come back.
    """

    gate: str = ""
    seed: int = 0
    rate: float = 0.0
    pages: int = 0
    deaths: int = 0
    preemptions: int = 0
    first: float | None = None
    lost: int = 0
    refused: int = 0


@contextlib.asynccontextmanager
async def _watched(url: str, served: Served) -> AsyncIterator[None]:
    """Count deaths: the server is gone for its start-up time after each."""

    async def watch() -> None:
        start, here, highest = time.monotonic(), True, 0
        while True:
            status, text = await asyncio.to_thread(get, f"{url}/metrics", 2.0)
            if here and not status:
                served.deaths += 1
                served.first = served.first or time.monotonic() - start
                served.preemptions, highest = served.preemptions + highest, 0
            here = bool(status)
            if count := re.search(r"^vllm:num_preemptions_total\{.*\} (\S+)$", text, re.MULTILINE):
                highest = int(float(count[1]))
            await asyncio.sleep(0.5)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()


async def before_a_server(
    folder: Path, profile: str, seed: int, most: int | None, *, clients: int, seconds: float
) -> Served:
    """One run.

    Args:
        folder: for logs and state.
        profile: of the engine.
        seed: of pages and of what happens to the engine.
        most: pages that ocrgate may send at once; None: as it finds; 0: there is no ocrgate.
        clients: in the closed loop.
        seconds: of the run.
    """
    served = Served(seed=seed)
    port = free_port()
    words = [sys.executable, "-m", "ocrgate", "simulate", "--profile", profile, "--restart"]
    words += ["--port", str(port), "--seed", str(seed)]
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(running(words, port, folder / "engine.log"))
        front = engine if most == 0 else stack.enter_context(_ocrgate(folder, engine, most))
        async with (
            _watched(engine.url, served),
            aiohttp.ClientSession(front.url, connector=aiohttp.TCPConnector(limit=0)) as session,
        ):
            source = random.Random(seed)
            calls = [asyncio.create_task(_client(session, served, source)) for _ in range(clients)]
            await asyncio.sleep(seconds)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
    served.rate = served.pages / seconds
    return served


def _ocrgate(
    folder: Path, engine: Running, most: int | None
) -> contextlib.AbstractContextManager[Running]:
    port = free_port()
    environment = {
        "XDG_STATE_HOME": str(folder),
        "OCRGATE_SERVER__PORT": str(port),
        "OCRGATE_TELEMETRY__LOG_LEVEL": "error",
    }
    if most is not None:
        environment["OCRGATE_GATE__LIMIT__MOST"] = str(most)
    words = [sys.executable, "-m", "ocrgate", "serve", "--url", engine.url]
    return running(words, port, folder / "ocrgate.log", "/readyz", environment)


async def _client(session: aiohttp.ClientSession, served: Served, source: random.Random) -> None:
    while True:
        body = _page(source)
        pause = AGAIN
        try:
            async with session.post("/v1/chat/completions", data=body, headers=_JSON) as reply:
                text = await reply.text()
                if reply.status == 200 and json.loads(text)["choices"][0]["finish_reason"]:
                    served.pages += 1
                    continue
                served.refused += reply.status == 429
                served.lost += reply.status in {500, 502}
                pause = float(reply.headers.get("Retry-After") or AGAIN)
        except aiohttp.ClientConnectorError:
            pass  # it is not back yet
        except (aiohttp.ClientError, ConnectionError):
            served.lost += 1
        await asyncio.sleep(pause)


_JSON = {"Content-Type": "application/json", "X-Request-Timeout": "120"}


def _page(source: random.Random) -> bytes:
    """A page of 512 x 400 to 768 x 1024 pixels, as a gateway would have made it smaller."""
    place = source.random()
    width, height = 16 * round(32 + 16 * place), round(400 + 624 * place)
    image = pages.picture(source.getrandbits(64), height, width)
    url = {"url": f"data:image/png;base64,{base64.b64encode(image).decode()}"}
    parts = [{"type": "image_url", "image_url": url}, {"type": "text", "text": pages.PROMPT}]
    message = {"role": "user", "content": parts}
    return json.dumps({"max_tokens": 2048, "temperature": 0, "messages": [message]}).encode()

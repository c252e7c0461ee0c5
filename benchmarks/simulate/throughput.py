"""What one core of the simulated server can carry over HTTP.

    python benchmarks/simulate/throughput.py

Starts `ocrgate simulate` as a process and puts two loads on it from this one: small requests, and
256 streams at once. Prints what came out and the server's CPU. Last, the same closed loop over HTTP
and in virtual time: the two have to agree.
"""

import asyncio
import base64
import io
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import psutil
from PIL import Image

from ocrgate.simulate.drive import closed_loop
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profiles import PROFILES
from ocrgate.simulate.workload import Page

CHAT = "/v1/chat/completions"
STREAMS = 256


def body(shade: int, **fields: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (512, 512), shade).save(buffer, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "Read."}]
    message = {"role": "user", "content": content}
    return json.dumps({"messages": [message], "ignore_eos": True, **fields}).encode()


@asynccontextmanager
async def simulated(*words: str) -> AsyncIterator[tuple[aiohttp.ClientSession, psutil.Process]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ocrgate", "simulate", "--port", "0", "--json", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    url = json.loads(await process.stdout.readline())["url"]
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector) as session:
        yield session, psutil.Process(process.pid)
    process.terminate()
    await process.wait()


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def small() -> None:
    requests, clients = 4000, 64
    bodies = [body(shade, max_tokens=4) for shade in range(256)]
    async with simulated("--profile", "wide", "--speed", "100") as (session, process):

        async def client(first: int) -> None:
            for number in range(first, requests, clients):
                async with session.post(CHAT, data=bodies[number % 256]) as reply:
                    assert reply.status == 200
                    await reply.read()

        spent, begun = cpu(process), time.perf_counter()
        await asyncio.gather(*(client(first) for first in range(clients)))
        wall, spent = time.perf_counter() - begun, cpu(process) - spent
    print(f"small requests: {requests / wall:.0f}/s, {spent / wall:.0%} of a core, ", end="")
    print(f"{1e6 * spent / requests:.0f} us of CPU each: {requests / spent:.0f}/s from a core")


async def streams(profile: str) -> None:
    data = body(200, max_tokens=300, stream=True)
    chunks = 0
    slots = ("--max-num-seqs", str(STREAMS), "--kv-tokens", "400000")
    async with simulated("--profile", profile, *slots) as (session, process):

        async def client() -> float:
            nonlocal chunks
            async with session.post(CHAT, data=data) as reply:
                async for line in reply.content:
                    chunks += line.startswith(b"data: {")
            return time.perf_counter()

        spent, begun = cpu(process), time.perf_counter()
        await asyncio.gather(*(client() for _ in range(STREAMS)))
        wall, spent = time.perf_counter() - begun, cpu(process) - spent
    print(f"{STREAMS} streams of {profile}: {wall:.1f} s, {chunks / wall:.0f} chunks/s, ", end="")
    print(f"{STREAMS * 300 / wall:.0f} tokens/s, {spent / wall:.0%} of a core")


def virtual(clients: int, count: int, tokens: int) -> float:
    """Pages/s of the closed loop in virtual time; its pages cost what those over HTTP do."""
    one = Page("page", 512, 512, 274, 286, tokens)
    pages = iter([one] * count)
    engine = VirtualEngine(PROFILES["f-model"])
    return closed_loop(engine, pages, clients, 1e4, warmup=0.0).rate


async def agreement(clients: int) -> None:
    count, tokens = clients * 12, 100
    bodies = [body(shade, max_tokens=tokens) for shade in range(256)]
    async with simulated("--profile", "f-model") as (session, _):

        async def client(first: int) -> None:
            for number in range(first, count, clients):
                async with session.post(CHAT, data=bodies[number % 256]) as reply:
                    await reply.read()

        begun = time.perf_counter()
        await asyncio.gather(*(client(first) for first in range(clients)))
        real = count / (time.perf_counter() - begun)
    expected = virtual(clients, count, tokens)
    print(f"{clients} clients: {real:.2f} pages/s over HTTP, {expected:.2f} in virtual time")


async def main() -> None:
    await small()
    await streams("f-model")
    await streams("wide")
    for clients in (4, 16, 48):
        await agreement(clients)


if __name__ == "__main__":
    asyncio.run(main())

"""CPU that the gateway itself costs per request, against the same service as tutorials write it.

Both take the same request, forward its image to the same stub of an engine, give the same reply,
and neither looks at pixels:

* ours: the real application, gate, keys, metrics and log on; its engine forwards with aiohttp;
* tutorial: FastAPI with a Pydantic body model, base64 of the standard library, httpx upstream.

Both run under uvicorn with uvloop and httptools, without access log, as one process each. Rounds
alternate, so that the machine's other work meets both. Counted is CPU time of the server process
alone, all threads, from ``/proc/PID/task/*/schedstat``.

    python benchmarks/gateway/overhead.py [--size 300000] [--rounds 6] [--requests 200]

Needs FastAPI, which is of the development requirements only.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

KINDS = ("ours", "tutorial")
REPLY = json.dumps({"text": "line of text\n" * 40, "tokens": 400}).encode()


def upstream_app() -> Any:
    """The stub engine: reads the body, answers a page of text."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(REPLY))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": REPLY})

    return app


def tutorial_app(upstream: str) -> Any:
    """The service as tutorials write it."""
    import httpx
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Ask(BaseModel):
        image: str
        task: str = "text"
        language: str | None = None

    class Line(BaseModel):
        text: str
        bbox: list[float] | None = None
        polygon: list[list[float]] | None = None
        confidence: float | None = None
        page: int = 1

    class Page(BaseModel):
        index: int
        text: str
        width: int = 1000
        height: int = 1000
        rotation: int = 0
        warnings: list[str] = []
        degraded: list[str] = []

    class Usage(BaseModel):
        pages: int = 1
        input_tokens: int = 0
        output_tokens: int = 0

    class Answer(BaseModel):
        text: str
        results: list[Line]
        pages: list[Page]
        engine: str
        usage: Usage
        request_id: str

    client = httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=256))
    app = FastAPI()

    @app.post("/ocr")
    async def ocr(ask: Ask) -> Answer:
        data = base64.b64decode(ask.image)
        uri = "data:image/jpeg;base64," + base64.b64encode(data).decode()
        part = {"type": "image_url", "image_url": {"url": uri}}
        body = {"model": "m", "messages": [{"role": "user", "content": [part]}]}
        answer = (await client.post(upstream, json=body)).json()
        text = answer["text"]
        return Answer(
            text=text,
            results=[Line(text=line) for line in text.splitlines()],
            pages=[Page(index=1, text=text)],
            engine="m",
            usage=Usage(),
            request_id=uuid.uuid4().hex,
        )

    return app


def our_app(upstream: str) -> Any:
    """The real application over an engine that forwards."""
    from ocrgate.gateway.app import create_app
    from ocrgate.keys.cache import CachedKeys
    from ocrgate.runtime.service import Parts, Service, ServiceParams
    from ocrgate.settings import Settings
    from ocrgate.telemetry import logging
    from ocrgate.telemetry.metrics import Metrics
    from ocrgate.testing import MemoryKeyStore

    logging.configure("json")
    metrics = Metrics()
    parts = Parts(_forwarding(upstream), _untouched())
    service = Service(parts, ServiceParams(prefetch=64), metrics=metrics)
    return create_app(Settings(), service, keys=CachedKeys(MemoryKeyStore()), metrics=metrics)


def _untouched() -> Any:
    """A rasterizer that hands the file through: a JPEG that already fits."""
    from ocrgate.domain.document import Document, DocumentInfo, Encoding, MediaType, PageImage
    from ocrgate.testing import ScriptedRasterizer

    class Untouched(ScriptedRasterizer):
        async def prepare(self, document: Document, _page: int, _spec: object) -> PageImage:
            data = document.data or b""
            return PageImage(data, Encoding.JPEG, 1000, 1000, 3, 1000, 1000)

        async def probe(self, document: Document) -> DocumentInfo:
            return DocumentInfo(MediaType.JPEG, 1, 1000, 1000, len(document.data or b""))

    return Untouched()


def _forwarding(upstream: str) -> Any:
    import pybase64

    from ocrgate.domain.document import PageImage
    from ocrgate.domain.recognition import Block, Line, PageReading, PageRequest, Usage
    from ocrgate.ports import Listener
    from ocrgate.testing import ScriptedEngine

    before = b'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url",'
    before += b'"image_url":{"url":"data:image/jpeg;base64,'
    after = b'"}}]}]}'

    class Forwarding(ScriptedEngine):
        session: aiohttp.ClientSession | None = None

        async def recognize(
            self,
            image: PageImage,
            request: PageRequest,
            listener: Listener | None = None,
        ) -> tuple[PageReading, Usage]:
            del listener  # the answer comes back whole
            self.session = self.session or aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0)
            )
            body = b"".join((before, pybase64.b64encode(image.data), after))
            kind = {"content-type": "application/json"}
            async with self.session.post(upstream, data=body, headers=kind) as answer:
                read = json.loads(await answer.read())
            lines = tuple(Line(line) for line in read["text"].splitlines())
            return PageReading(request.number, 1000, 1000, (Block(lines),)), Usage(pages=1)

        async def close(self) -> None:
            if self.session:
                await self.session.close()

    return Forwarding(slots=64, boxes=False)


def serve(kind: str, port: int, upstream: str) -> None:
    """Run one of the servers in this process."""
    import uvicorn

    if kind == "ours":
        from ocrgate.gateway.server import make_server
        from ocrgate.settings import ServerSettings

        make_server(our_app(upstream), ServerSettings(port=port), lambda: None).run()
        return
    app = upstream_app() if kind == "upstream" else tutorial_app(upstream)
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", access_log=False)


@dataclass(frozen=True)
class Process:
    """A server under test."""

    kind: str
    port: int
    pid: int

    @property
    def cpu(self) -> float:
        """CPU seconds of all its threads."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


@contextlib.contextmanager
def started(kind: str, upstream: str = "") -> Iterator[Process]:
    """A server as a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, __file__, "--serve", kind, str(port), upstream]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
        try:
            _wait(port)
            yield Process(kind, port, child.pid)
        finally:
            child.terminate()


def _wait(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise SystemExit("the server did not start")


async def load(process: Process, body: bytes, requests: int, connections: int) -> None:
    """Send so many requests over so many kept connections, and look at every answer."""
    url = f"http://127.0.0.1:{process.port}/ocr"
    left = iter(range(requests))
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def visitor() -> None:
            kind = {"content-type": "application/json"}
            for _ in left:
                async with session.post(url, data=body, headers=kind) as answer:
                    reply = await answer.json()
                    if answer.status != 200 or "line of text" not in reply["text"]:
                        raise SystemExit(f"{process.kind} answered {answer.status}: {reply}")

        await asyncio.gather(*(visitor() for _ in range(connections)))


async def measure(
    processes: list[Process], body: bytes, rounds: int, requests: int, connections: int
) -> dict[str, list[float]]:
    """Milliseconds of CPU per request of each server, round by round, in shuffled order."""
    found: dict[str, list[float]] = {process.kind: [] for process in processes}
    for process in processes:
        await load(process, body, requests // 4, connections)  # warm
    for _ in range(rounds):
        for process in random.sample(processes, len(processes)):
            before = process.cpu
            await load(process, body, requests, connections)
            found[process.kind].append((process.cpu - before) * 1000 / requests)
    return found


async def compare(size: int, rounds: int, requests: int) -> None:
    """Print the table."""
    image = base64.b64encode(os.urandom(size * 3 // 4)).decode()
    body = json.dumps({"image": image}).encode()
    print(f"body {len(body) / 1000:.0f} kB, {rounds} rounds of {requests} requests, interleaved")
    print("connections   ours ms  tutorial ms   ratio  (median; range)")
    with started("upstream") as stub:
        upstream = f"http://127.0.0.1:{stub.port}/v1/chat/completions"
        with started("ours", upstream) as ours, started("tutorial", upstream) as tutorial:
            for connections in (1, 16, 64):
                found = await measure([ours, tutorial], body, rounds, requests, connections)
                ratios = [b / a for a, b in zip(found["ours"], found["tutorial"], strict=True)]
                mean, theirs = (statistics.median(found[kind]) for kind in KINDS)
                print(
                    f"{connections:>11}  {mean:>8.2f}  {theirs:>11.2f}  "
                    f"{statistics.median(ratios):>5.1f}x  ({min(ratios):.1f}-{max(ratios):.1f})"
                )


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=300_000, help="bytes of the JSON body")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--requests", type=int, default=200, help="per round and server")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        kind, port, upstream = arguments.serve
        serve(kind, int(port), upstream)
    else:
        asyncio.run(compare(arguments.size, arguments.rounds, arguments.requests))


if __name__ == "__main__":
    main()

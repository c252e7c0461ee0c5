"""What the load generator itself can do: requests a second and bytes a second of one core.

    python -m benchmarks.load.generator [--seconds 10] [--json FILE]

A server that does next to nothing (it counts bytes and answers twelve of them) runs in a process of
its own, so the client has one core at most. Its processor time a request is what counts on a
machine that others use too: ``cores`` near 1 means that the client was the limit, and then it has
to say so. ``wrk`` and ``hey`` put the same load on the same server where they are installed.
"""

import argparse
import asyncio
import json
import multiprocessing
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from ocrgate.load.arrivals import Arrivals, Closed, Open
from ocrgate.load.link import parse_url
from ocrgate.load.runner import Span, run
from ocrgate.load.slo import throughput
from ocrgate.load.targets import Api, Endpoint
from ocrgate.load.workload import Document, Workload

_ANSWER = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"text":"ok"}'
)
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Minimal(asyncio.Protocol):
    """Answers each request once its body is there."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        while data:
            if self._left:
                taken = min(self._left, len(data))
                self._left -= taken
                data = data[taken:]
            else:
                head, blank, data = (self._head + data).partition(b"\r\n\r\n")
                if not blank:
                    self._head = head
                    return
                self._head = b""
                found = _LENGTH.search(head)
                self._left = int(found[1]) if found else 0
                if self._left and not data:
                    return
            if not self._left:
                self._transport.write(_ANSWER)


def _serve(listener: socket.socket) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(Minimal, sock=listener)
        await server.serve_forever()

    uvloop.run(forever())


@contextmanager
def served() -> Iterator[str]:
    """The minimal server, in a process of its own."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(listener,))
    process.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        process.terminate()
        process.join()


def one(url: str, size: int, arrivals: Arrivals, seconds: float) -> dict[str, Any]:
    """One load of bodies of ``size`` bytes; processor time is this process's, preparation less."""
    endpoint = Endpoint(parse_url(url), Api.RAW, kind="http")
    workload = Workload(
        (Document("body", "body", "image/png", b"\x89PNG" + b"\0" * size),), "bytes"
    )
    before = time.process_time()
    record = uvloop.run(run(endpoint, workload, arrivals, span=Span(seconds=seconds, warmup=1.0)))
    used = time.process_time() - before
    step = record.steps[0]
    rate = throughput(step) or 0.0
    done = sum(step.tally.seconds["done:ok"].values())
    return {
        "load": arrivals.name,
        "bytes": size,
        "requests_per_second": round(rate),
        "megabytes_per_second": round(rate * size / 1e6, 1),
        "cores": step.client.cpu,
        "cpu_microseconds": round(1e6 * used / max(1, done), 1),
        "requests_per_core_second": round(max(1, done) / used),
        "megabytes_per_core_second": round(max(1, done) * size / 1e6 / used),
        "late_p99_ms": round(step.client.late_p99 * 1000, 2),
        "outcomes": step.tally.outcomes,
        "says": step.client.saturated,
    }


def others(url: str, size: int, seconds: float) -> list[dict[str, Any]]:
    """The same closed loop by other tools, where they are installed."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder, "body")
        body.write_bytes(b"\0" * size)
        script = Path(folder, "post.lua")
        script.write_text(
            f'wrk.method = "POST"\nlocal f = io.open("{body}", "rb")\nwrk.body = f:read("*a")\n'
        )
        commands = {
            "hey": [
                "hey",
                "-z",
                f"{seconds:g}s",
                "-c",
                "32",
                "-cpus",
                "1",
                "-m",
                "POST",
                "-D",
                str(body),
                url,
            ],
            "wrk": ["wrk", "-t1", "-c32", f"-d{seconds:g}s", "-s", str(script), url],
        }
        for name, command in commands.items():
            if shutil.which(name) is None:
                continue
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
            found.append(
                {
                    "tool": name,
                    "bytes": size,
                    "requests_per_second": round(float(rate[1])) if rate else None,
                }
            )
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with served() as url:
        for size in (1_000, 300_000, 2_000_000):
            rows.append(one(url, size, Closed(32), given.seconds))
            rows += others(url, size, given.seconds)
        for rate in (2_000.0, 5_000.0, 20_000.0):  # the last is more than one core can do
            rows.append(one(url, 1_000, Open(rate), given.seconds))
    for row in rows:
        print(json.dumps(row))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

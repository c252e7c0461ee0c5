"""What tools say of a server that stands still for a second of every ten.

    python -m benchmarks.load.honesty [--seconds 60] [--json FILE]

The server takes 20 ms a request, however many there are, but in the last second of every ten it
answers nothing. A tenth of all who come when they come meet it standing still, so their p99 is
``0.9 + 0.02`` s: this is known without measuring. A closed loop does not send while it waits, so
that the worst second of the server is hardly in its figures. ``hey`` is one, where it is installed.
"""

import argparse
import asyncio
import json
import multiprocessing
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvloop

from ocrgate.load.arrivals import Arrivals, Closed, Open
from ocrgate.load.link import parse_url
from ocrgate.load.report.digest import digest
from ocrgate.load.runner import Span, run
from ocrgate.load.targets import Api, Endpoint
from ocrgate.load.workload import Document, Workload
from ocrgate.testing import PausingServer

SERVICE, PAUSE, PERIOD, RATE = 0.02, 1.0, 10.0, 100.0
BODY = b"\x89PNG" + bytes(1000)


def _serve(pipe: Connection) -> None:
    async def forever() -> None:
        async with PausingServer(SERVICE, pause=PAUSE, period=PERIOD) as server:
            pipe.send(server.url)
            await asyncio.Event().wait()

    uvloop.run(forever())


@contextmanager
def served() -> Iterator[str]:
    """The server in a process of its own, its first second of standing still nine seconds away."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(there,))
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()


def ours(arrivals: Arrivals, seconds: float) -> dict[str, Any]:
    """One load of ours on a fresh server."""
    workload = Workload((Document("body", "body", "image/png", BODY),), "bytes")
    with served() as url:
        endpoint = Endpoint(parse_url(url), Api.RAW, kind="http")
        record = uvloop.run(run(endpoint, workload, arrivals, span=Span(seconds=seconds)))
    step = digest(record).steps[0]
    assert step.latency is not None
    return {
        "tool": f"ocrgate bench, {arrivals.name}",
        "requests": step.total,
        "p50_ms": round(1000 * step.latency.p50, 1),
        "p99_ms": round(1000 * step.latency.p99, 1),
        "p99_as_sent_ms": round(1000 * (step.as_sent or 0), 1),
        "says": step.step.client.saturated,
    }


def hey(users: int, seconds: float) -> dict[str, Any]:
    """The same by hey."""
    with served() as url, tempfile.NamedTemporaryFile() as body:
        body.write(BODY)
        body.flush()
        command = ["hey", "-z", f"{seconds:g}s", "-c", f"{users}", "-m", "POST", "-D", body.name]
        said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    quantiles = dict(re.findall(r"(\d+)% in ([\d.]+) secs", said))
    counts = re.findall(r"\[200\]\s+(\d+) responses", said)
    return {
        "tool": f"hey -c {users}",
        "requests": int(counts[0]) if counts else 0,
        "p50_ms": round(1000 * float(quantiles["50"]), 1),
        "p99_ms": round(1000 * float(quantiles["99"]), 1),
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    users = max(1, round(RATE * SERVICE))  # as many as keep the same rate while the server is well
    rows = [ours(Open(RATE), given.seconds), ours(Closed(users), given.seconds)]
    if shutil.which("hey"):
        rows.append(hey(users, given.seconds))
    print(f"known beforehand: p99 of an open loop {1000 * (0.9 * PAUSE + SERVICE):.0f} ms")
    for row in rows:
        print(json.dumps(row))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

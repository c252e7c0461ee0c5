"""CPU that a refusal costs the server: a full gate says no to bodies of several sizes.

The real application over a scripted engine whose only place is taken and where nobody may wait.
Counted is the CPU time of the server process, all threads, from ``/proc/PID/task/*/schedstat``.
Run: python benchmarks/overload/refusals.py [--requests 400]
"""

import argparse
import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp

SIZES = (1_000, 130_000, 1_000_000, 4_000_000, 20_000_000)
PNG = bytes.fromhex("89504e470d0a1a0a")


def serve(port: int) -> None:
    """Run the server in this process."""
    from ocrgate.control.admission import AdmissionParams
    from ocrgate.gateway.app import create_app
    from ocrgate.gateway.server import make_server
    from ocrgate.keys.cache import CachedKeys
    from ocrgate.runtime.service import Parts, Service, ServiceParams
    from ocrgate.settings import ServerSettings, Settings
    from ocrgate.telemetry import logging
    from ocrgate.telemetry.metrics import Metrics
    from ocrgate.testing import MemoryKeyStore, ScriptedEngine, ScriptedRasterizer

    logging.configure("json")
    metrics = Metrics()
    gate = AdmissionParams(backlog_min=0, backlog_share=0)
    parts = Parts(ScriptedEngine(delay=3600), ScriptedRasterizer())
    service = Service(parts, ServiceParams(gate=gate, prefetch=0), metrics=metrics)
    app = create_app(Settings(), service, keys=CachedKeys(MemoryKeyStore()), metrics=metrics)
    make_server(app, ServerSettings(port=port), lambda: None).run()


@contextlib.contextmanager
def started() -> Iterator[tuple[str, int]]:
    """URL and process id of a server."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, __file__, "--serve", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
        try:
            for _ in range(600):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/ocr", child.pid
        finally:
            child.terminate()


def spent(pid: int) -> float:
    """CPU milliseconds of all threads."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6


async def refuse(session: aiohttp.ClientSession, url: str, body: bytes, times: int) -> None:
    """Be refused so many times."""
    kind = {"content-type": "image/png"}
    for _ in range(times):
        async with session.post(url, data=body, headers=kind) as answer:
            await answer.read()
            if answer.status != 429:
                raise SystemExit(f"answered {answer.status}")


async def measure(url: str, pid: int, requests: int) -> None:
    """Print the table."""
    async with aiohttp.ClientSession() as session:
        holding = asyncio.create_task(session.post(url, data=PNG))
        await asyncio.sleep(0.5)
        print("body, bytes    CPU ms of the server per refusal, at 1 / 8 connections")
        for size in SIZES:
            body, row = PNG + bytes(size - len(PNG)), []
            for connections in (1, 8):
                count = max(1, min(requests, 2 * 10**9 // size // 4) // connections)
                await refuse(session, url, body, 5)
                before = spent(pid)
                visitors = (refuse(session, url, body, count) for _ in range(connections))
                await asyncio.gather(*visitors)
                row.append((spent(pid) - before) / (count * connections))
            print(f"{size:>11}    " + " / ".join(f"{ms:.2f}" for ms in row))
        holding.cancel()


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    with started() as (url, pid):
        asyncio.run(measure(url, pid, arguments.requests))


if __name__ == "__main__":
    main()

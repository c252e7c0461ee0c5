"""Ten times too much work, for a minute: does the embedded engine keep its throughput?

Starts the real server, measures its capacity in a closed loop, then offers a multiple of it in an
open loop (Poisson, seeded, latency from the intended send time) with a deadline a page, and
prints goodput, refusals and memory. Run: python benchmarks/overload/embedded.py
"""

import argparse
import asyncio
import contextlib
import io
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
import uvloop
from PIL import Image, ImageDraw, ImageFont

WORDS = ("the", "quick", "gate", "admits", "what", "engines", "can", "read", "says", "when", "not")


def synthetic_page(rng: random.Random, lines: int = 12) -> bytes:
    """A picture of ``lines`` lines of random words, as JPEG."""
    image = Image.new("L", (900, 60 + 44 * lines), 250)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=28)
    for row in range(lines):
        draw.text((30, 30 + 44 * row), " ".join(rng.choices(WORDS, k=9)), fill=20, font=font)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


@dataclass
class Tally:
    """What came back. Times are seconds from the intended send time."""

    answers: Counter[str] = field(default_factory=Counter)
    served: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    untyped: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Load:
    """Where to send, what, and how long one page may take."""

    session: aiohttp.ClientSession
    url: str
    pages: list[bytes]
    deadline: float

    async def send(self, page: bytes, intended: float, tally: Tally) -> None:
        """Post one page and book its answer."""
        headers = {"Content-Type": "image/jpeg", "X-Request-Timeout": str(self.deadline)}
        async with self.session.post(f"{self.url}/ocr", data=page, headers=headers) as reply:
            body = await reply.json(content_type=None)
            took = time.perf_counter() - intended
        if reply.status == 200 and took <= self.deadline:
            tally.served.append(took)
        elif "code" not in body and reply.status != 200:
            tally.untyped.append(f"{reply.status} {body}"[:200])
        if reply.status == 429:
            tally.refused.append(took)
        tally.answers[
            f"{reply.status} {body.get('code', 'ok' if took <= self.deadline else 'late')}"
        ] += 1


async def closed_loop(load: Load, concurrency: int, seconds: float) -> float:
    """Pages per second with ``concurrency`` callers who each wait for their answer."""
    tally, end = Tally(), time.perf_counter() + seconds

    async def caller(rng: random.Random) -> None:
        while time.perf_counter() < end:
            await load.send(rng.choice(load.pages), time.perf_counter(), tally)

    start = time.perf_counter()
    await asyncio.gather(*(caller(random.Random(i)) for i in range(concurrency)))
    return len(tally.served) / (time.perf_counter() - start)


async def open_loop(load: Load, rate: float, seconds: float, seed: int) -> Tally:
    """Poisson arrivals at ``rate`` a second, whatever comes back."""
    tally, rng, tasks = Tally(), random.Random(seed), set()
    start = time.perf_counter()
    intended = start
    while (intended := intended + rng.expovariate(rate)) < start + seconds:
        await asyncio.sleep(max(0.0, intended - time.perf_counter()))
        task = asyncio.create_task(load.send(rng.choice(load.pages), intended, tally))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return tally


def resident(pid: int) -> float:
    """MB resident in the server and everything it started."""
    root = psutil.Process(pid)
    total = 0
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total / 1e6


@dataclass(frozen=True)
class Spent:
    """CPU seconds since some beginning: of this program, the gateway's process, its workers."""

    client: float
    gateway: float
    workers: float

    @classmethod
    def now(cls, pid: int) -> "Spent":
        """Spent so far."""
        root = psutil.Process(pid)
        mine, gateway, *workers = map(_cpu, [psutil.Process(), root, *root.children()])
        return cls(mine, gateway, sum(workers))

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(
            self.client - other.client, self.gateway - other.gateway, self.workers - other.workers
        )


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


async def watch_memory(pid: int, samples: list[float]) -> None:
    """Sample resident memory each second until cancelled."""
    while True:
        samples.append(resident(pid))
        await asyncio.sleep(1)


@contextlib.contextmanager
def server(port: int, folder: str) -> Iterator[subprocess.Popen[bytes]]:
    """The real server as a process."""
    env = os.environ | {"OCRGATE_SERVER__PORT": str(port), "XDG_STATE_HOME": folder}
    with Path(folder, "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ocrgate", "serve"], env=env, stderr=log, stdout=log
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


async def ready(session: aiohttp.ClientSession, url: str) -> None:
    """Return once the server has read its own page."""
    while True:
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(f"{url}/readyz") as reply:
                if reply.status == 200:
                    return
        await asyncio.sleep(0.1)


async def measure(arguments: argparse.Namespace, url: str, pid: int) -> None:
    """Capacity, then overload, then the report."""
    rng = random.Random(arguments.seed)
    pages = [synthetic_page(rng) for _ in range(40)]
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        await ready(session, url)
        load = Load(session, url, pages, arguments.deadline)
        patient = Load(session, url, pages, 60)  # capacity is what nobody is turned away from
        await closed_loop(patient, arguments.concurrency, 5)
        before = await closed_loop(patient, arguments.concurrency, arguments.capacity_seconds)
        samples: list[float] = []
        watcher = asyncio.create_task(watch_memory(pid, samples))
        rate = arguments.times * before
        begun = Spent.now(pid)
        tally = await open_loop(load, rate, arguments.seconds, arguments.seed)
        spent = Spent.now(pid) - begun
        watcher.cancel()
        after = await closed_loop(patient, arguments.concurrency, arguments.capacity_seconds)
    report(arguments, (before, after), tally, samples, spent)


def quantile(values: list[float], share: float) -> float:
    """The value below which ``share`` of the values lie; nan for none."""
    return sorted(values)[int(share * (len(values) - 1))] if values else float("nan")


def report(
    arguments: argparse.Namespace,
    measured: tuple[float, float],
    tally: Tally,
    samples: list[float],
    spent: Spent,
) -> None:
    """Print the figures as a table."""
    before, after = measured
    capacity = (before + after) / 2
    goodput = len(tally.served) / arguments.seconds
    offered = arguments.times * before
    third = max(1, len(samples) // 3)
    peaks = max(samples[:third]), max(samples[-third:])
    rows = {
        "capacity before / after": f"{before:.2f} / {after:.2f} pages/s",
        "offered": f"{offered:.1f} pages/s for {arguments.seconds:.0f} s",
        "goodput": f"{goodput:.2f} pages/s = {goodput / capacity:.3f} of capacity",
        "served, p50 / p99": " / ".join(f"{quantile(tally.served, q):.2f} s" for q in (0.5, 0.99)),
        "refused, p50 / p99": " / ".join(
            f"{1000 * quantile(tally.refused, q):.1f} ms" for q in (0.5, 0.99)
        ),
        "CPU of client / gateway / workers": " / ".join(
            f"{seconds / arguments.seconds:.2f} cores"
            for seconds in (spent.client, spent.gateway, spent.workers)
        ),
        "memory, first / last third": f"{peaks[0]:.0f} / {peaks[1]:.0f} MB",
        "answers": str(dict(tally.answers)),
        "untyped answers": str(tally.untyped[:3] or "none"),
    }
    for name, value in rows.items():
        print(f"{name:34} {value}")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=float, default=10, help="offered load over capacity")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--capacity-seconds", type=float, default=20)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--deadline", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Start a server, measure, stop it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, server(port, folder) as process:
        uvloop.run(measure(parse(), f"http://127.0.0.1:{port}", process.pid))


if __name__ == "__main__":
    main()

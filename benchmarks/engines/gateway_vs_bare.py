"""Does the gateway cost throughput? The same pages to a real vLLM, directly and through ocrgate.

A closed loop of 1 to 64 callers, each with the next page as soon as the last one is answered. Pages
have different sizes and texts (the model writes some 24 to 160 tokens, as ``tests/vllm/script.py``
says), travel as the same JPEG, and are sent to both in the same order. Rounds alternate, so that
the machine's drift meets both. Callers of the gateway who are refused come back when told to.

All of it shares the machine: on two cores, what gateway and callers use is taken from vLLM too.

    python -m benchmarks.engines.gateway_vs_bare [--rounds 3] [--concurrency 1,2,4,8,16,32,64]
"""

import argparse
import asyncio
import io
import itertools
import json
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import psutil
from benchmarks.engines.stand import SEQUENCES, stand
from PIL import Image
from tests.vllm.calls import CHAT
from tests.vllm.gateway import Gateway
from tests.vllm.pages import MODEL, data_uri, image_part, messages, picture, text_part
from tests.vllm.reading import RECIPE, made, sizes
from tests.vllm.server import Vllm

from ocrgate.domain.recognition import PageRequest, Task

PAGES_EACH = 4  # per caller and round; at least LEAST
LEAST = 24
Ask = Callable[[aiohttp.ClientSession, bytes], Awaitable[int]]
WORDS = RECIPE.instruction(PageRequest(task=Task.TEXT)).text


@dataclass
class Tally:
    """Pages per second of every round, and refusals."""

    rates: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    pages: int = 0
    cpu: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def rate(self, concurrency: int) -> float:
        """Median over the rounds."""
        return statistics.median(self.rates[concurrency])


def jpeg(size: tuple[int, int]) -> bytes:
    """A page of that size, as JPEG."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture(*size))).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


async def directly(session: aiohttp.ClientSession, page: bytes) -> int:
    """One page of vLLM itself; 0 refusals."""
    body = {
        "model": MODEL,
        "messages": messages(image_part(data_uri(page, "image/jpeg")), text_part(WORDS)),
        "temperature": 0.0,
        "max_tokens": 4096,
    }
    async with session.post(CHAT, json=body) as reply:
        assert reply.status == 200, await reply.text()
        assert json.loads(await reply.text())["choices"][0]["finish_reason"] == "stop"
    return 0


async def through(session: aiohttp.ClientSession, page: bytes) -> int:
    """One page through the gateway; how often it was refused before."""
    headers = {"Content-Type": "image/jpeg", "X-Request-Timeout": "120"}
    for refusals in range(1000):
        async with session.post("/ocr", data=page, headers=headers) as reply:
            decoded = json.loads(await reply.text())
            if reply.status == 200:
                assert decoded["text"]
                return refusals
            assert reply.status == 429, decoded
            await asyncio.sleep(float(decoded.get("retry_after") or 0.1))
    raise AssertionError("refused a thousand times")


async def run(
    ask: Ask,
    url: str,
    pages: list[bytes],
    concurrency: int,
    *,
    warm: float = 3.0,
    seconds: float = 10.0,
) -> tuple[float, int, int]:
    """Pages per second of a closed loop while it is under way, refusals, and all pages.

    Counted is what ends within ``seconds`` after the first ``warm`` of them: neither the filling of
    an engine nor the last few callers, who wait for their turn to come back, say what it can do.
    """
    endless, ends, refused = itertools.cycle(pages), list[float](), 0

    async def caller(session: aiohttp.ClientSession) -> None:
        nonlocal refused
        for page in endless:
            refused += await ask(session, page)
            ends.append(time.monotonic())

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector) as session:
        start = time.monotonic() + warm
        callers = [asyncio.create_task(caller(session)) for _ in range(concurrency)]
        done, _ = await asyncio.wait(callers, timeout=warm + seconds)
        for task in callers:
            task.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
    for task in done:
        task.result()  # a caller ends by a failure only
    counted = sum(start <= end < start + seconds for end in ends)
    return counted / seconds, refused, len(ends)


def cpu_seconds(pid: int) -> float:
    """What a process and all below it have used so far; those that have ended are left out."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    times = [process.cpu_times() for process in family]
    return sum(time.user + time.system for time in times)


async def chosen(server: Vllm, count: int) -> list[bytes]:
    """Pages whose texts end by themselves soon."""
    engine = made(server.url)
    await engine.start()
    await engine.close()
    found = sizes(engine, long=False, most=640)
    random.Random(5).shuffle(found)
    return [jpeg(found[number % len(found)]) for number in range(count)]


async def sweep(server: Vllm, front: Gateway, steps: list[int], rounds: int) -> dict[str, Tally]:
    """All concurrencies, both ways, in alternating rounds."""
    ways: dict[str, tuple[Ask, str]] = {
        "bare": (directly, server.url),
        "gateway": (through, front.url),
    }
    tallies = {way: Tally() for way in ways}
    pages = await chosen(server, max(LEAST, PAGES_EACH * max(steps)))
    for ask, url in ways.values():
        await run(ask, url, pages[:LEAST], SEQUENCES)  # warm up
    for number in range(rounds):
        for step in steps:
            order = list(ways) if number % 2 == 0 else list(reversed(ways))
            for way in order:
                ask, url = ways[way]
                part = pages[: max(LEAST, PAGES_EACH * step)]
                before = {"vLLM": cpu_seconds(server.pid), "ocrgate": cpu_seconds(front.pid)}
                rate, refused, read = await run(ask, url, part, step)
                tallies[way].cpu["vLLM"] += cpu_seconds(server.pid) - before["vLLM"]
                tallies[way].cpu["ocrgate"] += cpu_seconds(front.pid) - before["ocrgate"]
                tallies[way].pages += read
                tallies[way].rates[step].append(rate)
                tallies[way].refused[step] += refused
    return tallies


def report(tallies: dict[str, Tally], steps: list[int]) -> None:
    """The table, and the two ratios that matter."""
    bare, ours = tallies["bare"], tallies["gateway"]
    best = max(steps, key=bare.rate)
    print("callers  bare page/s  gateway page/s  gateway/bare  of bare's best  refusals")
    for step in steps:
        print(
            f"{step:7}  {bare.rate(step):11.2f}  {ours.rate(step):14.2f}  "
            f"{ours.rate(step) / bare.rate(step):12.3f}  {ours.rate(step) / bare.rate(best):14.3f}"
            f"  {ours.refused[step]:8}"
        )
    for way, tally in tallies.items():
        used = ", ".join(f"{n} {1000 * t / tally.pages:.1f} ms" for n, t in tally.cpu.items())
        print(f"CPU for a page, {way}: {used}")
    top = max(steps, key=ours.rate)
    pairs = zip(bare.rates[best], ours.rates[top], strict=True)
    spread = ", ".join(f"{mine / theirs:.3f}" for theirs, mine in pairs)
    print(
        f"best of each: bare {bare.rate(best):.2f} at {best}, gateway {ours.rate(top):.2f} at "
        f"{top}, ratio {ours.rate(top) / bare.rate(best):.3f} (by round: {spread})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", default="1,2,4,8,16,32,64")
    options = parser.parse_args()
    steps = [int(step) for step in options.concurrency.split(",")]
    with stand() as (server, front):
        report(asyncio.run(sweep(server, front, steps, options.rounds)), steps)


if __name__ == "__main__":
    main()

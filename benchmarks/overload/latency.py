"""What the gateway adds to the time of a page: the same requests to an engine's stub, and through.

One after the other, 300 kB of JSON each, no image work on either side (that is the unavoidable
part). ``python -m benchmarks.overload.latency``, over HTTP alone.
"""

import asyncio
import base64
import json
import os
import time
from dataclasses import dataclass

import aiohttp
from benchmarks.gateway.overhead import Process, started
from benchmarks.overload.record import quantile

SIZE, REQUESTS, WARM, ROUNDS = 300_000, 150, 50, 4


@dataclass(frozen=True, slots=True)
class Added:
    """Seconds that were added, of the median and of the 99th percentile."""

    p50: float
    p99: float


async def times(process: Process, path: str, body: bytes, count: int) -> list[float]:
    """Seconds of so many requests, one after the other."""
    found = []
    url = f"http://127.0.0.1:{process.port}{path}"
    headers = {"content-type": "application/json"}
    async with aiohttp.ClientSession() as session:
        for _ in range(count):
            begun = time.perf_counter()
            async with session.post(url, data=body, headers=headers) as answer:
                await answer.read()
            found.append(time.perf_counter() - begun)
    return found


async def measure(ours: Process, stub: Process) -> Added:
    """Both in turn, so that the machine's other work meets both."""
    image = base64.b64encode(os.urandom(SIZE * 3 // 4)).decode()
    body = json.dumps({"image": image}).encode()
    through: list[float] = []
    direct: list[float] = []
    await times(ours, "/ocr", body, WARM)
    for _ in range(ROUNDS):
        direct += await times(stub, "/v1/chat/completions", body, REQUESTS)
        through += await times(ours, "/ocr", body, REQUESTS)

    def added(share: float) -> float:
        slow, plain = quantile(through, share), quantile(direct, share)
        assert slow is not None
        assert plain is not None
        return slow - plain

    return Added(added(0.5), added(0.99))


def added() -> Added:
    """Start both and measure."""
    with started("upstream") as stub:
        upstream = f"http://127.0.0.1:{stub.port}/v1/chat/completions"
        with started("ours", upstream) as ours:
            return asyncio.run(measure(ours, stub))


if __name__ == "__main__":
    found = added()
    print(f"added: p50 {1000 * found.p50:.2f} ms, p99 {1000 * found.p99:.2f} ms")

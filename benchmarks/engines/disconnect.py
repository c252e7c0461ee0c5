"""How soon does a real vLLM stop working on a page whose caller has gone? 100 times.

A caller asks for a page of some thousand tokens and closes the connection at a random moment after
it is in the engine's batch. Measured is the time from there until ``vllm:num_requests_running`` is
0 again, by a scrape every 10 ms; once in front of vLLM itself, once through the gateway.

    python -m benchmarks.engines.disconnect [--times 100]
"""

import argparse
import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import aiohttp
from benchmarks.engines.stand import percentile, stand
from tests.vllm.calls import read, running, until_running
from tests.vllm.gateway import ocr
from tests.vllm.pages import completion
from tests.vllm.reading import made, sizes
from tests.vllm.server import Vllm

Size = tuple[int, int]
Ask = Callable[[aiohttp.ClientSession, Size], Awaitable[object]]


async def directly(session: aiohttp.ClientSession, size: Size) -> object:
    """A page, asked of vLLM itself."""
    return await read(session, completion(*size, max_tokens=4000, stream=True))


async def through(session: aiohttp.ClientSession, size: Size) -> object:
    """A page, asked of the gateway."""
    return await ocr(session, *size)


async def leave(
    ask: Ask,
    callers: aiohttp.ClientSession,
    scrapes: aiohttp.ClientSession,
    long: list[Size],
) -> list[float]:
    """Seconds until the engine was idle again, for the caller of each page, who left."""
    rng = random.Random(1)
    times = []
    for size in long:
        call = asyncio.ensure_future(ask(callers, size))
        await until_running(scrapes, 1)
        await asyncio.sleep(rng.random() * 0.2)
        call.cancel()
        start = time.monotonic()
        while await running(scrapes):  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.01)
        times.append(time.monotonic() - start)
    return times


async def measure(server: Vllm, url: str, ask: Ask, times: int) -> list[float]:
    engine = made(server.url)
    await engine.start()
    await engine.close()
    long = sizes(engine, long=True, most=1000)
    async with (
        aiohttp.ClientSession(url) as callers,
        aiohttp.ClientSession(server.url) as scrapes,
    ):
        return await leave(ask, callers, scrapes, (long * times)[:times])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    times = parser.parse_args().times
    with stand() as (server, front):
        for name, url, ask in (
            ("vLLM itself", server.url, directly),
            ("through ocrgate", front.url, through),
        ):
            seconds = asyncio.run(measure(server, url, ask, times))
            print(
                f"{name}: {times} callers left; engine idle again after p50 "
                f"{percentile(seconds, 0.5):.3f} s, p99 {percentile(seconds, 0.99):.3f} s, "
                f"worst {max(seconds):.3f} s"
            )


if __name__ == "__main__":
    main()

"""A cache that is too small for all that vLLM lets in: who is thrown out, with and without a gate.

``python -m benchmarks.engines.preemptions`` measures the same for longer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
from tests.vllm import script
from tests.vllm.calls import CHAT
from tests.vllm.gateway import gateway
from tests.vllm.pages import completion, picture
from tests.vllm.reading import made, sizes
from tests.vllm.server import Vllm

# 95 blocks of 128 tokens can be given out. A page takes 3 or 4 when it enters and up to 5 more as
# it grows, so 48 at once never fit.
FLAGS = (
    *("--max-num-seqs", "48", "--num-gpu-blocks-override", "96", "--max-model-len", "4992"),
    *script.LENGTHY,
)
CALLERS, PAGES = 48, 2
Ask = Callable[[aiohttp.ClientSession, tuple[int, int]], Awaitable[None]]


async def directly(session: aiohttp.ClientSession, size: tuple[int, int]) -> None:
    """A page of vLLM itself."""
    async with session.post(CHAT, json=completion(*size, max_tokens=1000)) as reply:
        assert reply.status == 200, await reply.text()
        assert (await reply.json())["choices"][0]["finish_reason"] == "stop"


async def through(session: aiohttp.ClientSession, size: tuple[int, int]) -> None:
    """A page through the gateway, asked for again when that is what it says."""
    headers = {"Content-Type": "image/png", "X-Request-Timeout": "120"}
    for _ in range(200):
        async with session.post("/ocr", data=picture(*size), headers=headers) as reply:
            answer = await reply.json()
        if reply.status == 200:
            return
        assert reply.status == 429, answer
        await asyncio.sleep(answer["retry_after"] or 0.1)
    raise AssertionError("refused two hundred times")


async def crowd(server: Vllm, url: str, ask: Ask) -> int:
    """Preemptions while every caller has a few pages read, one after the other."""
    engine = made(server.url)
    await engine.start()
    await engine.close()
    pages = sizes(engine, long=False, most=640)
    before = server.metric("vllm:num_preemptions_total")

    async def caller(session: aiohttp.ClientSession, number: int) -> None:
        for turn in range(PAGES):
            await ask(session, pages[(number * PAGES + turn) % len(pages)])

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector) as session:
        await asyncio.gather(*(caller(session, number) for number in range(CALLERS)))
    return int(server.metric("vllm:num_preemptions_total") - before)


async def test_gate_spares_the_engine_nearly_all_preemptions(
    server: Vllm, tmp_path: Path, figures: dict[str, str]
) -> None:
    """The same pages and callers before and after; the first turn through the gate, in which it
    learns how long texts are, does not count. What goes past a gate would be news to it, so it is
    started when it is needed.
    """
    bare = await crowd(server, server.url, directly)
    with gateway(tmp_path, "--url", server.url) as front:
        await crowd(server, front.url, through)
        ours = await crowd(server, front.url, through)
        told = front.metric("ocrgate_engine_preemptions_total")
    again = await crowd(server, server.url, directly)
    figures[f"preemptions in {CALLERS * PAGES} pages of {CALLERS} callers"] = (
        f"{bare} and {again} bare, {ours} behind the gate"
    )
    assert min(bare, again) >= 8
    assert ours <= min(bare, again) / 5
    assert told >= ours

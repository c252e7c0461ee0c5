"""The whole gateway in front of a real vLLM, as its callers meet it."""

import asyncio
import json
import random
import time
from collections.abc import Iterator

import aiohttp
import pytest
from tests.vllm import model, script
from tests.vllm.calls import CHAT, running, spread, until_running
from tests.vllm.gateway import Gateway, gateway, ocr
from tests.vllm.pages import completion
from tests.vllm.reading import RECIPE, made, sizes, text_of
from tests.vllm.server import Vllm, metric

FLAGS = ("--max-num-seqs", "16", *script.SCRIPTED)


@pytest.fixture(scope="module")
def front(server: Vllm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway in front of the module's vLLM."""
    with gateway(tmp_path_factory.mktemp("gateway"), "--url", server.url) as started:
        yield started


async def asked(server: Vllm, *, long: bool, most: int = 1000) -> list[tuple[int, int]]:
    """Sizes of pages whose scripted text is long, or is not."""
    engine = made(server.url)
    await engine.start()
    await engine.close()
    return sizes(engine, long=long, most=most)


async def test_crowd_is_answered_with_the_right_texts(front: Gateway, server: Vllm) -> None:
    """48 pages of different sizes at once: each the whole text of its own page, or a refusal."""
    pages = (await asked(server, long=False))[:48]
    async with aiohttp.ClientSession(front.url, connector=aiohttp.TCPConnector(limit=0)) as session:
        answers = await asyncio.gather(*(ocr(session, *size) for size in pages))
    served = [reply for status, reply in answers if status == 200]
    refused = [(status, reply.get("code")) for status, reply in answers if status != 200]
    assert [reply["text"].split() for reply in served] == [
        text_of(reply["usage"]["input_tokens"]) for reply in served
    ]
    assert set(refused) <= {(429, "overloaded")}
    assert len(served) >= 16
    assert [reply["pages"][0]["warnings"] for reply in served] == [[]] * len(served)


def longest(seen: list[tuple[float, float]], above: float) -> float:
    """The longest time, in seconds, for which a value was above a bound without a break."""
    most, since = 0.0, None
    for when, value in seen:
        since = (since or when) if value > above else None
        most = max(most, when - since if since else 0.0)
    return most


async def test_queue_stands_at_the_gate_and_not_in_the_engine(front: Gateway, server: Vllm) -> None:
    """64 callers who come back when told to: all served, and no queue stands in the engine.

    While the limit is looked for it may be too high for a second: that is how it is found.
    """
    pages = (await asked(server, long=False, most=600))[:64]
    waiting: list[tuple[float, float]] = []
    done = asyncio.Event()

    async def watch(session: aiohttp.ClientSession) -> None:
        while not done.is_set():
            async with session.get("/metrics") as reply:
                count = metric(await reply.text(), "vllm:num_requests_waiting")
            waiting.append((time.monotonic(), count))
            await asyncio.sleep(0.05)

    async def patiently(session: aiohttp.ClientSession, size: tuple[int, int]) -> int:
        for _ in range(20):
            status, reply = await ocr(session, *size)
            if status != 429:
                return status
            await asyncio.sleep(reply["retry_after"] or 0.1)
        return 429

    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(front.url, connector=connector) as callers,
        aiohttp.ClientSession(server.url) as scrapes,
    ):
        watching = asyncio.create_task(watch(scrapes))
        answers = await asyncio.gather(*(patiently(callers, size) for size in pages))
        done.set()
        await watching
    assert answers == [200] * 64
    assert longest(waiting, above=2) <= 3.0


async def test_caller_who_leaves_frees_the_engine_within_a_second(
    front: Gateway, server: Vllm, figures: dict[str, str]
) -> None:
    """Every time of 100, from the socket of the caller to the batch of the engine."""
    pages = await asked(server, long=True)
    rng = random.Random(3)
    times = []
    async with (
        aiohttp.ClientSession(front.url) as callers,
        aiohttp.ClientSession(server.url) as scrapes,
    ):
        for number in range(100):
            call = asyncio.create_task(ocr(callers, *pages[number % len(pages)]))
            await until_running(scrapes, 1)
            await asyncio.sleep(rng.random() * 0.1)
            call.cancel()
            times.append(await until_running(scrapes, 0))
    figures["100 callers who left the gateway, until the batch is empty"] = spread(times)
    assert max(times) <= 1.0


async def test_deadline_of_the_caller_frees_the_engine(front: Gateway, server: Vllm) -> None:
    """A no on time, and nothing runs on: 504 after the time, or 429 at once where the gate has
    learned from the pages before that the time cannot do.
    """
    size = (await asked(server, long=True))[0]
    start = time.monotonic()
    async with (
        aiohttp.ClientSession(front.url) as callers,
        aiohttp.ClientSession(server.url) as scrapes,
    ):
        status, reply = await ocr(callers, *size, seconds=1.5)
        took = time.monotonic() - start
        assert (status, reply["code"]) in {(504, "deadline_exceeded"), (429, "overloaded")}
        assert took < 3
        assert await until_running(scrapes, 0) <= 1.0


async def test_chat_streams_the_scripted_text(front: Gateway) -> None:
    """The OpenAI route hands out pieces as they are written, and they add up."""
    body = completion(480, 640, stream=True, stream_options={"include_usage": True})
    async with (
        aiohttp.ClientSession(front.url) as session,
        session.post(CHAT, json=body) as reply,
    ):
        assert reply.status == 200, await reply.text()
        lines = [line.decode().strip() async for line in reply.content]
    data = [line[6:] for line in lines if line.startswith("data: ")]
    chunks = [json.loads(text) for text in data if text != "[DONE]"]
    pieces = [c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]]
    usage = next(chunk["usage"] for chunk in reversed(chunks) if chunk.get("usage"))
    assert data[-1] == "[DONE]"
    assert len([piece for piece in pieces if piece]) > 5
    assert "".join(pieces).split() == model.text(script.words(usage["prompt_tokens"])).split()


async def test_pages_are_shrunk_to_what_is_asked_before_they_cost_anything(
    front: Gateway,
) -> None:
    """A photograph of 12 megapixels costs what its size after shrinking costs."""
    async with aiohttp.ClientSession(front.url) as session:
        status, reply = await ocr(session, 3000, 4000)
    assert status == 200
    small, large = RECIPE.cost.tokens(768, 1024), RECIPE.cost.tokens(3000, 4000)
    assert small <= reply["usage"]["input_tokens"] < small + 60 < large
    assert (reply["pages"][0]["width"], reply["pages"][0]["height"]) == (3000, 4000)


async def test_callers_cannot_reach_past_the_gate(front: Gateway, server: Vllm) -> None:
    """Fields that could harm others never arrive: vLLM would refuse or obey them."""
    body = completion(
        480, 640, priority=-5, mm_processor_kwargs={"max_pixels": 10**9}, cache_salt="x", n=1
    )
    async with aiohttp.ClientSession(front.url) as session, session.post(CHAT, json=body) as reply:
        assert reply.status == 200, await reply.text()


async def test_gateway_is_at_rest_when_its_callers_are(front: Gateway, server: Vllm) -> None:
    """Nothing runs, nothing is counted twice: tokens of both sides agree."""
    async with aiohttp.ClientSession(server.url) as scrapes:
        assert await running(scrapes) == 0
    assert front.metric("ocrgate_inflight") == 0
    assert front.ready()
    assert front.metric("ocrgate_engine_preemptions_total") == 0
    assert "Traceback" not in front.tail(10**6)

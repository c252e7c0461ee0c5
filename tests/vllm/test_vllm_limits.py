"""A server with a bound on its queue and a cache that is much too small."""

import asyncio
import json

import aiohttp
import pytest
from tests.vllm import model, script
from tests.vllm.calls import CHAT, post, read
from tests.vllm.pages import completion
from tests.vllm.reading import cost, made, page, sizes, text_of
from tests.vllm.server import Vllm

from ocrgate.domain.recognition import PageRequest
from ocrgate.engines.openai.faults import EngineBusy, is_replica_fault

# 24 blocks of 128 tokens, one of them kept back: 16 pages of 512 x 512 with their texts need 60.
FLAGS = (
    *("--max-model-len", "2048", "--max-num-seqs", "16", "--num-gpu-blocks-override", "24"),
    *("--max-num-queued-reqs", "24"),
    *script.SCRIPTED,
)
BUSY = {
    "message": "The engine is currently busy and cannot accept new requests. Please try again "
    "later or on a different instance.",
    "type": "Service Unavailable",
    "param": None,
    "code": 503,
}


async def test_crowd_over_the_bound_is_refused_and_the_rest_survives_preemption(
    server: Vllm, figures: dict[str, str]
) -> None:
    """Refusals are 503 without a time to come back; pages thrown out and redone end whole."""
    body = completion(max_tokens=400, ignore_eos=True)
    preempted = server.metric("vllm:num_preemptions_total")
    rejected = server.metric("vllm:admission_rejections_total")
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(server.url, connector=connector) as session:
        answers = await asyncio.gather(*(post(session, body) for _ in range(64)))
    served = [reply for status, reply in answers if status == 200]
    refused = [reply["error"] for status, reply in answers if status != 200]
    assert len(served) >= 24  # all that were let in; more when places became free meanwhile
    assert refused
    assert [error for error in refused if error != BUSY] == []
    texts = {reply["choices"][0]["message"]["content"] for reply in served}
    prompt = served[0]["usage"]["prompt_tokens"]
    assert texts == {model.text(script.words(prompt))}
    preempted = server.metric("vllm:num_preemptions_total") - preempted
    figures["tiny cache, 64 at once"] = (
        f"{len(served)} whole, {len(refused)} refused, {preempted:.0f} preemptions"
    )
    assert preempted >= 10
    assert server.metric("vllm:admission_rejections_total") - rejected == len(refused)
    assert server.get("/health")[0] == 200


async def test_refusal_has_no_time_to_come_back(server: Vllm) -> None:
    """Why the gateway has to compute one itself."""
    body = completion(max_tokens=300, ignore_eos=True)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(server.url, connector=connector) as session:
        calls = [asyncio.create_task(post(session, body)) for _ in range(40)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        async with session.post(CHAT, json=body) as reply:
            headers, error = reply.headers, json.loads(await reply.text())["error"]
        await asyncio.gather(*calls)
    assert error == BUSY
    assert "Retry-After" not in headers


async def test_streamed_refusal_comes_as_a_success_with_an_error_inside(server: Vllm) -> None:
    """The headers are out before the bound is looked at: 200, one error event, then the end."""
    body = completion(max_tokens=300, ignore_eos=True, stream=True)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(server.url, connector=connector) as session:
        answers = await asyncio.gather(*(read(session, body) for _ in range(40)))
    assert {status for status, _ in answers} == {200}
    refused = [text for _, text in answers if text.startswith('data: {"error"')]
    assert refused
    first, last = refused[0].split("\n\n", 1)
    assert json.loads(first.removeprefix("data: ")) == {"error": BUSY}
    assert last.strip() == "data: [DONE]"


async def test_engine_tells_busy_from_broken(server: Vllm) -> None:
    """Over the bound a page is refused as busy, which opens no breaker; the others are whole."""
    engine = made(server.url)
    await engine.start()
    asked = sizes(engine, long=False, most=640)[:64]
    results = await asyncio.gather(
        *(engine.recognize(page(*size), PageRequest()) for size in asked), return_exceptions=True
    )
    await engine.close()
    failed = [result for result in results if isinstance(result, BaseException)]
    assert {type(error) for error in failed} == {EngineBusy}
    assert not any(map(is_replica_fault, failed))
    whole = [(size, r) for size, r in zip(asked, results, strict=True) if isinstance(r, tuple)]
    assert len(whole) >= 24
    for size, (reading, _) in whole:
        assert reading.text.split() == text_of(cost(engine, *size))


async def test_signals_show_a_full_cache(server: Vllm) -> None:
    """Usage, capacity and preemptions as the gate's law reads them, while the crowd is inside."""
    engine = made(server.url)
    await engine.start()
    body = completion(max_tokens=400, ignore_eos=True)
    seen = []
    async with aiohttp.ClientSession(server.url) as session:
        calls = [asyncio.create_task(post(session, body)) for _ in range(20)]
        while not all(call.done() for call in calls):
            seen.append(await engine.signals())
            await asyncio.sleep(0.1)
        await asyncio.gather(*calls)
    await engine.close()
    signals = [one for one in seen if one is not None]
    assert {one.kv_capacity_tokens for one in signals} == {24 * 128}
    assert max(one.kv_usage or 0 for one in signals) >= 0.9
    assert max(one.waiting or 0 for one in signals) >= 4
    assert (signals[-1].preemptions_total or 0) > (signals[0].preemptions_total or 0)


@pytest.mark.parametrize("tokens", [2048, 100000])
def test_bound_above_the_context_is_an_error_at_once(server: Vllm, tokens: int) -> None:
    """Cut silently only where it is below the context."""
    status, _ = server.post(CHAT, completion(max_tokens=tokens))
    assert status == (200 if tokens <= 2048 else 400)

"""The simulated server, as clients of a vLLM see it."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import aiohttp
import openai
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.simulate.conftest import Start, chat, picture, sample

from ocrgate.engines.openai.servers import SERVERS
from ocrgate.engines.openai.signals import parse_signals
from ocrgate.simulate.changes import Change
from ocrgate.simulate.profile import Preprocessing, Profile, Speed

CHAT = "/v1/chat/completions"
QUICK = Profile(
    name="quick",
    about="",
    source="",
    speed=Speed(0.001, 0.0, 0.0),
    kv_tokens=40_000,
    max_num_seqs=4,
    max_num_batched_tokens=4096,
    max_model_len=8192,
)
LONG = replace(QUICK, speed=Speed(0.02, 0.0, 0.0))


async def ask(session: aiohttp.ClientSession, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with session.post(CHAT, json=body) as reply:
        return reply.status, await reply.json()


async def metrics(session: aiohttp.ClientSession) -> str:
    async with session.get("/metrics") as reply:
        return await reply.text()


async def until(session: aiohttp.ClientSession, name: str, value: float) -> float:
    """Seconds until a gauge has a value."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while sample(await metrics(session), name) != value:
        assert loop.time() - begun < 2.0, f"{name} never was {value}"
        await asyncio.sleep(0.005)
    return loop.time() - begun


async def test_the_official_client_reads_a_page(start: Start) -> None:
    """Plain and streamed answers are the same text, with counts and a reason."""
    session = await start(QUICK)
    client = openai.AsyncOpenAI(base_url=f"{session._base_url}/v1", api_key="none")
    async with client:
        body = chat(max_tokens=20)
        whole = await client.chat.completions.create(**body)
        assert whole.usage is not None
        assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (288, 20)
        assert whole.choices[0].finish_reason == "length"
        stream = await client.chat.completions.create(
            **body, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        models = await client.models.list()
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 20
    assert models.data[0].id == "tencent/HunyuanOCR"


async def test_the_same_picture_gives_the_same_text_and_another_one_another(start: Start) -> None:
    """Mixed-up answers can be seen, however many come at once."""
    session = await start(QUICK)
    pictures = [picture(shade=shade) for shade in range(20)]
    bodies = [chat(url, max_tokens=30) for url in pictures]
    first = await asyncio.gather(*(ask(session, body) for body in bodies))
    again = await asyncio.gather(*(ask(session, body) for body in reversed(bodies)))
    texts = [reply["choices"][0]["message"]["content"] for _, reply in first]
    assert len(set(texts)) == 20
    assert texts == [reply["choices"][0]["message"]["content"] for _, reply in reversed(again)]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("running", [True, False])
async def test_a_client_that_leaves_frees_its_place(
    start: Start, *, streamed: bool, running: bool
) -> None:
    """Whether it runs or waits, streamed or not, the engine is free within a fifth of a second."""
    session = await start(replace(LONG, max_num_seqs=4 if running else 1))
    body = chat(max_tokens=5000, ignore_eos=True, stream=streamed)
    calls = [asyncio.create_task(read(session, body)) for _ in range(3)]
    await until(session, "vllm:num_requests_running", 3 if running else 1)
    if not running:
        await until(session, "vllm:num_requests_waiting", 2)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    took = await until(session, "vllm:num_requests_running", 0)
    page = await metrics(session)
    assert took < 0.2
    assert sample(page, "vllm:num_requests_waiting") == 0
    assert sample(page, "vllm:kv_cache_usage_perc") == 0
    assert 'finished_reason="abort"} 0.0' in page  # as in the real one: in no counter
    async with session.get("/load") as reply:
        assert await reply.json() == {"server_load": 0}


async def read(session: aiohttp.ClientSession, body: dict[str, Any]) -> bytes:
    async with session.post(CHAT, json=body) as reply:
        return await reply.read()


async def test_the_bound_of_the_queue_is_a_503_without_an_hour_to_come_back(start: Start) -> None:
    """Over the bound at once, and late when the picture was prepared first."""
    bounded = replace(LONG, max_num_queued_reqs=2, preprocessing=Preprocessing(0.03))
    session = await start(bounded)
    loop = asyncio.get_running_loop()

    async def timed() -> tuple[int, dict[str, Any], float]:
        begun = loop.time()
        status, reply = await ask(session, chat(max_tokens=15, ignore_eos=True))
        return status, reply, loop.time() - begun

    answers = await asyncio.gather(*(timed() for _ in range(8)))
    refused = [(reply, took) for status, reply, took in answers if status == 503]
    assert len(refused) == 6
    error = refused[0][0]["error"]
    assert error["message"].startswith("The engine is currently busy")
    assert (error["type"], error["param"], error["code"]) == ("Service Unavailable", None, 503)
    assert max(took for _, took in refused) > 0.15  # looked at again after its turn to be prepared
    rejections = 'vllm:admission_rejections_total{engine="0",model_name="tencent/HunyuanOCR",'
    assert f'{rejections}reason="max_num_queued_reqs"}} 6.0' in await metrics(session)


ERRORS: dict[str, tuple[dict[str, Any], int, str, str | None]] = {
    "unknown model": (chat(model="nope"), 404, "The model `nope` does not exist", "model"),
    "bound above the context": (
        chat(max_tokens=100_000),
        *(400, "max_tokens=100000 cannot be greater than max_model_len=8192", "max_tokens"),
    ),
    "bound of nothing": (chat(max_tokens=0), 400, "max_tokens must be at least 1", "max_tokens"),
    "temperature below zero": (
        chat(temperature=-1),
        *(400, "temperature must be non-negative", "temperature"),
    ),
    "not an image": (
        chat("data:image/png;base64,bm90IGFuIGltYWdl"),
        *(400, "Failed to load image: cannot identify image file", None),
    ),
    "not base64": (chat("data:image/png;base64,@@@"), 400, "Non-base64 digit found", None),
    "too narrow": (chat(picture(4100, 20)), 400, "Failed to apply HunYuanVLProcessor", None),
    "prompt too long": (
        {"messages": [{"role": "user", "content": "word " * 20_000}]},
        *(400, "This model's maximum context length is 8192 tokens", "input_tokens"),
    ),
    "no messages": ({"model": "tencent/HunyuanOCR"}, 400, "1 validation error", None),
    "address": (chat("http://127.0.0.1:9/page.png"), 500, "Cannot connect to host", None),
    "file of the server": (chat("file:///etc/hostname"), 500, "Cannot load local files", None),
    "two images": (
        {"messages": chat()["messages"] * 2},
        *(400, "At most 1 image(s) may be provided in one prompt", "image"),
    ),
}


@pytest.mark.parametrize("case", ERRORS)
async def test_errors_are_those_of_the_real_one(start: Start, case: str) -> None:
    """Status, message and parameter of every mistake that a request can hold."""
    session = await start(QUICK)
    body, status, message, parameter = ERRORS[case]
    code, reply = await ask(session, body)
    error = reply["error"]
    assert (code, error["code"], error["param"]) == (status, status, parameter)
    assert error["message"].startswith(message)


async def test_bad_json_unknown_paths_and_methods(start: Start) -> None:
    """The web framework's own refusals have the envelope of the web framework."""
    session = await start(QUICK)
    async with session.post(CHAT, data=b"{") as reply:
        assert reply.status == 400
    async with session.get("/nope") as reply:
        assert (reply.status, await reply.text()) == (404, '{"detail":"Not Found"}')
    async with session.get(CHAT) as reply:
        assert (reply.status, await reply.text()) == (405, '{"detail":"Method Not Allowed"}')


async def test_small_routes(start: Start) -> None:
    """Health, version, models, tokens of a prompt with a picture."""
    session = await start(QUICK)
    for path in ("/health", "/ping"):
        async with session.get(path) as reply:
            assert (reply.status, await reply.read()) == (200, b"")
    async with session.get("/version") as reply:
        assert (await reply.json())["version"] == "0.32.0"
    async with session.get("/v1/models") as reply:
        assert (await reply.json())["data"][0]["max_model_len"] == 8192
    async with session.post("/tokenize", json={"prompt": "twelve bytes"}) as reply:
        assert (await reply.json())["count"] == 3
    async with session.post("/tokenize", json=chat(picture(1240, 1754))) as reply:
        assert (await reply.json())["count"] == 2204 + 8 + 4


async def test_metrics_are_well_formed_and_read_by_the_gate(start: Start) -> None:
    """A Prometheus parser takes the page, and the gate finds its signals on it."""
    session = await start(replace(QUICK, speed=Speed(0.005, 0.0, 0.0)))
    await ask(session, chat(max_tokens=10))
    calls = [asyncio.create_task(ask(session, chat(max_tokens=500))) for _ in range(6)]
    await until(session, "vllm:num_requests_waiting", 2)
    page = await metrics(session)
    for call in calls:
        call.cancel()
    families = {family.name: family for family in text_string_to_metric_families(page)}
    assert families["vllm:num_preemptions"].type == "counter"
    assert families["vllm:e2e_request_latency_seconds"].type == "histogram"
    config = families["vllm:cache_config_info"].samples[0].labels
    assert (config["block_size"], config["num_gpu_blocks"]) == ("16", "2500")
    names = SERVERS["vllm"].metrics
    assert names is not None
    signals = parse_signals(page.encode(), names)
    assert (signals.running, signals.waiting, signals.preemptions_total) == (4, 2, 0)
    assert signals.kv_capacity_tokens == 40_000
    assert signals.kv_usage is not None
    assert 4 * 288 / 40_000 < signals.kv_usage < 0.1


async def test_a_death_is_a_500_for_everybody_and_health_says_so(start: Start) -> None:
    """Those in flight, those after it, and the probe."""
    session = await start(LONG, changes=(Change(0.1, "die"),))
    in_flight = asyncio.create_task(ask(session, chat(max_tokens=500, ignore_eos=True)))
    status, reply = await in_flight
    assert (status, reply["error"]["type"]) == (500, "InternalServerError")
    assert (await ask(session, chat()))[0] == 500
    async with session.get("/health") as health:
        assert health.status == 503


async def test_a_stream_that_dies_ends_without_a_reason(start: Start) -> None:
    """The last event is the end; none carries a finish reason."""
    session = await start(LONG, changes=(Change(0.15, "die"),))
    text = (await read(session, chat(max_tokens=500, ignore_eos=True, stream=True))).decode()
    events = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    decoded = [json.loads(event) for event in events[:-1]]
    assert all(not e.get("choices") or not e["choices"][0]["finish_reason"] for e in decoded)
    assert decoded[-1]["error"]["code"] == 500


async def test_speed_makes_it_faster_than_real(start: Start) -> None:
    """Ten virtual seconds in a fraction of one."""
    session = await start(LONG, speed=50.0)
    begun = asyncio.get_running_loop().time()
    assert (await ask(session, chat(max_tokens=500, ignore_eos=True)))[0] == 200
    assert 0.15 < asyncio.get_running_loop().time() - begun < 1.0
    page = await metrics(session)
    name = "vllm:e2e_request_latency_seconds_sum"
    assert sample(page, name) == pytest.approx(10.0, rel=0.1)  # in virtual seconds


async def test_a_long_stream_interval_sends_fewer_chunks(start: Start) -> None:
    """`stream_interval` is heeded, and running counts come with each chunk when asked for."""
    session = await start(replace(QUICK, speed=Speed(0.004, 0.0, 0.0)))
    body = chat(max_tokens=100, ignore_eos=True, stream=True, stream_interval=40)
    body["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
    text = (await read(session, body)).decode()
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    contents = [e for e in events if e["choices"] and e["choices"][0]["delta"].get("content")]
    assert 2 <= len(contents) <= 4
    counts = [event["usage"]["completion_tokens"] for event in contents]
    assert counts == sorted(counts)
    assert counts[-1] == 100

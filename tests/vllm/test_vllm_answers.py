"""What ocrgate relies on in vLLM: tokens, streams, ways to end, and the body of every error."""

import asyncio
import json
import random
from typing import Any

import aiohttp
import pytest
from tests.vllm import model, script
from tests.vllm.calls import CHAT, post, read, until_running
from tests.vllm.pages import (
    MODEL,
    completion,
    data_uri,
    image_part,
    messages,
    picture,
    text_part,
)
from tests.vllm.server import Vllm, metric

from ocrgate.domain.patches import PatchGrid

FLAGS = ("--max-num-seqs", "16", *script.SCRIPTED)
VISUAL = PatchGrid(32, model.MIN_PIXELS, model.MAX_PIXELS, row_ends=True, ends=2)
WRAPPER = 2  # the start and the end that the chat template puts around an image


def answer(server: Vllm, width: int = 512, height: int = 512, **fields: object) -> dict[str, Any]:
    """The decoded answer to one page; it has to be a success."""
    status, text = server.post(CHAT, completion(width, height) | fields)
    assert status == 200, text
    decoded: dict[str, Any] = json.loads(text)
    return decoded


def ending(reply: dict[str, Any]) -> tuple[str, str, int]:
    """Text, reason to stop, and tokens written."""
    choice = reply["choices"][0]
    return (
        choice["message"]["content"],
        choice["finish_reason"],
        reply["usage"]["completion_tokens"],
    )


async def events(server: Vllm, **fields: object) -> list[str]:
    """The data of every server-sent event of one streamed page."""
    body = completion(stream=True) | fields
    async with aiohttp.ClientSession(server.url) as session, session.post(CHAT, json=body) as reply:
        assert reply.status == 200
        lines = [line async for line in reply.content]
    return [line[6:].decode().strip() for line in lines if line.startswith(b"data: ")]


def test_prompt_tokens_are_what_the_formula_says(server: Vllm) -> None:
    """Sizes at every bound of the rule cost exactly rows * (columns + 1) + 2, and the wrapper."""
    text = server.post("/tokenize", {"model": MODEL, "messages": messages(text_part())})[1]
    words = json.loads(text)["count"]
    sizes = [(300, 200), (512, 512), (1024, 768), (768, 1024), (1240, 1754), (3000, 4000), (40, 8)]
    counted = {
        size: answer(server, *size, max_tokens=1)["usage"]["prompt_tokens"] for size in sizes
    }
    assert counted == {size: words + WRAPPER + VISUAL.tokens(*size) for size in sizes}


def test_200_random_sizes_cost_exactly_what_is_computed(server: Vllm) -> None:
    """Strips, specks and posters: the server's own count never differs, nor whom it refuses."""
    rng = random.Random(20261126)
    text = server.post("/tokenize", {"model": MODEL, "messages": messages(text_part())})[1]
    words = json.loads(text)["count"]
    sizes = [(int(8 * 325 ** rng.random()), int(8 * 325 ** rng.random())) for _ in range(200)]
    counted = {size: json.loads(server.post("/tokenize", completion(*size))[1]) for size in sizes}
    refused = {size for size, reply in counted.items() if "error" in reply}
    assert refused == {size for size in sizes if max(size) > 200 * min(size)}
    assert {size: counted[size]["count"] for size in sizes if size not in refused} == {
        size: words + WRAPPER + VISUAL.tokens(*size) for size in sizes if size not in refused
    }


def test_same_page_always_gives_the_scripted_text(server: Vllm) -> None:
    """What the other tests compare with: the whole text, ended by the model itself."""
    reply = answer(server, width=640, height=480, max_tokens=400)
    prompt = reply["usage"]["prompt_tokens"]
    assert ending(reply) == (
        model.text(script.words(prompt)),
        "stop",
        script.length(prompt) + 1,
    )


def test_text_that_hits_the_bound_ends_with_length(server: Vllm) -> None:
    """``max_tokens`` is exact, and the reason says that there was more."""
    assert ending(answer(server, max_tokens=7))[1:] == ("length", 7)


def test_bound_is_cut_silently_to_what_fits(server: Vllm) -> None:
    """A prompt and a bound that exceed the context together are not an error."""
    reply = answer(server, width=2048, height=2048, max_tokens=8000)
    assert reply["usage"]["prompt_tokens"] + 8000 > 8192
    assert ending(reply)[1] == "stop"


def test_repetition_is_found_by_the_engine(server: Vllm) -> None:
    """A text that says one thing over and over is ended early, with a reason of its own."""
    rule = {"max_pattern_size": 8, "min_pattern_size": 1, "min_count": 20}
    reply = answer(server, max_tokens=600, ignore_eos=True, repetition_detection=rule)
    prompt = reply["usage"]["prompt_tokens"]
    assert ending(reply) == (
        model.text(script.words(prompt)),
        "repetition",
        script.length(prompt) + 20,
    )


async def test_stream_starts_with_a_role_and_ends_with_usage_and_done(server: Vllm) -> None:
    """Pieces add up to the text of the plain answer."""
    data = await events(server, stream_options={"include_usage": True}, max_tokens=400)
    chunks = [json.loads(text) for text in data[:-1]]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert data[-1] == "[DONE]"
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert chunks[-1]["choices"] == []
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    prompt = chunks[-1]["usage"]["prompt_tokens"]
    assert "".join(delta.get("content") or "" for delta in deltas) == model.text(
        script.words(prompt)
    )


async def test_stream_interval_makes_pieces_rare_and_usage_rides_along(server: Vllm) -> None:
    """Pieces of 16 tokens, each with the count so far: what advances the ledger."""
    options = {"include_usage": True, "continuous_usage_stats": True}
    data = await events(server, stream_interval=16, stream_options=options, max_tokens=400)
    chunks = [json.loads(text) for text in data[:-1]]
    counts = [chunk["usage"]["completion_tokens"] for chunk in chunks if chunk["choices"]]
    assert counts == sorted(counts)
    written = chunks[-1]["usage"]["completion_tokens"]
    assert written / 16 <= len(counts) <= written / 16 + 4


@pytest.mark.parametrize("stream", [False, True])
async def test_page_that_nobody_waits_for_is_gone_within_a_second(
    server: Vllm, stream: bool
) -> None:
    """A closed connection frees the place, whether the text was streamed or not."""
    body = completion(max_tokens=7000, ignore_eos=True, stream=stream)
    times = []
    async with aiohttp.ClientSession(server.url) as session:
        for _ in range(10):
            call = asyncio.create_task(read(session, body))
            await until_running(session, 1)
            call.cancel()
            times.append(await until_running(session, 0))
    assert max(times) <= 1.0


async def test_more_pages_than_places_wait_in_order_and_nobody_is_told(server: Vllm) -> None:
    """Without a bound its queue takes everything, healthy all the while: why there is a gate."""
    body = completion(max_tokens=300, ignore_eos=True)
    async with aiohttp.ClientSession(
        server.url, connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        calls = [asyncio.create_task(post(session, body)) for _ in range(48)]
        waiting = 0.0
        while waiting <= 8 and not all(call.done() for call in calls):
            await asyncio.sleep(0.05)
            async with session.get("/metrics") as scraped, session.get("/health") as health:
                waiting = metric(await scraped.text(), "vllm:num_requests_waiting")
                assert health.status == 200
        async with session.get("/load") as load:
            inside = (await load.json())["server_load"]
        answers = await asyncio.gather(*calls)
    assert waiting > 8
    assert inside > 16  # counted by the HTTP server: running and waiting
    assert [status for status, _ in answers] == [200] * 48


PAGE = image_part(data_uri(picture()))
FETCHED = image_part("http://127.0.0.1:9/page.png")
LOCAL = image_part("file:///etc/hostname")
TOO_LONG = {"model": MODEL, "messages": messages(text_part("word " * 20000)), "max_tokens": 4}
ERRORS: dict[str, tuple[dict[str, Any], int, str, str | None]] = {
    "unknown model": (
        completion() | {"model": "nope"},
        *(404, "The model `nope` does not exist", "model"),
    ),
    "prompt too long": (
        TOO_LONG,
        *(400, "This model's maximum context length is 8192 tokens", "input_tokens"),
    ),
    "bound above the context": (
        completion(max_tokens=100000),
        *(400, "max_tokens=100000 cannot be greater than max_model_len=8192", "max_tokens"),
    ),
    "bound of nothing": (
        completion(max_tokens=0),
        *(400, "max_tokens must be at least 1", "max_tokens"),
    ),
    "temperature below zero": (
        completion(temperature=-1),
        *(400, "temperature must be non-negative", "temperature"),
    ),
    "not an image": (
        completion() | {"messages": messages(image_part(data_uri(b"not an image")))},
        *(400, "Failed to load image: cannot identify image file", None),
    ),
    "half an image": (
        completion() | {"messages": messages(image_part(data_uri(picture()[:200])))},
        *(400, "Failed to load image: image file is truncated", None),
    ),
    "not base64": (
        completion() | {"messages": messages(image_part("data:image/png;base64,@@@"))},
        *(400, "Non-base64 digit found", None),
    ),
    "two images": (
        completion() | {"messages": messages(PAGE, PAGE)},
        *(400, "At most 1 image(s) may be provided in one prompt", "image"),
    ),
    "too narrow": (
        completion(4100, 20),
        *(400, "Failed to apply HunYuanVLProcessor", None),
    ),
    "other pixels than profiled": (
        completion(mm_processor_kwargs={"max_pixels": 300000}),
        *(400, "Per-request mm_processor_kwargs are disabled", "mm_processor_kwargs"),
    ),
    "no messages": (
        {"model": MODEL},
        *(400, "1 validation error", "body.messages"),
    ),
    "address that does not answer": (
        completion() | {"messages": messages(FETCHED)},
        *(500, "Cannot connect to host", None),
    ),
    "file of the server": (
        completion() | {"messages": messages(LOCAL)},
        *(500, "Cannot load local files", None),
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_error_has_openais_envelope(server: Vllm, case: str) -> None:
    """Status, message and parameter of every mistake that a request can hold."""
    body, status, message, parameter = ERRORS[case]
    code, text = server.post(CHAT, body)
    error = json.loads(text)["error"]
    assert (code, error["code"], error["param"]) == (status, status, parameter)
    assert error["message"].startswith(message)


def test_unknown_fields_are_ignored(server: Vllm) -> None:
    """A field that a newer vLLM knows does not make an older one refuse."""
    assert server.post(CHAT, completion(max_tokens=1, field_of_tomorrow=1))[0] == 200


def test_unknown_paths_have_another_envelope(server: Vllm) -> None:
    """What the web framework refuses itself."""
    assert server.get("/nope") == (404, '{"detail":"Not Found"}')
    assert server.get(CHAT) == (405, '{"detail":"Method Not Allowed"}')


def test_server_says_what_it_is(server: Vllm) -> None:
    """Version, models with their context, and the size of the cache in blocks."""
    (served,) = json.loads(server.get("/v1/models")[1])["data"]
    assert (served["id"], served["max_model_len"]) == (MODEL, 8192)
    assert json.loads(server.get("/version")[1])["version"].startswith("0.32.0")
    scraped = server.get("/metrics")[1]
    assert metric(scraped, "vllm:cache_config_info", block_size="128") == 1

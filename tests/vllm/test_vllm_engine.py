"""The engine over HTTP against a real vLLM: text, cost, pieces, cancelling, errors, signals."""

import asyncio
import json
import random
from collections.abc import AsyncIterator

import aiohttp
import pytest
from tests.vllm import script
from tests.vllm.calls import spread, until_running
from tests.vllm.pages import completion, picture
from tests.vllm.reading import RECIPE, cost, drawing, made, page, sizes, text_of
from tests.vllm.server import Vllm, free_port

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.domain.recognition import PageRequest, PageWarning
from ocrgate.engines.openai.engine import OpenAIEngine
from ocrgate.engines.openai.faults import (
    EngineRejected,
    EngineUnreachable,
    EngineUnusable,
    is_replica_fault,
)
from ocrgate.engines.recipes import recipe_named
from ocrgate.engines.recipes.families.hunyuan import MARKERS
from ocrgate.errors import InvalidRequest
from ocrgate.ports import Piece

FLAGS = ("--max-num-seqs", "16", *script.SCRIPTED)


@pytest.fixture
async def engine(server: Vllm) -> AsyncIterator[OpenAIEngine]:
    """The engine, started."""
    started = made(server.url)
    await started.start()
    yield started
    await started.close()


async def test_it_finds_out_what_it_speaks_to(engine: OpenAIEngine) -> None:
    """Kind, model, context and capacity are asked of the server, nothing is configured."""
    found = engine.capabilities
    assert found
    assert (found.server.kind, found.model, found.context) == ("vllm", "tencent/HunyuanOCR", 8192)
    signals = await engine.signals()
    assert signals
    assert signals.kv_capacity_tokens == 16384 * 128
    assert (signals.running, signals.waiting, signals.preemptions_total) == (0, 0, 0)


async def test_200_random_sizes_cost_what_was_computed(
    engine: OpenAIEngine, server: Vllm, figures: dict[str, str]
) -> None:
    """By the server's own count, for every shape that the model takes."""
    rng = random.Random(20261126)
    tried = [(int(8 * 500 ** rng.random()), int(8 * 500 ** rng.random())) for _ in range(200)]
    text = "Extract the text in the image."
    plain = json.loads(server.post("/tokenize", completion(64, 64, prompt=text))[1])["count"]
    words = plain - MARKERS - RECIPE.cost.tokens(64, 64)
    wrong = {}
    for size in tried:
        reply = json.loads(server.post("/tokenize", completion(*size, prompt=text))[1])
        try:
            computed = words + MARKERS + RECIPE.cost.tokens(*size)
        except InvalidRequest:
            computed = None
        if reply.get("count") != computed:
            wrong[size] = (reply.get("count"), computed)
    figures["sizes whose cost was computed exactly"] = f"{len(tried) - len(wrong)} of {len(tried)}"
    assert wrong == {}


async def test_pages_in_a_crowd_each_get_their_own_whole_text(engine: OpenAIEngine) -> None:
    """48 pages of different sizes at once: no text is cut, mixed up or counted wrong."""
    asked = sizes(engine, long=False)[:48]
    readings = await asyncio.gather(*(engine.recognize(page(*s), PageRequest()) for s in asked))
    for size, (reading, usage) in zip(asked, readings, strict=True):
        tokens = cost(engine, *size)
        assert usage.input_tokens == tokens
        assert usage.output_tokens == script.length(tokens) + 1
        assert reading.text.split() == text_of(tokens)
        assert reading.warnings == ()


async def test_live_pieces_add_up_to_the_text(engine: OpenAIEngine) -> None:
    """Text is handed out token by token, and the count of tokens never falls."""
    pieces: list[Piece] = []
    reading, usage = await engine.recognize(page(), PageRequest(live=True), pieces.append)
    counts = [piece.tokens for piece in pieces]
    assert counts == sorted(counts)
    assert counts[-1] == usage.output_tokens
    assert len(pieces) > 20
    assert "".join(piece.text for piece in pieces).split() == reading.text.split()


async def test_bound_of_the_caller_gives_a_warning(engine: OpenAIEngine) -> None:
    """A text that was cut says so."""
    reading, usage = await engine.recognize(page(), PageRequest(max_tokens=5))
    assert usage.output_tokens == 5
    assert reading.warnings == (PageWarning.TRUNCATED,)
    assert reading.text


async def test_a_recipe_s_numbers_for_logits_processors_are_taken(server: Vllm) -> None:
    """DeepSeek-OCR's guard against loops, here without the processor that they are for."""
    numbers = recipe_named("deepseek-ocr").draws.body["vllm_xargs"]
    engine = drawing(server.url, vllm_xargs=numbers)
    await engine.start()
    _, usage = await engine.recognize(page(), PageRequest(max_tokens=8))
    await engine.close()
    assert usage.output_tokens == 8


async def test_page_longer_than_the_context_is_cut_and_says_so(engine: OpenAIEngine) -> None:
    """The room that the context leaves is computed before the page is sent."""
    size = sizes(engine, long=True)[0]
    reading, usage = await engine.recognize(page(*size), PageRequest(max_tokens=100))
    assert (usage.input_tokens, usage.output_tokens) == (cost(engine, *size), 100)
    assert reading.warnings == (PageWarning.TRUNCATED,)


async def test_cancelled_page_is_gone_from_the_engine_within_a_second(
    engine: OpenAIEngine, server: Vllm, figures: dict[str, str]
) -> None:
    """Every time of 100, at any moment of the page's life."""
    asked = sizes(engine, long=True)
    rng = random.Random(1)
    times = []
    async with aiohttp.ClientSession(server.url) as session:
        for number in range(100):
            size = asked[number % len(asked)]
            call = asyncio.create_task(engine.recognize(page(*size), PageRequest()))
            if number % 4:  # else: before it is in the batch
                await until_running(session, 1)
            await asyncio.sleep(rng.random() * 0.1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            times.append(await until_running(session, 0))
    figures["100 cancelled pages, until the batch is empty"] = spread(times)
    assert max(times) <= 1.0


async def test_crowd_that_leaves_is_gone_from_the_engine_within_a_second(
    engine: OpenAIEngine, server: Vllm
) -> None:
    """48 pages, a third of them in the batch, dropped at once."""
    asked = sizes(engine, long=True, most=800)
    calls = [
        asyncio.create_task(engine.recognize(page(*asked[n % len(asked)]), PageRequest()))
        for n in range(48)
    ]
    async with aiohttp.ClientSession(server.url) as session:
        await until_running(session, 12, at_least=True)
        for call in calls:
            call.cancel()
        assert await until_running(session, 0) <= 1.0
    await asyncio.gather(*calls, return_exceptions=True)


async def test_page_of_an_impossible_shape_is_the_callers_fault(engine: OpenAIEngine) -> None:
    """It is refused before it is sent, where vLLM would say 400; no replica is blamed."""
    with pytest.raises(InvalidRequest, match="too narrow") as caught:
        await engine.recognize(page(4100, 20), PageRequest())
    assert not is_replica_fault(caught.value)


async def test_damaged_page_is_no_fault_of_the_replica(engine: OpenAIEngine) -> None:
    """A refusal of the server is passed on with its words; the breaker hears nothing of it."""
    damaged = PageImage(picture()[:200], Encoding.PNG, 512, 512, 1, 512, 512)
    with pytest.raises(EngineRejected, match="image file is truncated") as caught:
        await engine.recognize(damaged, PageRequest())
    assert not is_replica_fault(caught.value)
    assert not caught.value.retryable


async def test_model_that_is_not_served_is_said_at_the_start(server: Vllm) -> None:
    """The operator is told, before any caller is."""
    wrong = made(server.url, model="nope")
    with pytest.raises(EngineUnusable, match="nope"):
        await wrong.start()
    await wrong.close()


async def test_server_that_is_not_there_is_said_at_the_start() -> None:
    """A typo in the address is an error in seconds."""
    absent = made(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(EngineUnreachable):
        await absent.start()
    await absent.close()

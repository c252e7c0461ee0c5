"""A server that goes away and comes back with another model."""

import asyncio
import json

import pytest

from ocrgate.domain.recognition import PageRequest
from ocrgate.engines.openai.engine import OpenAIEngine
from ocrgate.engines.openai.faults import EngineUnreachable, EngineUnusable
from ocrgate.engines.openai.images import canary
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.errors import EngineUnavailable
from ocrgate.runtime.clock import LoopClock
from ocrgate.testing import FaultyEngine, Persona, Refuse, Talk

UNKNOWN = Refuse(404, {"error": {"message": "The model does not exist.", "code": 404}})


def engine_for(server: FaultyEngine, **params: str) -> OpenAIEngine:
    return OpenAIEngine(OpenAIParams(**params), server.url, LoopClock())  # type: ignore[arg-type]


async def text(engine: OpenAIEngine) -> str:
    reading, _ = await engine.recognize(canary(), PageRequest())
    return reading.text


def models_asked(server: FaultyEngine) -> int:
    return sum(asked.path == "/v1/models" for asked in server.asked)


async def test_a_model_that_is_no_more_is_looked_up_anew() -> None:
    """The page at which it shows is read with the new one, and the engine has its name."""
    async with FaultyEngine(Talk("old")) as server:
        engine = engine_for(server)
        await engine.start()
        assert await text(engine) == "old"
        server.scripts = [Talk("old"), Talk("old"), UNKNOWN, Talk("new")]
        server.persona = Persona(model="Qwen/Qwen3-VL-2B-Instruct")
        assert await text(engine) == "new"
        assert engine.description.name == "vllm/Qwen/Qwen3-VL-2B-Instruct"
        assert engine.recipe.name != "hunyuanocr"
        assert json.loads(server.chats[-1].body)["model"] == "Qwen/Qwen3-VL-2B-Instruct"
        await engine.close()


async def test_many_pages_ask_once() -> None:
    """Pages that find out together share one question."""
    async with FaultyEngine(Talk("old"), *[UNKNOWN] * 8, Talk("new")) as server:
        engine = engine_for(server)
        await engine.start()
        server.persona = Persona(model="Qwen/Qwen3-VL-2B-Instruct")
        before = models_asked(server)
        assert set(await asyncio.gather(*(text(engine) for _ in range(8)))) == {"new"}
        assert models_asked(server) == before + 1
        await engine.close()


async def test_what_is_still_the_same_is_an_error() -> None:
    """A refusal that a new look does not explain is not tried for ever."""
    async with FaultyEngine(Talk(), UNKNOWN) as server:
        engine = engine_for(server)
        await engine.start()
        with pytest.raises(EngineUnusable, match="404"):
            await text(engine)
        assert len(server.chats) == 2
        await engine.close()


async def test_a_model_that_was_asked_for_by_name_is_missed_by_name() -> None:
    """Another one does not take its place; the message says what there is."""
    async with FaultyEngine(Talk(), UNKNOWN) as server:
        engine = engine_for(server, model="tencent/HunyuanOCR")
        await engine.start()
        server.persona = Persona(model="other")
        with pytest.raises(EngineUnusable, match=r"set engine\.model to one of: other"):
            await text(engine)
        await engine.close()


async def test_a_server_that_was_away_is_asked_what_it_is() -> None:
    """Some answer to any model's name, so the old name would work and be wrong."""
    async with FaultyEngine(Talk("old")) as server:
        engine = engine_for(server)
        await engine.start()
        port = int(server.url.rpartition(":")[2])
    with pytest.raises(EngineUnreachable):
        await text(engine)
    persona = Persona(model="Qwen/Qwen3-VL-2B-Instruct", owner="llamacpp")
    async with FaultyEngine(Talk("new"), persona=persona, port=port) as server:
        assert await text(engine) == "new"
        assert engine.description.name == "llamacpp/Qwen/Qwen3-VL-2B-Instruct"
        assert await text(engine) == "new"
        assert models_asked(server) == 1
        await engine.close()


async def test_closing_ends_the_question() -> None:
    """A page that waits for it fails by name instead of looking cancelled."""
    async with FaultyEngine(Talk(), UNKNOWN) as server:
        engine = engine_for(server)
        await engine.start()
        async with asyncio.timeout(5):
            page = asyncio.create_task(text(engine))
            await server.chat(2)
            while engine._asking is None:  # noqa: ASYNC110 - a state test looks inside
                await asyncio.sleep(0)
            await engine.close()
            with pytest.raises(EngineUnavailable):
                await page

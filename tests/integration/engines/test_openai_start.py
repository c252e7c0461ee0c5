"""What an engine finds out when it starts, and what it says when it cannot."""

import asyncio
import json
import socket

import pytest

from ocrgate.domain.recognition import Task
from ocrgate.engines.openai.engine import OpenAIEngine
from ocrgate.engines.openai.faults import EngineUnreachable, EngineUnusable
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.errors import EngineUnavailable
from ocrgate.gateway.problem import public
from ocrgate.runtime.clock import LoopClock
from ocrgate.testing import FaultyEngine, Mute, Persona, Refuse, Script, Talk

METRICS = """vllm:num_requests_running{engine="0"} 3.0
vllm:num_requests_waiting{engine="0"} 1.0
vllm:cache_config_info{block_size="128",kv_cache_size_tokens="6016",num_gpu_blocks="48"} 1.0
"""


async def started(
    persona: Persona, *scripts: Script, params: OpenAIParams | None = None
) -> tuple[OpenAIEngine, FaultyEngine]:
    """Start an engine and stop it again: what it found stays."""
    async with FaultyEngine(*scripts, persona=persona) as server:
        engine = OpenAIEngine(params or OpenAIParams(), server.url, LoopClock())
        try:
            await engine.start()
        finally:
            found = engine.capabilities
            await engine.close()
            engine._found = found
        return engine, server


async def test_a_vllm_is_known_by_its_models() -> None:
    """Kind, version, model, context, load, the size of images; slots stay as they were."""
    params = OpenAIParams(slots=5, encoder_tokens=1200)
    persona = Persona(metrics=METRICS, tokens=23)
    engine, server = await started(persona, params=params)
    found = engine.capabilities
    assert found is not None
    assert (found.server.kind, found.version, found.context) == ("vllm", (0, 32, 0), 8192)
    assert (found.metrics, found.kv_capacity_tokens) == (True, 6016)
    assert found.repetition_detection
    assert engine.prompt_tokens == 23
    described = engine.description
    assert (described.name, described.slots) == ("vllm/tencent/HunyuanOCR", 5)
    assert (described.live, described.boxes) == (True, True)
    assert Task.SPOTTING in described.tasks
    assert described.input.sizing is not None
    width, height = described.input.sizing.fit(4000, 3000)
    assert engine.recipe.cost.tokens(width, height) <= 1200
    assert len(server.chats) == 1
    assert server.chats[0].json["max_tokens"] <= 16


async def test_the_description_is_there_before_the_start() -> None:
    """A gate is built on it; what the parameters name is in it already."""
    params = OpenAIParams(model="tencent/HunyuanOCR", server="vllm", slots=7)
    before = OpenAIEngine(params, "http://127.0.0.1:1/v1", LoopClock()).description
    assert (before.name, before.slots, before.live) == ("vllm/tencent/HunyuanOCR", 7, True)
    after = (await started(Persona(), params=params))[0].description
    assert (after.name, after.slots, after.tasks) == (before.name, before.slots, before.tasks)
    words = "\u63d0\u53d6\u56fe\u4e2d\u7684\u6587\u5b57\u3002"
    assert after.instructions[words].task is Task.TEXT


async def test_old_versions_and_other_servers() -> None:
    """Only what the server knows is used."""
    old, server = await started(Persona(version="0.16.2"))
    assert old.capabilities is not None
    assert not old.capabilities.repetition_detection
    assert "repetition_detection" not in server.chats[0].json
    plain, server = await started(Persona(owner="somebody", model="gpt-vision", version=None))
    assert plain.description.name == "openai/gpt-vision"
    sent = server.chats[0].json
    assert sent["stream_options"] == {"include_usage": True}
    assert not {"top_k", "repetition_penalty", "stream_interval"} & set(sent)
    strict, server = await started(Persona(owner="hf"), params=OpenAIParams(server="transformers"))
    assert "stream_options" not in server.chats[0].json
    assert strict.description.name.startswith("transformers/")


def llama(vision: bool) -> Persona:
    props = {
        "default_generation_settings": {"n_ctx": 4096},
        "modalities": {"vision": vision},
        "chat_template": "x" * 100_000,
    }
    pages = {"/props": (200, "application/json", json.dumps(props).encode())}
    return Persona(owner="llamacpp", model="ocr.gguf", context=None, version=None, pages=pages)


async def test_llama_tells_its_context_and_its_eyes_elsewhere() -> None:
    """A page of its own has both."""
    engine, server = await started(llama(vision=True))
    assert engine.capabilities is not None
    assert engine.capabilities.context == 4096
    assert "repetition_penalty" not in server.chats[0].json
    with pytest.raises(EngineUnusable, match="mmproj"):
        await started(llama(vision=False))


async def test_a_server_shows_itself_by_its_metrics() -> None:
    """Where the model's owner says nothing, as behind a proxy that renames it."""
    engine, _ = await started(Persona(owner="acme", metrics=METRICS))
    assert engine.capabilities is not None
    assert engine.capabilities.server.kind == "vllm"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"paths": {"/v1/models": {}, "/load_model": {"post": {}}, "/reset": {}}}, "transformers"),
        ({"paths": {"/v1/models": {}, "/reset": {}}}, "openai"),
        ({"paths": []}, "openai"),
        ({}, "openai"),
    ],
)
async def test_a_server_shows_itself_by_its_paths(body: object, kind: str) -> None:
    """Where it has no metrics either, and its models are owned by whoever made them."""
    pages = {"/openapi.json": (200, "application/json", json.dumps(body).encode())}
    persona = Persona(owner="tencent", context=None, version=None, pages=pages)
    engine, server = await started(persona)
    assert engine.capabilities is not None
    assert engine.capabilities.server.kind == kind
    assert ("stream_options" in server.chats[0].json) == (kind == "openai")


async def test_a_named_recipe_wins() -> None:
    """Over what the model's name would choose."""
    engine, _ = await started(Persona(), params=OpenAIParams(recipe="generic"))
    assert engine.recipe.name == "generic"


async def test_load_is_read_on_demand() -> None:
    """None where a server shows none."""
    async with FaultyEngine(persona=Persona(metrics=METRICS)) as server:
        engine = OpenAIEngine(OpenAIParams(), server.url, LoopClock())
        try:
            before = await engine.signals()
            await engine.start()
            shown = await engine.signals()
            server.persona = Persona()
            hidden = await engine.signals()
        finally:
            await engine.close()
    assert (before, hidden) == (None, None)
    assert shown is not None
    assert (shown.running, shown.waiting, shown.kv_capacity_tokens) == (3, 1, 6016)


HTML = (200, "text/html", b"<h1>It works!</h1>")
NOTHING = (200, "application/json", json.dumps({"data": []}).encode())

UNUSABLE: dict[str, tuple[Persona, Script, OpenAIParams, str]] = {
    "another model": (Persona(), Talk(), OpenAIParams(model="x"), "one of: tencent/HunyuanOCR"),
    "no key": (Persona(key="k"), Talk(), OpenAIParams(), "asks for a key"),
    "a wrong key": (Persona(key="k"), Talk(), OpenAIParams(api_key="z"), "refuses the key"),
    "a web page": (Persona(pages={"/v1/models": HTML}), Talk(), OpenAIParams(), "no list of"),
    "no model": (Persona(pages={"/v1/models": NOTHING}), Talk(), OpenAIParams(), "serves no model"),
    "not found": (
        Persona(pages={"/v1/models": (404, "text/plain", b"")}),
        Talk(),
        OpenAIParams(),
        "base URL",
    ),
    "no eyes": (
        Persona(),
        Refuse(400, {"error": {"message": "At most 0 image(s) may be provided"}}),
        OpenAIParams(),
        "takes no images",
    ),
    "not accepted": (
        Persona(),
        Refuse(400, {"error": {"message": "unknown field"}}),
        OpenAIParams(),
        "did not read a known page",
    ),
    "no room": (Persona(context=200), Talk(), OpenAIParams(), "takes no images"),
}


@pytest.mark.parametrize("name", UNUSABLE)
async def test_what_to_do_is_said(name: str) -> None:
    """The message names the setting to change."""
    persona, script, params, said = UNUSABLE[name]
    with pytest.raises(EngineUnusable, match=said):
        await started(persona, script, params=params)


async def test_a_key_is_sent_and_not_shown() -> None:
    """With every request, and in no message."""
    engine, server = await started(Persona(key="k"), params=OpenAIParams(api_key="k"))
    assert all(asked.headers["authorization"] == "Bearer k" for asked in server.asked)
    assert "Bearer" not in repr(engine.description)


async def test_nobody_there() -> None:
    """Refused, no such host, or no answer: unreachable, with the address and without a password."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    whys = {
        f"http://127.0.0.1:{port}": "connection refused",
        f"http://localhost:{port}": "connection refused",
        "http://me:secret@no-such-host.invalid:8000": "",
    }
    for url, why in whys.items():
        engine = OpenAIEngine(OpenAIParams(connect=2), url, LoopClock())
        with pytest.raises(EngineUnreachable, match=f"cannot be reached: {why}") as raised:
            await engine.start()
        assert "secret" not in raised.value.detail
        shown = public(raised.value.detail)
        assert not [secret for secret in (str(port), "127.0.0.1", ".invalid") if secret in shown]
        await engine.close()


async def test_a_server_that_does_not_speak_tls() -> None:
    """It answers the greeting in plain words, as servers do."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        engine = OpenAIEngine(OpenAIParams(connect=2), f"https://127.0.0.1:{port}", LoopClock())
        with pytest.raises(EngineUnreachable, match="it does not speak TLS"):
            await engine.start()
        await engine.close()


async def test_still_loading() -> None:
    """llama.cpp answers 503 meanwhile."""
    pages = {"/v1/models": (503, "application/json", b'{"error":{"message":"Loading model"}}')}
    with pytest.raises(EngineUnreachable, match="Loading model"):
        await started(Persona(pages=pages))


async def test_a_busy_server_is_a_good_one() -> None:
    """That it is full when we come is no reason not to start."""
    busy = Refuse(503, {"error": {"message": "The engine is currently busy"}})
    engine, _ = await started(Persona(), busy)
    assert engine.capabilities is not None


async def test_starting_can_be_given_up() -> None:
    """Nothing is left behind."""
    async with FaultyEngine(Mute()) as server:
        engine = OpenAIEngine(OpenAIParams(), server.url, LoopClock())
        start = asyncio.create_task(engine.start())
        await server.chat()
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        await server.chats[0].was_left(1)
        await engine.close()


async def test_a_silent_server_does_not_start() -> None:
    """It is broken for us, in the words of the patience that ran out."""
    params = OpenAIParams(first_token=0.1)
    with pytest.raises(EngineUnavailable, match="no first token"):
        await started(Persona(), Mute(), params=params)

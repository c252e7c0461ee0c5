"""The public fakes keep their own promises."""

import asyncio
import json

import aiohttp
import pytest

from ocrgate.domain.document import Document, Encoding, ImageSpec, PageImage
from ocrgate.domain.recognition import PageRequest
from ocrgate.errors import EngineFailed, EngineUnavailable, UnreadableDocument
from ocrgate.testing import (
    FaultyEngine,
    ManualClock,
    Mute,
    PausingServer,
    Persona,
    Raw,
    Refuse,
    ScriptedEngine,
    ScriptedRasterizer,
    Talk,
    endless,
    page_reading,
)

IMAGE = PageImage(b"\0" * 4, Encoding.RAW, 2, 2, 1, 20, 20)


def test_a_manual_clock_calls_each_at_its_own_instant() -> None:
    """A callback sees the time it asked for, also one scheduled by another callback."""
    clock, seen = ManualClock(100.0), list[float]()

    def again() -> None:
        seen.append(clock.now())
        clock.call_at(clock.now() + 1.0, lambda: seen.append(clock.now()))

    clock.call_at(102.0, again)
    clock.advance(5.0)
    assert seen == [102.0, 103.0]
    assert clock.now() == 105.0


async def test_a_scripted_engine_records_what_it_was_asked() -> None:
    """Texts by page, errors by call, delays by the clock, cancellations."""
    clock = ManualClock()
    engine = ScriptedEngine(
        ["first", "second"], delay=1.0, errors=[None, EngineFailed()], clock=clock
    )
    calls = [asyncio.create_task(engine.recognize(IMAGE, PageRequest(n))) for n in (1, 2, 3)]
    await clock.run(0.5)
    assert engine.running == 3
    calls[2].cancel()
    await clock.run(0.5)
    reading, usage = await calls[0]
    assert (reading.text, reading.width, usage.pages) == ("first", 20, 1)
    with pytest.raises(EngineFailed):
        await calls[1]
    assert [call.outcome for call in engine.calls] == ["ok", "failed", "cancelled"]
    assert (engine.peak, engine.cancellations) == (3, 1)


async def test_a_scripted_engine_can_be_told_in_full() -> None:
    """Readings as they are, or a function of image and request."""
    given = page_reading("a\nb", width=7)
    engine = ScriptedEngine({4: given})
    reading, _ = await engine.recognize(IMAGE, PageRequest(4))
    assert (reading.text, reading.width, reading.number) == ("a\nb", 7, 4)
    computed = ScriptedEngine(lambda image, asked: page_reading(f"{image.width}/{asked.number}"))
    assert (await computed.recognize(IMAGE, PageRequest(9)))[0].text == "2/9"
    with pytest.raises(EngineUnavailable):
        await ScriptedEngine(start_error=EngineUnavailable()).start()


async def test_a_scripted_rasterizer_fails_where_told() -> None:
    """One page fails, the others do not; what was asked is on record."""
    rasterizer = ScriptedRasterizer(3, errors={2: UnreadableDocument("torn")})
    document = Document(data=b"x")
    async with rasterizer.hold(document) as held:
        assert rasterizer.held == 1
        await rasterizer.prepare(held, 1, ImageSpec())
        with pytest.raises(UnreadableDocument, match="torn"):
            await rasterizer.prepare(held, 2, ImageSpec())
        await rasterizer.prepare(held, 3, ImageSpec())
    assert rasterizer.prepared == [1, 2, 3]
    assert rasterizer.held == 0


ASK = {"model": "m", "stream": True, "stream_options": {"include_usage": True}, "messages": []}


async def test_a_faulty_engine_speaks_like_a_good_one() -> None:
    """Role, words, finish, usage, end: what OpenAI's clients expect of a stream."""
    async with FaultyEngine(Talk("two words")) as server, aiohttp.ClientSession() as client:
        async with client.post(f"{server.url}/v1/chat/completions", json=ASK) as response:
            assert response.content_type == "text/event-stream"
            events = (await response.text()).split("\n\n")
        assert events[-2:] == ["data: [DONE]", ""]
        chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
        texts = [c["delta"].get("content", "") for chunk in chunks for c in chunk["choices"]]
        assert "".join(texts) == "two words"
        assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
        assert chunks[-1]["usage"]["completion_tokens"] == 2
        assert server.chats[0].json == ASK
        assert server.chats[0].finished
        async with client.get(f"{server.url}/v1/models") as response:
            assert (await response.json())["data"][0]["id"] == server.persona.model
        assert server.connections == 1


async def test_a_faulty_engine_plays_one_script_after_the_other() -> None:
    """The last serves all further requests; pages and keys are the persona's."""
    persona = Persona(key="k", metrics="up 1")
    async with (
        FaultyEngine(Refuse(503, "full"), Raw([b"x"]), persona=persona) as server,
        aiohttp.ClientSession(headers={"Authorization": "Bearer k"}) as client,
    ):
        answers = []
        for _ in range(3):
            async with client.post(f"{server.url}/v1/chat/completions", json=ASK) as response:
                answers.append((response.status, await response.text()))
        assert answers == [(503, "full"), (200, "x"), (200, "x")]
        async with client.get(f"{server.url}/metrics") as response:
            assert await response.text() == "up 1"
        async with client.get(f"{server.url}/nothing") as response:
            assert response.status == 404
        plain = {"Authorization": ""}
        async with client.get(f"{server.url}/v1/models", headers=plain) as response:
            assert response.status == 401


@pytest.mark.parametrize("script", [Mute(), Talk(endless("a "), delay=0.01), Talk(after="hang")])
async def test_a_faulty_engine_notices_who_leaves(script: Mute | Talk) -> None:
    """With the instant of it, and without waiting for a write to fail."""
    async with FaultyEngine(script) as server, aiohttp.ClientSession() as client:
        call = asyncio.create_task(client.post(f"{server.url}/v1/chat/completions", json=ASK))
        received = await server.chat()
        assert server.running == 1
        await asyncio.sleep(0.02)
        call.cancel()
        [left] = await asyncio.gather(call, return_exceptions=True)
        if isinstance(left, aiohttp.ClientResponse):
            left.close()
        await received.was_left(1)
        assert (received.finished, server.running) == (False, 0)


@pytest.mark.parametrize("after", ["reset", "cut"])
async def test_a_faulty_engine_breaks_off(after: str) -> None:
    """In ways that every HTTP client takes for an error."""
    script = Talk("half", after="reset" if after == "reset" else "cut")
    async with FaultyEngine(script) as server, aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.ClientError):
            async with client.post(f"{server.url}/v1/chat/completions", json=ASK) as response:
                await response.read()


async def test_a_quick_client_s_next_request_is_not_swallowed() -> None:
    """It may come in the instant in which the server has written its last byte."""
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"  # at once
    )
    async with FaultyEngine(Talk("one")) as server, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url[17:]))
        for _ in range(50):
            writer.write(request)
            await reader.readuntil(b"0\r\n\r\n")
        writer.close()
    assert len(server.chats) == 50


def test_a_pausing_server_stands_still_at_the_end_of_each_period() -> None:
    """Who comes then waits for the rest of it; who would be answered then waits all of it."""
    server = PausingServer(0.1, pause=1.0, period=10.0)
    begun = server._begun
    waits = [server.wait(begun + at) for at in (0.0, 8.0, 8.95, 9.0, 9.5, 10.0, 19.5)]
    assert waits == pytest.approx([0.1, 0.1, 1.1, 1.1, 0.6, 0.1, 0.6])
    assert PausingServer(0.1).wait(begun + 9.99) == pytest.approx(0.1)

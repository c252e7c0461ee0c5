"""The engine against a server over real sockets: good answers, bad ones, none."""

import asyncio
import base64
import time
from dataclasses import dataclass, replace

import pytest
from tests.integration.engines.conftest import Attach

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.domain.recognition import PageRequest, PageWarning, Task
from ocrgate.engines.openai.faults import (
    EngineAborted,
    EngineBroke,
    EngineBusy,
    EngineRejected,
    EngineUnreachable,
    EngineUnusable,
    GarbledOutput,
    PageTooLarge,
    RefusedOutput,
)
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.errors import EngineUnavailable, InvalidRequest, OcrgateError
from ocrgate.ports import Piece
from ocrgate.testing import Mute, Persona, Raw, Refuse, Script, Talk, endless
from ocrgate.testing.faulty.wire import Received, Wire

TEXT = "First line of the page\nsecond line, 你好 and 🙂"


async def test_a_page_is_read(attach: Attach, page: PageImage) -> None:
    """Text, size of the source page, tokens as the server counts them, one connection for all."""
    async with attach(Talk(TEXT)) as pair:
        reading, usage = await pair.engine.recognize(page, PageRequest(number=3))
        again, _ = await pair.engine.recognize(page, PageRequest(number=4))
        assert reading.text == again.text == TEXT
        assert (reading.number, reading.width, reading.height) == (3, 1600, 1200)
        assert reading.warnings == ()
        assert (usage.input_tokens, usage.output_tokens, usage.wasted_tokens) == (100, 9, 0)
        assert pair.server.connections == 1


async def test_the_way_to_an_engine_takes_no_proxy(
    attach: Attach, page: PageImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages of documents go where they were told to, whatever the environment names."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with attach(Talk(TEXT)) as pair:
        reading, _ = await pair.engine.recognize(page, PageRequest())
    assert reading.text == TEXT


async def test_what_is_sent(attach: Attach, page: PageImage) -> None:
    """The image as base64, the recipe's words, fields of this server only, no client's URL."""
    async with attach() as pair:
        await pair.engine.recognize(page, PageRequest(max_tokens=50))
        await pair.engine.recognize(page, PageRequest(live=True))
        body, live = (chat.json for chat in pair.server.chats)
        url = next(p for p in body["messages"][-1]["content"] if p["type"] == "image_url")
        data = url["image_url"]["url"].removeprefix("data:image/jpeg;base64,")
        assert base64.b64decode(data) == page.data
        assert (body["model"], body["max_tokens"]) == ("tencent/HunyuanOCR", 50)
        assert body["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}
        assert body["stream_interval"] > 1
        assert "stream_interval" not in live
        assert body["repetition_detection"]["min_count"] >= 2


async def test_answers_never_pass_the_context(attach: Attach, page: PageImage) -> None:
    """Older servers refuse a max_tokens that does not fit beside the page."""
    persona = Persona(context=3000, tokens=20)
    async with attach(persona=persona) as pair:
        await pair.engine.recognize(page, PageRequest())
        cost = pair.engine.recipe.cost.tokens(page.width, page.height)
        assert pair.engine.prompt_tokens == 20
        assert 0 < pair.server.chats[0].json["max_tokens"] <= 3000 - cost - 20
        sizing = pair.engine.description.input.sizing
        assert sizing is not None
        assert sizing.fit(5000, 5000)[0] <= 1024
        with pytest.raises(PageTooLarge):
            await pair.engine.recognize(replace(page, width=4000, height=4000), PageRequest())


@pytest.mark.parametrize(
    "script",
    [
        Talk(TEXT, split=1),
        Talk(TEXT, split=7, crlf=True),
        Talk(TEXT, together=100),
        Talk(TEXT, comments=3),
        Talk(TEXT, usage=False, running_usage=False),
        Talk(TEXT, done=False),
        Talk(list(TEXT), first=0.05, delay=0.001),
    ],
    ids=lambda script: repr(script)[-60:],
)
async def test_the_text_is_the_same_however_it_comes(
    attach: Attach, page: PageImage, script: Script
) -> None:
    """Half characters, CRLF, everything at once, keep-alives, no counts, no last event."""
    async with attach(script) as pair:
        reading, usage = await pair.engine.recognize(page, PageRequest())
        assert reading.text == TEXT
        assert usage.output_tokens > 0


HALF = b'data: {"choices":[{"delta":{"content":"read"}}]}\n\n'
END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'


@pytest.mark.parametrize(
    "chunks",
    [
        [b'\xef\xbb\xbfdata: {"choices":[{"delta":{"content":"read"}}]}\n\n', END],
        [HALF, b'data: {"choices":[],"usage":{"prompt_tokens":null}}\n\n', END],
        [HALF, END, b"data:  [DONE]\n\n"],
        [HALF, b'data: {"choices":null,"error":null}\n\n', END],
    ],
    ids=["byte order mark", "no count", "blanks before the end", "nulls"],
)
async def test_oddities_lose_nothing(attach: Attach, page: PageImage, chunks: list[bytes]) -> None:
    """What some server or proxy adds or leaves out is no reason to lose a page, or half of it."""
    async with attach(Raw(chunks)) as pair:
        reading, _ = await pair.engine.recognize(page, PageRequest())
        assert (reading.text, reading.warnings) == ("read", ())


TORN = b'data: {"choices":[{"delta":{"content":"\xe4"}}]}\n\n'

FAULTS: dict[str, tuple[Script, type[OcrgateError]]] = {
    "reset": (Talk("half", after="reset"), EngineBroke),
    "cut off in a chunk": (Talk("half", after="cut"), EngineBroke),
    "ended without an end": (Talk("half", after="close"), EngineBroke),
    "done without a finish_reason": (Talk("half", finish=None), EngineBroke),
    "neither": (Talk("half", finish=None, done=False), EngineBroke),
    "drained after some text": (Talk("half", finish="abort"), EngineAborted),
    "error as finish": (Talk("half", finish="error"), EngineBroke),
    "a finish nobody knows": (Talk("half", finish="tired"), EngineBroke),
    "withheld": (Talk("", finish="content_filter"), RefusedOutput),
    "an error in the stream": (Talk("a", error={"message": "boom", "code": 500}), GarbledOutput),
    "busy in the stream": (
        Talk("", error={"message": "The engine is currently busy", "code": 503}),
        EngineBusy,
    ),
    "a refusal in the stream": (Talk("a", error={"message": "no", "code": 400}), RefusedOutput),
    "too long, told in the stream": (
        Talk("", error={"message": "longer than the model's context length", "code": 400}),
        PageTooLarge,
    ),
    "too long, in llama.cpp's old words": (
        Raw([b'error: {"code":400,"message":"exceeds the available context size"}\n\n']),
        PageTooLarge,
    ),
    "broken, in llama.cpp's old words": (
        Raw([b'error: {"code":500,"message":"out of memory"}\n\n']),
        GarbledOutput,
    ),
    "an error under 200": (Refuse(200, {"error": {"message": "boom"}}), GarbledOutput),
    "HTML under 200": (Refuse(200, "<h1>Welcome</h1>", "text/html"), GarbledOutput),
    "JSON under 200": (Refuse(200, {"choices": []}), GarbledOutput),
    "no type": (Refuse(200, "what", ""), GarbledOutput),
    "garbage events": (Raw([b"data: {]\n\n"]), GarbledOutput),
    "events of another kind": (Raw([b'data: {"choices": 3}\n\n']), GarbledOutput),
    "half a character": (
        Raw([b'data: {"choices":[{"delta":{"content":"\xe4"}}]}\n\n']),
        GarbledOutput,
    ),
    "fewer tokens than none": (
        Raw([b'data: {"choices":[],"usage":{"completion_tokens":-5}}\n\n']),
        GarbledOutput,
    ),
    "nested without end": (Raw([b'data: {"error":' + b"[" * 50_000 + b"\n\n"]), GarbledOutput),
    "an error in another alphabet": (
        Raw([b'data: {"error":{"message":"caf\xe9","code":500}}\n\n']),
        GarbledOutput,
    ),
    "a refusal in another alphabet": (
        Raw(
            [b"HTTP/1.1 500 No\r\nContent-Length: 29\r\n\r\n", b'{"error":{"message":"caf\xe9"}} '],
            verbatim=True,
        ),
        EngineBroke,
    ),
    "no events": (Raw([b"hello\n\n"]), EngineBroke),
    "nothing": (Raw([]), EngineBroke),
    "a line without end": (Raw([b"data: " + b"x" * 70_000] + [b"x" * 70_000] * 40), GarbledOutput),
    "no HTTP": (Raw([b"SSH-2.0-OpenSSH\r\n\r\n"], verbatim=True), GarbledOutput),
    "busy": (Refuse(503, {"error": {"message": "The engine is currently busy"}}), EngineBusy),
    "too many": (Refuse(429, "", headers={"Retry-After": "3"}), EngineBusy),
    "broken engine": (Refuse(500, {"error": {"message": "EngineCore"}}), EngineBroke),
    "bad gateway": (Refuse(502, "<h1>Bad Gateway</h1>", "text/html"), EngineUnreachable),
    "key": (Refuse(401, {"error": "Unauthorized"}), EngineUnusable),
    "model": (Refuse(404, {"error": {"message": "does not exist"}}), EngineUnusable),
    "moved": (Refuse(302, "", headers={"Location": "http://elsewhere/"}), EngineUnusable),
    "encoder": (Refuse(400, {"error": {"message": "encoder cache size"}}), PageTooLarge),
    "body": (Refuse(413, "too large"), PageTooLarge),
    "not accepted": (Refuse(422, {"detail": "bad field"}), EngineRejected),
    "endless error body": (Refuse(500, "x" * 10_000_000), EngineBroke),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_every_fault_has_its_error(attach: Attach, page: PageImage, name: str) -> None:
    """And the next page is read as if nothing had been."""
    script, kind = FAULTS[name]
    async with attach(script, Talk(TEXT)) as pair:
        with pytest.raises(kind) as raised:
            await pair.engine.recognize(page, PageRequest())
        assert type(raised.value) is kind
        assert pair.server.url in raised.value.detail or "stream holds" in raised.value.detail
        reading, _ = await pair.engine.recognize(page, PageRequest())
        assert reading.text == TEXT


SILENCE = Raw([], verbatim=True)  # the connection is closed without a byte


async def test_a_kept_connection_that_was_closed_is_no_failure(
    attach: Attach, page: PageImage
) -> None:
    """The server may close it between two pages; another connection is taken."""
    async with attach(SILENCE, Talk(TEXT)) as pair:
        reading, _ = await pair.engine.recognize(page, PageRequest())
        assert reading.text == TEXT


async def test_silence_on_a_new_connection_is_a_failure(attach: Attach, page: PageImage) -> None:
    """Else a server that dies of a page would be given it again and again."""
    async with attach(SILENCE, SILENCE, Talk(TEXT)) as pair:
        before = len(pair.server.chats)
        with pytest.raises(EngineBroke):
            await pair.engine.recognize(page, PageRequest())
        assert len(pair.server.chats) - before == 2


@dataclass(frozen=True)
class LateSilence:
    """The connection is closed without a byte, after some work."""

    reads_body: bool = True

    async def play(self, wire: Wire, received: Received) -> None:
        """Close it."""
        await asyncio.sleep(1.1)
        await wire.close()


async def test_a_kept_connection_that_closes_late_is_a_failure(
    attach: Attach, page: PageImage
) -> None:
    """The server had the page: with many kept connections it would be given it as often."""
    async with attach(LateSilence(), Talk(TEXT)) as pair:
        with pytest.raises(EngineBroke):
            await pair.engine.recognize(page, PageRequest())
        assert len(pair.server.chats) == 1


async def test_retry_after_reaches_the_caller(attach: Attach, page: PageImage) -> None:
    """As the server gave it."""
    async with attach(Refuse(429, "", headers={"Retry-After": "3"})) as pair:
        with pytest.raises(EngineBusy) as raised:
            await pair.engine.recognize(page, PageRequest())
        assert raised.value.retry_after == 3.0


@pytest.mark.parametrize("script", [Talk(TEXT, first=9), Mute(), Refuse(200, "", first=9)])
async def test_no_first_token_in_time(attach: Attach, page: PageImage, script: Script) -> None:
    """The server is given up, and told so."""
    params = OpenAIParams(first_token=0.2, stall=9)
    async with attach(script, params=params) as pair:
        with pytest.raises(EngineBroke, match="no first token within"):
            await pair.engine.recognize(page, PageRequest())
        await pair.server.chats[0].was_left(1)


async def test_silence_after_some_tokens(attach: Attach, page: PageImage) -> None:
    """Comments that keep proxies awake are no tokens."""
    params = OpenAIParams(first_token=9, stall=0.2)
    async with attach(Talk("half a page", after="hang"), params=params) as pair:
        with pytest.raises(EngineBroke, match="no token for"):
            await pair.engine.recognize(page, PageRequest())
        await pair.server.chats[0].was_left(1)
    token = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    pings = Raw([token, *[b": ping\n\n"] * 100], pause=0.02)
    async with attach(pings, params=params) as pair:
        with pytest.raises(EngineBroke, match="no token for"):
            await pair.engine.recognize(page, PageRequest())


async def test_slow_but_steady_is_waited_for(attach: Attach, page: PageImage) -> None:
    """The limit is on silence, not on the whole."""
    params = OpenAIParams(stall=0.2)
    async with attach(Talk("a b c d e f g h", delay=0.08), params=params) as pair:
        reading, _ = await pair.engine.recognize(page, PageRequest())
        assert reading.text == "a b c d e f g h"


async def test_comments_after_the_end_do_not_hold_the_page(attach: Attach, page: PageImage) -> None:
    """A proxy may keep a finished stream awake for ever; the text has been there all along."""
    end = b'data: {"choices":[{"delta":{"content":"all"},"finish_reason":"stop"}]}\n\n'
    start = time.perf_counter()
    async with attach(Raw([end, *[b": ping\n\n"] * 60], pause=0.1)) as pair:
        reading, _ = await pair.engine.recognize(page, PageRequest())
    assert reading.text == "all"
    assert time.perf_counter() - start < 4.0


async def test_the_end_is_not_waited_for(attach: Attach, page: PageImage) -> None:
    """After the last event the answer is there, whether the connection ends or not."""
    start = time.perf_counter()
    async with attach(Talk(TEXT, done=False, usage=False)) as pair:
        await pair.engine.recognize(page, PageRequest())
    assert time.perf_counter() - start < 1.0


@pytest.mark.parametrize(
    "script",
    [Mute(), Talk("some text", after="hang"), Talk(endless("word "), delay=0.01), Talk(first=60)],
    ids=["before headers", "after some text", "while it writes", "slow first token"],
)
async def test_cancelling_closes_the_connection_within_a_second(
    attach: Attach, page: PageImage, script: Script
) -> None:
    """Whatever the server is at: that is how it learns that nobody waits."""
    async with attach(script) as pair:
        call = asyncio.create_task(pair.engine.recognize(page, PageRequest()))
        await pair.server.chat()
        await asyncio.sleep(0.05)
        await cancelled(call)
        at = asyncio.get_running_loop().time()
        assert await pair.server.chats[0].was_left(2) - at < 1.0


async def test_cancelling_while_the_page_is_sent(attach: Attach, page: PageImage) -> None:
    """The rest is not sent."""
    async with attach(Mute(reads_body=False)) as pair:
        large = replace(page, data=bytes(20_000_000))
        call = asyncio.create_task(pair.engine.recognize(large, PageRequest()))
        await pair.server.chat()  # the server has the head and lets the body lie
        await cancelled(call)
        at = asyncio.get_running_loop().time()
        assert await pair.server.chats[0].was_left(2) - at < 1.0
        assert pair.server.chats[0].unread < 20_000_000


async def cancelled(call: "asyncio.Task[object]") -> None:
    call.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await call


LOOP = "This sentence is written over and over again by a model that has lost the page. "


async def test_a_loop_is_asked_for_once_more(attach: Attach, page: PageImage) -> None:
    """With other sampling; the tokens of the first attempt are counted as wasted."""
    async with attach(Talk(endless(LOOP)), Talk(TEXT)) as pair:
        reading, usage = await pair.engine.recognize(page, PageRequest())
        assert (reading.text, reading.warnings) == (TEXT, ())
        first, second = (chat.json for chat in pair.server.chats)
        assert first != second
        assert 0 < usage.wasted_tokens == usage.output_tokens - 9
        await pair.server.chats[0].was_left(1)


async def test_a_second_loop_is_kept_with_a_warning(attach: Attach, page: PageImage) -> None:
    """No third attempt; what stood before the loop is there."""
    looping = Talk(endless(LOOP, before="Something that was read.\n"))
    async with attach(looping, looping, Talk(TEXT)) as pair:
        reading, usage = await pair.engine.recognize(page, PageRequest())
        assert reading.text == "Something that was read.\n" + LOOP.strip()
        assert PageWarning.REPETITION in reading.warnings
        assert len(pair.server.chats) == 2
        assert usage.output_tokens / 2 < usage.wasted_tokens < usage.output_tokens


async def test_half_a_page_is_kept_beside_a_second_answer_that_says_nothing(
    attach: Attach, page: PageImage
) -> None:
    """What was read before the loop is more than an empty page."""
    looping = Talk(endless(LOOP, before="Something that was read.\n"))
    async with attach(looping, Talk(" ")) as pair:
        reading, usage = await pair.engine.recognize(page, PageRequest())
        assert reading.text.startswith("Something that was read.")
        assert PageWarning.REPETITION in reading.warnings
        assert PageWarning.EMPTY not in reading.warnings
        assert usage.wasted_tokens > 0


async def test_a_loop_that_the_server_found(attach: Attach, page: PageImage) -> None:
    """Treated as one of ours."""
    found = Talk(["Read. ", *["tick tock "] * 6], finish="repetition")
    async with attach(found) as pair:
        reading, _ = await pair.engine.recognize(page, PageRequest())
        assert reading.text == "Read. tick tock"
        assert reading.warnings == (PageWarning.REPETITION,)
        assert len(pair.server.chats) == 2


async def test_half_a_page_is_better_than_none(attach: Attach, page: PageImage) -> None:
    """If the second attempt fails, the first is given with its warning."""
    async with attach(Talk(endless(LOOP)), Talk("x", after="reset")) as pair:
        reading, _ = await pair.engine.recognize(page, PageRequest())
        assert reading.text == LOOP.strip()
        assert PageWarning.REPETITION in reading.warnings


async def test_text_that_went_out_is_not_taken_back(attach: Attach, page: PageImage) -> None:
    """A live page that loops is ended where it is; the pieces add up to what was written."""
    pieces = list[Piece]()
    async with attach(Talk(endless(LOOP))) as pair:
        reading, _ = await pair.engine.recognize(page, PageRequest(live=True), pieces.append)
        assert len(pair.server.chats) == 1
        assert PageWarning.REPETITION in reading.warnings
        assert "".join(piece.text for piece in pieces).startswith(LOOP * 3)


async def test_a_listener_hears_everything_as_it_comes(attach: Attach, page: PageImage) -> None:
    """Pieces add up; tokens rise; the first is told long before the last."""
    pieces, times = list[Piece](), list[float]()

    def listen(piece: Piece) -> None:
        pieces.append(piece)
        times.append(time.perf_counter())

    async with attach(Talk("a b c d e f", delay=0.03)) as pair:
        await pair.engine.recognize(page, PageRequest(live=True), listen)
    assert "".join(piece.text for piece in pieces) == "a b c d e f"
    tokens = [piece.tokens for piece in pieces]
    assert tokens == sorted(tokens)
    assert tokens[-1] == 6
    assert times[-1] - times[0] > 0.1


async def test_ends_that_are_named(attach: Attach, page: PageImage) -> None:
    """Cut at the bound, or nothing on the page: outcomes, not errors."""
    async with attach(Talk(TEXT, finish="length"), Talk([])) as pair:
        reading, _ = await pair.engine.recognize(page, PageRequest())
        assert (reading.text, reading.warnings) == (TEXT, (PageWarning.TRUNCATED,))
        reading, _ = await pair.engine.recognize(page, PageRequest())
        assert (reading.text, reading.warnings) == ("", (PageWarning.EMPTY,))
        assert len(pair.server.chats) == 2


async def test_a_server_shut_down_is_asked_once_more(attach: Attach, page: PageImage) -> None:
    """If it had written nothing yet: vLLM ends such requests with 200, abort and no text."""
    async with attach(Talk([], finish="abort"), Talk(TEXT)) as pair:
        reading, _ = await pair.engine.recognize(page, PageRequest())
        assert reading.text == TEXT


async def test_an_endless_answer_is_cut(attach: Attach, page: PageImage) -> None:
    """A server that ignores max_tokens is left; what was read counts as truncated."""
    numbers = (f"{n} " for n in range(10**9))
    async with attach(Talk(numbers, together=50)) as pair:
        reading, usage = await pair.engine.recognize(page, PageRequest(max_tokens=300))
        assert PageWarning.TRUNCATED in reading.warnings
        assert 300 < usage.output_tokens < 600
        await pair.server.chats[0].was_left(1)


async def test_an_endless_answer_of_nothing_is_cut_too(attach: Attach, page: PageImage) -> None:
    """Events without text are neither collected nor followed for ever."""
    async with attach(Talk(endless(""), together=50, running_usage=False)) as pair:
        reading, _ = await pair.engine.recognize(page, PageRequest(max_tokens=10))
        assert PageWarning.TRUNCATED in reading.warnings


async def test_what_is_not_done_is_refused(attach: Attach, page: PageImage) -> None:
    """Before anything is sent."""
    async with attach() as pair:
        with pytest.raises(InvalidRequest) as raised:
            await pair.engine.recognize(page, PageRequest(prompt="Tell me a story"))
        assert raised.value.field == "prompt"
        with pytest.raises(InvalidRequest):
            await pair.engine.recognize(page, PageRequest(task=Task.FIELDS))
        assert pair.server.chats == []
    async with attach(params=OpenAIParams(custom_prompts=True)) as pair:
        assert pair.engine.description.prompts
        await pair.engine.recognize(page, PageRequest(prompt="What is the total?"))
        assert b"What is the total?" in pair.server.chats[0].body


async def test_raw_pixels_are_packed(attach: Attach) -> None:
    """Canaries of other engines come as pixels."""
    async with attach(Talk(TEXT)) as pair:
        raw = PageImage(bytes(3 * 64 * 32), Encoding.RAW, 64, 32, 3, 64, 32)
        await pair.engine.recognize(raw, PageRequest())
        assert b"data:image/png;base64,iVBOR" in pair.server.chats[0].body


async def test_a_server_that_dies_and_comes_back(attach: Attach, page: PageImage) -> None:
    """In flight: broken off. After: not reachable. Both are its own fault."""
    async with attach(Talk("a", after="hang")) as pair:
        call = asyncio.create_task(pair.engine.recognize(page, PageRequest()))
        await pair.server.chat()
        await asyncio.sleep(0.05)
        await pair.server.stop()
        with pytest.raises(EngineBroke):
            await call
        with pytest.raises(EngineUnreachable, match="cannot be reached"):
            await pair.engine.recognize(page, PageRequest())


async def test_many_pages_at_once_over_as_many_connections(attach: Attach, page: PageImage) -> None:
    """No limit of the client's own stands in the way of the gate's."""
    async with attach(Talk(TEXT, delay=0.05)) as pair:
        calls = [pair.engine.recognize(page, PageRequest(number=n)) for n in range(120)]
        readings = await asyncio.gather(*calls)
        assert [reading.number for reading, _ in readings] == list(range(120))
        assert pair.server.connections > 100


async def test_a_closed_engine_reads_nothing(attach: Attach, page: PageImage) -> None:
    """And can be started again."""
    async with attach(Talk(TEXT)) as pair:
        await pair.engine.close()
        await pair.engine.close()
        with pytest.raises(EngineUnavailable, match="not started"):
            await pair.engine.recognize(page, PageRequest())
        await pair.engine.start()
        assert (await pair.engine.recognize(page, PageRequest()))[0].text == TEXT


@pytest.mark.parametrize("script", [Talk("some text", after="hang"), Mute()])
async def test_closing_ends_what_runs(attach: Attach, page: PageImage, script: Script) -> None:
    """A server that goes away does not wait for its pages."""
    async with attach(script) as pair:
        call = asyncio.create_task(pair.engine.recognize(page, PageRequest()))
        received = await pair.server.chat()
        await asyncio.sleep(0.05)
        await pair.engine.close()
        async with asyncio.timeout(1):
            with pytest.raises(EngineBroke):
                await call
        await received.was_left(1)

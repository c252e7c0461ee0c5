"""Streams of events."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from starlette.types import Message

from ocrgate.errors import EngineFailed, OcrgateError, Overloaded
from ocrgate.gateway.hangup import ClientGone
from ocrgate.gateway.sse import EventStream


async def never() -> Message:
    """A client that stays."""
    await asyncio.Event().wait()
    return {"type": "http.disconnect"}


async def sent_by(
    events: AsyncGenerator[bytes, None], heartbeat: float = 60, receive: Any = never
) -> tuple[list[str], bytes]:
    """The types of the messages sent, and the body."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    stream = EventStream(events, failed=_failed, headers=lambda: {"a": "b"}, heartbeat=heartbeat)
    await stream({"type": "http"}, receive, send)
    assert (b"a", b"b") in messages[0]["headers"]
    assert messages[-1].get("more_body") is False
    return [m["type"] for m in messages], b"".join(m.get("body", b"") for m in messages)


def _failed(error: OcrgateError) -> bytes:
    return f"failed {error.code}".encode()


async def script(*steps: bytes | Exception | Callable[[], Any]) -> AsyncGenerator[bytes, None]:
    """Yield bytes, raise errors, await calls."""
    for step in steps:
        if isinstance(step, Exception):
            raise step
        if isinstance(step, bytes):
            yield step
        else:
            await step()


async def test_events_arrive_in_order() -> None:
    """Start, each event, end."""
    types, body = await sent_by(script(b"a", b"b"))
    assert body == b"ab"
    assert types == ["http.response.start", *["http.response.body"] * 3]


async def test_a_refusal_before_the_first_event_is_not_a_stream() -> None:
    """A full server answers 429, not 200 with an error inside."""
    with pytest.raises(Overloaded):
        await sent_by(script(Overloaded("full")))


async def test_a_failure_after_the_first_event_is_the_last_event() -> None:
    """What was begun is ended in words, strangers as internal."""
    assert (await sent_by(script(b"a", EngineFailed())))[1] == b"afailed engine_failed"
    assert (await sent_by(script(b"a", KeyError("x"))))[1] == b"afailed internal"


async def test_silence_is_filled() -> None:
    """Proxies that close silent connections keep this one while the page waits its turn."""
    beats = asyncio.Event()

    async def wait() -> None:
        await beats.wait()

    async def receive() -> Message:
        await asyncio.sleep(0.02)
        beats.set()
        return await never()

    _, body = await sent_by(script(wait, b"a"), heartbeat=0.005, receive=receive)
    assert body.startswith(b": waiting\n\n")
    assert body.endswith(b"\n\na")


async def test_a_client_that_hangs_up_closes_the_source() -> None:
    """Nothing runs that nobody reads."""
    gone, closed = asyncio.Event(), asyncio.Event()

    async def events() -> AsyncGenerator[bytes, None]:
        try:
            yield b"a"
            gone.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    with pytest.raises(ClientGone):
        await sent_by(events(), receive=receive)
    assert closed.is_set()

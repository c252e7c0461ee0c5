"""What becomes of work that the server itself cancels."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message, Receive, Scope, Send

from ocrgate.gateway.exchange import Exchange
from ocrgate.gateway.middleware.failures import Failures

START: Message = {"type": "http.response.start", "status": 200, "headers": []}
END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


async def hangs(_scope: Scope, _receive: Receive, _send: Send) -> None:
    await asyncio.Event().wait()


async def hangs_after_its_start(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send(START)
    await asyncio.Event().wait()


async def ends_when_it_is_cancelled(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send(START)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await send(END)
        raise


App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def never() -> Message:
    return await asyncio.Future()


async def cancelled(app: App, *, draining: bool) -> tuple[bool, list[Message]]:
    """Whether the request's task ended as cancelled, and what was sent."""
    sent = list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "path": "/ocr", "method": "POST", "headers": [], "state": {}}
    Exchange("r").attach(scope)
    layer = Failures(app, lambda: draining)
    task = asyncio.create_task(layer(scope, never, send))
    await asyncio.sleep(0)
    task.cancel()
    (end,) = await asyncio.gather(task, return_exceptions=True)
    return isinstance(end, asyncio.CancelledError), sent


@pytest.mark.parametrize("draining", [True, False])
async def test_an_answer_that_has_not_begun_is_a_refusal(draining: bool) -> None:
    """It is no error of the server that goes away; any other cancellation stays one."""
    stays, sent = await cancelled(hangs, draining=draining)
    assert stays is not draining
    assert [message["type"] for message in sent] == [START["type"], END["type"]]
    assert sent[0]["status"] == 503


async def test_half_an_answer_is_cut_off() -> None:
    """So that the server closes the connection, and nobody takes it for a whole one."""
    stays, sent = await cancelled(hangs_after_its_start, draining=True)
    assert (stays, sent) == (True, [START])


async def test_an_answer_that_brought_itself_to_an_end_is_left_alone() -> None:
    """As a stream does, with an event."""
    stays, sent = await cancelled(ends_when_it_is_cancelled, draining=True)
    assert (stays, sent) == (False, [START, END])

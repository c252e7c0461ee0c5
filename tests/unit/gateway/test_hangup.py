"""Work that lasts as long as somebody waits."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.types import Message

from ocrgate.gateway.hangup import ClientGone, offer_watch, while_connected


class Line:
    """A connection that hangs up when it is told to."""

    def __init__(self) -> None:
        self.down = asyncio.Event()

    async def receive(self) -> Message:
        """Wait for the end."""
        await self.down.wait()
        return {"type": "http.disconnect"}


async def test_the_result_of_work_is_handed_on() -> None:
    """Normal requests are not touched."""

    async def work() -> str:
        return "text"

    assert await while_connected({}, Line().receive, work()) == "text"


async def test_an_error_of_the_work_is_handed_on() -> None:
    """Errors keep their type."""

    async def work() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await while_connected({}, Line().receive, work())


async def test_work_is_cancelled_and_over_when_the_client_hangs_up() -> None:
    """When the call returns, nothing of the work runs any more."""
    line, ended = Line(), asyncio.Event()

    async def work() -> None:
        line.down.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    with pytest.raises(ClientGone):
        await while_connected({}, line.receive, work())
    assert ended.is_set()


async def test_a_client_that_is_reported_gone_twice_has_gone_once() -> None:
    """The server tells it when it closes the line, and again when the line is closed; what tidies
    up meanwhile goes on, and it is no stop of the server.
    """
    tidied = asyncio.Event()

    @contextmanager
    def watch(told: Callable[[], None]) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for seconds in (0.0, 0.01):
            loop.call_later(seconds, told)
        yield

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            tidied.set()

    scope: dict[str, Any] = {}
    offer_watch(scope, watch)
    with pytest.raises(ClientGone):
        await while_connected(scope, Line().receive, work())
    assert tidied.is_set()


async def test_cancelling_the_request_cancels_its_work() -> None:
    """A server that stops does not leave work behind."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(while_connected({}, Line().receive, work()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()

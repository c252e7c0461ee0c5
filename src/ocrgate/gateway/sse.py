"""Server-sent events that last only as long as somebody listens."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ocrgate.errors import InternalError, OcrgateError
from ocrgate.gateway.hangup import stopped, while_connected

HEARTBEAT = 5.0
"""Seconds of silence after which a comment is sent, so that proxies keep the connection."""

_COMMENT = b": waiting\n\n"
_END = {"type": "http.response.body", "body": b"", "more_body": False}


class EventStream(Response):
    """An answer of events. It starts with the first of them, or with the first heartbeat: an
    error before that is answered with its own status, a later one by a last event; so is the end
    of the server's patience when it goes away.

    Args:
        events: encoded events. Closed when the client hangs up.
        failed: encodes the event that tells of an error.
        headers: asked for when the stream starts; beside the usual ones.
        heartbeat: seconds of silence that are filled.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        *,
        failed: Callable[[OcrgateError], bytes],
        headers: Callable[[], Mapping[str, str]],
        heartbeat: float = HEARTBEAT,
    ) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._more = headers
        self._events = events
        self._failed = failed
        self._heartbeat = heartbeat
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events.

        Raises:
            ClientGone: the client hung up.
            OcrgateError: there was no first event.
        """
        try:
            await while_connected(scope, receive, self._run(send))
        except asyncio.CancelledError:
            if self._begun:
                await self._send(send, self._failed(stopped()))
                await send(_END)
            raise

    async def _run(self, send: Send) -> None:
        try:
            async with aclosing(steady(self._events, self._heartbeat)) as events:
                async for event in events:
                    await self._send(send, event)
        except Exception as raised:
            if not self._begun:
                raise
            known = raised if isinstance(raised, OcrgateError) else InternalError()
            await self._send(send, self._failed(known))
        await send(_END)

    async def _send(self, send: Send, event: bytes) -> None:
        if not self._begun:
            self._begun = True
            self.headers.update(self._more())
            start = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": event, "more_body": True})


async def steady(
    events: AsyncGenerator[bytes, None], seconds: float
) -> AsyncGenerator[bytes, None]:
    """The events, with a comment after each silence of ``seconds``.

    The source runs in one task from begin to end, since what it holds (timeouts, task groups) may
    not change tasks.
    """
    queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(1)
    source = asyncio.create_task(_pump(events, queue))
    try:
        while (item := await _item(queue, seconds)) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        source.cancel()
        await asyncio.gather(source, return_exceptions=True)


async def _pump(
    events: AsyncGenerator[bytes, None], queue: "asyncio.Queue[bytes | Exception | None]"
) -> None:
    try:
        async with aclosing(events):
            async for event in events:
                await queue.put(event)
    except Exception as raised:  # noqa: BLE001
        # Whoever reads the events raises it.
        await queue.put(raised)
    else:
        await queue.put(None)


async def _item(
    queue: "asyncio.Queue[bytes | Exception | None]", seconds: float
) -> bytes | Exception | None:
    try:
        async with asyncio.timeout(seconds):
            return await queue.get()
    except TimeoutError:
        return _COMMENT


def data(payload: bytes) -> bytes:
    """One event."""
    return b"data: " + payload + b"\n\n"

"""HTTP/1.1 as uvicorn speaks it, with bounds on what comes before a body.

``httptools`` reads heads of any length and waits for them for ever, so that a few thousand silent
connections, or one endless header, could take a server's memory. Bodies are bounded further in
(:mod:`ocrgate.gateway.middleware.body`).
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import msgspec
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ocrgate.errors import InvalidRequest, OcrgateError, PayloadTooLarge
from ocrgate.gateway.corked import Corked
from ocrgate.gateway.hangup import offer_watch
from ocrgate.gateway.problem import HEAD_TOO_LARGE, MALFORMED, PROBLEM_JSON, problem, title_of

MOST_HEAD_BYTES = 32 * 1024
MOST_UNREAD_BYTES = 256 * 1024
"""Of a body, waiting to be asked for; so much comes in one piece at most."""

HEAD_SECONDS = 15.0
LINGER_SECONDS = 1.0
REST_SECONDS = 10.0
READER_SECONDS = 10.0
LEAST_READ = 8 * 1024  # bytes per second, as of bodies on their way in
_SEPARATORS = 4  # ": " and the end of the line


class _HeadTooLarge(Exception):
    """Stops the parser."""


class BoundedHttp(HttpToolsProtocol):
    """Gives a request's head ``HEAD_SECONDS`` to arrive and ``MOST_HEAD_BYTES`` of space.

    A client that reads its answer at less than ``LEAST_READ`` over ``READER_SECONDS`` is left, and
    so is one whose body was answered unread and is not over ``REST_SECONDS`` later.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._messages = 0
        self._head_bytes = 0
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        self._too_large = False
        self._refused = False
        self._corked: Corked | None = None
        self._read = 0
        self._reader_timer: asyncio.TimerHandle | None = None
        self._rest_timer: asyncio.TimerHandle | None = None
        self._waits: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a head."""
        self._corked = Corked(transport, self.loop)
        super().connection_made(self._corked)
        self._expect_head(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._got_head()
        self._forget_reader()
        self._forget_rest()
        super().connection_lost(exc)
        self._hung_up()

    def data_received(self, data: bytes) -> None:
        """Parse; give up when the head has become too large."""
        if self._refused:
            return  # read on, or the reset of a full socket would take the answer with it
        if self._in_head and self._head_timer is None:
            self._expect_head(HEAD_SECONDS)
        before = self._messages
        super().data_received(data)
        if self._in_head and self._messages == before:
            self._count_head(len(data))

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MOST_HEAD_BYTES and not (
            self._refused or self.transport.is_closing()
        ):
            self._too_large = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A new head begins."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """The head is whole: judge its exact size."""
        self._got_head()
        size = len(self.url) + sum(len(n) + len(v) + _SEPARATORS for n, v in self.headers)
        if size > MOST_HEAD_BYTES:
            self._too_large = True
            raise _HeadTooLarge
        offer_watch(cast("Scope", self.scope), self._watched)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of a body. One piece is handed on as it is; uvicorn alone would copy it twice, and
        stop reading after each.
        """
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body = cycle.body + body if cycle.body else body  # type: ignore[assignment]
        if len(cycle.body) > MOST_UNREAD_BYTES:
            self.flow.pause_reading()
        cycle.message_event.set()

    @contextmanager
    def _watched(self, told: Callable[[], None]) -> Iterator[None]:
        """Say once, while the context is open, that the client has hung up."""
        self._waits = told
        if self.transport.is_closing():
            self.loop.call_soon(self._hung_up)
        else:
            self.flow.resume_reading()  # or a paused connection would never be seen to end
        try:
            yield
        finally:
            self._waits = None

    def _hung_up(self) -> None:
        if self._waits is not None:
            self._waits()

    def on_message_complete(self) -> None:
        """Whatever comes next on this connection is a new head."""
        super().on_message_complete()
        self._messages += 1
        self._in_head = True
        if self._forget_rest() and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """An answer is out. When its request is not yet in, the rest of that is passed over."""
        super().on_response_complete()
        unread = self.cycle.response_complete and self.cycle.more_body
        if unread and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._rest_timer = self.loop.call_later(REST_SECONDS, self._give_up)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Say what was wrong, in the words of every other error, and close."""
        error: OcrgateError = InvalidRequest("this is not an HTTP/1.1 request", field="request")
        status = MALFORMED
        if self._too_large:
            limit = f"{MOST_HEAD_BYTES} bytes"
            error = PayloadTooLarge("the headers are too large", field="headers", limit=limit)
            status = HEAD_TOO_LARGE
        self._refused = True
        self.transport.write(_bare_answer(error, status))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._expect_head(LINGER_SECONDS)

    def pause_writing(self) -> None:
        """The client reads more slowly than is written: give it so long for the next bytes."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._forget_reader()
        super().resume_writing()

    def _watch_reader(self) -> None:
        self._forget_reader()
        assert self._corked is not None
        self._read = self._corked.taken
        self._reader_timer = self.loop.call_later(READER_SECONDS, self._look_at_reader)

    def _look_at_reader(self) -> None:
        """An answer that nobody takes would be held in memory for ever."""
        assert self._corked is not None
        if self._corked.taken - self._read < LEAST_READ * READER_SECONDS:
            self._corked.reset()
        else:
            self._watch_reader()

    def _forget_reader(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def _forget_rest(self) -> bool:
        """Whether the rest of a body was being passed over."""
        if self._rest_timer is None:
            return False
        self._rest_timer.cancel()
        self._rest_timer = None
        return True

    def _expect_head(self, seconds: float) -> None:
        self._got_head()
        self._head_timer = self.loop.call_later(seconds, self._give_up)
        self._in_head = True

    def _got_head(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def _bare_answer(error: OcrgateError, status: int) -> bytes:
    request_id = secrets.token_hex(8)
    body = msgspec.json.encode(problem(error, request_id, status))
    head = (
        f"HTTP/1.1 {status} {title_of(status)}\r\n"
        f"content-type: {PROBLEM_JSON}\r\ncontent-length: {len(body)}\r\n"
        f"x-request-id: {request_id}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body

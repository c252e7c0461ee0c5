"""HTTP/1.1 as uvicorn speaks it, with bounds on what comes before a body, and after it.

``httptools`` reads heads of any length and waits for them for ever, so that a few thousand silent
connections, or one endless header, could take a server's memory. So could the headers that may
follow a chunked body, which nobody reads here. Bodies are bounded further in
(:mod:`ocrgate.gateway.middleware.body`).

A request that offers another protocol (the JDK's client and ``curl --http2`` offer HTTP/2 with
every first request) is served as if it had not: ``httptools`` would pass over its body.
"""

import asyncio
import math
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import httptools
import msgspec
import structlog
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ocrgate.errors import InvalidRequest, OcrgateError, PayloadTooLarge
from ocrgate.gateway.connections import Connections
from ocrgate.gateway.corked import Corked
from ocrgate.gateway.hangup import offer_watch
from ocrgate.gateway.middleware.door import crowded, tell_crowded
from ocrgate.gateway.problem import (
    HEAD_TOO_LARGE,
    MALFORMED,
    PROBLEM_JSON,
    problem,
    status_of,
    title_of,
)

MOST_HEAD_BYTES = 32 * 1024
MOST_UNREAD_BYTES = 256 * 1024
"""Of a body, waiting to be asked for; so much comes in one piece at most."""

MOST_PIPELINED = 64
"""Requests that may wait for their turn on one connection. A short one costs fifty times its bytes
once it was parsed, and 250 kB of them are parsed in one go."""

HEAD_SECONDS = 15.0
LINGER_SECONDS = 1.0
REST_SECONDS = 10.0
READER_SECONDS = 10.0
LEAST_READ = 8 * 1024  # bytes per second, as of bodies on their way in
_SEPARATORS = 4  # ": " and the end of the line
_FEW_PIECES = 8
_MOST_PIECES = 1024  # of a body; chunks of a byte each would keep the loop busy for long
_OFFERS = frozenset({b"upgrade", b"http2-settings"})
_log = structlog.get_logger("ocrgate.gateway")


class _Refused(Exception):
    """Stops the parser."""


class BoundedHttp(HttpToolsProtocol):
    """Gives a request's head ``HEAD_SECONDS`` to arrive and ``MOST_HEAD_BYTES`` of space.

    A client that reads its answer at less than ``LEAST_READ`` over ``READER_SECONDS`` is left, and
    so is one whose body was answered unread and is not over ``REST_SECONDS`` later.
    """

    def __init__(self, connections: Connections, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections = connections
        self._messages = 0
        self._head_bytes = 0
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        self._fault: OcrgateError | None = None
        self._refused = False
        self._corked: Corked | None = None
        self._read = 0
        self._reader_timer: asyncio.TimerHandle | None = None
        self._rest_timer: asyncio.TimerHandle | None = None
        self._waits: Callable[[], None] | None = None
        self._offered = False
        self._got_body = False
        self._pieces = 0
        self._running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a head."""
        self._corked = Corked(transport, self.loop)
        self._corked.watch_peer()
        super().connection_made(self._corked)
        if not self._connections.enter(self):
            self._turn_away()
            return
        self._expect_head(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._connections.leave(self)
        self._got_head()
        self._forget_reader()
        self._forget_rest()
        super().connection_lost(exc)
        self._hung_up()

    def data_received(self, data: bytes) -> None:
        """Parse; give up when what is no body has become too large."""
        if self._refused:
            return  # read on, or the reset of a full socket would take the answer with it
        if self._in_head and self._head_timer is None:
            self._expect_head(HEAD_SECONDS)
            self._connections.waits(self)
        before, self._got_body = self._messages, False
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self.send_400_response("")
            return
        if self._messages == before and not self._got_body:
            self._count_head(len(data))

    def _parse(self, data: bytes) -> None:
        """Read on. An offer to speak another protocol is left out, and its request read anew.

        Raises:
            HttpParserError: it is not HTTP, or a callback raised.
        """
        rest = memoryview(data)
        while rest:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as stopped:
                rest = rest[stopped.args[0] :]
                self._begin_anew()
            else:
                return

    def _begin_anew(self) -> None:
        version = self.parser.get_http_version().encode()
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/", version, b"\r\n"]
        for name, value in self.headers:
            if name not in _OFFERS:
                head += [name, b": ", value, b"\r\n"]
        self._offered = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.parser.feed_data(b"".join([*head, b"\r\n"]))

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MOST_HEAD_BYTES and not (
            self._refused or self.transport.is_closing()
        ):
            self._fault = _head_too_large()
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A new head begins."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A line of the head. What follows a chunked body is dropped: nobody asks for it, and it
        must not pass for a line of the head.
        """
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: judge its exact size."""
        self._got_head()
        self._head_bytes = 0
        self._fault = self._judge_head()
        if self._fault is not None:
            self._in_head = True  # what is refused is this one; an answer before it is over
            raise _Refused
        self._offered = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._offered:
            return  # the same request comes again without the offer
        if self.parser.get_http_version() == "1.0":
            self.expect_100_continue = False  # such a client would take it for the answer
        offer_watch(cast("Scope", self.scope), self._watched)
        served = self._connections.speaks(self)
        if not served:
            tell_crowded(cast("Scope", self.scope))
        super().on_headers_complete()
        self.cycle.keep_alive &= served

    def _judge_head(self) -> OcrgateError | None:
        size = len(self.url) + sum(len(n) + len(v) + _SEPARATORS for n, v in self.headers)
        if size > MOST_HEAD_BYTES:
            return _head_too_large()
        if len(self.pipeline) >= MOST_PIPELINED:
            return InvalidRequest(
                "too many requests came before the answer to the first",
                field="request",
                limit=f"{MOST_PIPELINED} requests",
            )
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts != 1 and (hosts or self.parser.get_http_version() != "1.0"):
            return InvalidRequest("an HTTP/1.1 request names its host, once", field="Host")
        return None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Its turn has come; others may wait for theirs."""
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """Some of a body. One piece is handed on as it is; uvicorn alone would copy it twice, and
        stop reading after each.
        """
        self._got_body, self._head_bytes = True, 0
        cycle = self.cycle
        if cycle.response_complete:
            return
        held: bytes | bytearray = cast("bytes | bytearray", cycle.body)
        self._pieces = self._pieces + 1 if held else 1
        if not held:
            cycle.body = body  # type: ignore[assignment]
        elif isinstance(held, bytearray):
            held += body
        elif self._pieces > _FEW_PIECES:
            cycle.body = bytearray().join((held, body))
        else:  # a few are joined at less cost: what is gathered is copied once more at its end
            cycle.body = held + body  # type: ignore[assignment]
        if len(cycle.body) > MOST_UNREAD_BYTES or self._pieces > _MOST_PIECES:
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
        if self._offered:
            return
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
        if self.cycle.response_complete:
            self._connections.waits(self)
        if unread and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._rest_timer = self.loop.call_later(REST_SECONDS, self._give_up)

    def give_way(self) -> None:
        """Close: another connection takes the place."""
        self._give_up()

    def _turn_away(self) -> None:
        """There is not even a place in which to read a request: say so, and close."""
        self._refused = True
        self.transport.write(_bare_answer(crowded(), status_of(crowded())))
        self.transport.close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Say what was wrong, in the words of every other error, and close. An answer under way is
        cut off: nothing may be written into it.
        """
        error = self._fault or InvalidRequest("this is not an HTTP/1.1 request", field="request")
        _log.warning("request_refused", detail=error.detail)
        answering, self._refused = self._answering, True
        if answering:
            self._give_up()
            return
        self._abandon()
        status = HEAD_TOO_LARGE if isinstance(error, PayloadTooLarge) else MALFORMED
        self.transport.write(_bare_answer(error, status))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._expect_head(LINGER_SECONDS)

    def _abandon(self) -> None:
        """Whatever was asked before on this connection gets no answer any more."""
        self.pipeline.clear()
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()
            self._hung_up()

    @property
    def _answering(self) -> bool:
        """Whether an answer was begun, to a request that is not over."""
        cycle = self._running
        if cycle is None or not cycle.response_started:
            return False
        return not (cycle.response_complete and self._in_head)

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


def _head_too_large() -> PayloadTooLarge:
    limit = f"{MOST_HEAD_BYTES} bytes"
    return PayloadTooLarge("the headers are too large", field="headers", limit=limit)


def _bare_answer(error: OcrgateError, status: int) -> bytes:
    request_id = secrets.token_hex(8)
    body = msgspec.json.encode(problem(error, request_id, status))
    wait = "" if error.retry_after is None else f"retry-after: {math.ceil(error.retry_after)}\r\n"
    head = (
        f"HTTP/1.1 {status} {title_of(status)}\r\n{wait}"
        f"content-type: {PROBLEM_JSON}\r\ncontent-length: {len(body)}\r\n"
        f"x-request-id: {request_id}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body

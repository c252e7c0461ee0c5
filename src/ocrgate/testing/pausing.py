"""A server that now and then stands still, as one does that collects garbage or swaps."""

import asyncio
import re
from time import monotonic
from types import TracebackType
from typing import Self, cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n"
    b'{"text":"a page"}'
)


class PausingServer:
    """Answers whatever is posted after ``service`` s, but for ``pause`` s of every ``period`` s.

    While it stands still nothing is answered; then everything is at once. So with requests at a
    steady rate, the share ``pause / period`` of them waits, evenly from nothing to ``pause``.

    Args:
        service: seconds that one request takes, however many there are.
        pause: seconds of each period, at its end, in which the server stands still; 0 for never.
        period: seconds.
        port: to listen on; 0 for a free one.

    Attributes:
        answered: requests until now.
    """

    def __init__(
        self, service: float = 0.0, *, pause: float = 0.0, period: float = 10.0, port: int = 0
    ) -> None:
        self.answered = 0
        self._service = service
        self._pause, self._period = pause, period
        self._begun = monotonic()
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._port = port

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}/"

    async def __aenter__(self) -> Self:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self._begun = monotonic()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop all connections and stop listening."""
        self.stop()

    def stop(self) -> None:
        """As a server that dies: every connection is dropped, new ones are refused."""
        if self._server is not None:
            self._server.close()
        for connection in [*self._open]:
            connection.drop()

    def wait(self, now: float) -> float:
        """Seconds until a request that came at ``now`` is answered."""
        place = (now - self._begun) % self._period
        still = self._period - self._pause  # from then on it stands still
        if place >= still:
            return self._period - place + self._service
        late = self._pause if place + self._service > still else 0.0
        return self._service + late


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, server: PausingServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._left: int | None = None  # bytes of the body still to come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server._open.add(self)  # noqa: SLF001 - one thing in two classes

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base's name
        self._server._open.discard(self)  # noqa: SLF001 - see above
        self._transport = None

    def data_received(self, data: bytes) -> None:
        if self._left is None:
            head, blank, data = (self._head + data).partition(b"\r\n\r\n")
            self._head = b"" if blank else head
            if not blank:
                return
            found = _LENGTH.search(head)
            self._left = int(found[1]) if found else 0
        self._left -= len(data)
        if self._left <= 0:
            self._left = None
            loop = asyncio.get_running_loop()
            loop.call_later(self._server.wait(monotonic()), self._answer)

    def drop(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _answer(self) -> None:
        if self._transport is not None:
            self._server.answered += 1
            self._transport.write(_ANSWER)

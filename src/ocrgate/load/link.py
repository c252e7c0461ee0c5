"""HTTP/1.1 as a load generator needs it: little work a request, and every instant of it known.

One connection carries one request at a time and is kept. A connection that the server closed while
it was idle is noticed or, at worst, replaced once: a client in the field does the same.
"""

import asyncio
import errno
import os
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import httptools

from ocrgate.errors import EngineUnavailable, InvalidRequest

LARGEST = 64 * 2**20  # bytes of one answer
_CONNECT = 10.0  # seconds
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})
_INFORMATIONAL = range(100, 200)

Listener = Callable[[bytes, float], None]
"""Is handed pieces of the body as they come, with the instant."""


@dataclass(slots=True)
class Exchange:
    """One request and what came of it. Instants are of the monotonic clock, 0 where there is none.

    Attributes:
        sent: when its head was handed to the socket.
        first: when the first byte of the answer came; ``done``: its last, or the failure.
        status: of HTTP; 0 without an answer.
        headers: of the answer, names in lower case.
        body: of the answer, unless a listener took it.
        received: bytes of the body.
        failure: ``connect``, ``reset``, ``timeout``, ``protocol``, or ``client`` where this machine
            has no more descriptors or ports; empty for an answer.
        told: about the failure.
    """

    sent: float = 0.0
    first: float = 0.0
    done: float = 0.0
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    received: int = 0
    failure: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int
    secure: bool
    path: str

    @property
    def authority(self) -> str:
        """For the header ``Host``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Without a path."""
        return f"{'https' if self.secure else 'http'}://{self.authority}"


def parse_url(url: str) -> Address:
    """The parts of a URL; a port or host without a scheme means HTTP.

    Raises:
        InvalidRequest: it is none.
    """
    text = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        message = f"{url!r} is no address of a server such as http://127.0.0.1:7860"
        raise InvalidRequest(message, field="URL")
    secure = parts.scheme == "https"
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return Address(parts.hostname, port or (443 if secure else 80), secure, path)


class Link:
    """Connections to one server, as many as there are requests at the same time.

    Args:
        address: the server's.
        verify: whether the certificate of a secure server has to be good.
    """

    def __init__(self, address: Address, *, verify: bool = True) -> None:
        self.address = address
        self.opened = 0
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()
        self._place: tuple[str, int] | None = None
        self._context = _context(verify=verify) if address.secure else None

    async def find(self) -> None:
        """Look up the name and see which of its addresses answers, once for the whole run.

        Raises:
            EngineUnavailable: none does.
        """
        loop = asyncio.get_running_loop()
        address = self.address
        try:
            found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise EngineUnavailable(f"{address.host} is not known: {error.strerror}") from None
        reasons = []
        for *_, place in found:
            self._place = (str(place[0]), int(place[1]))
            try:
                self._idle.append(await self._connect())
            except (OSError, TimeoutError, ssl.SSLError) as error:
                reasons.append(_worded(error))
            else:
                return
        self._place = None
        raise EngineUnavailable(f"{address.url} cannot be reached: {reasons[0]}")

    async def ask(
        self, head: bytes, body: bytes, seconds: float, listener: Listener | None = None
    ) -> Exchange:
        """Send one request, ``head`` with its blank line, and wait ``seconds`` for the answer.

        Never raises but for cancellation, which hangs up.
        """
        exchange = Exchange()
        until = time.monotonic() + seconds
        again = await self._try(exchange, (head, body), until, listener)
        if again:  # it was closed while idle: nobody has seen the request
            await self._try(exchange, (head, body), until, listener, fresh=True)
        return exchange

    def close(self) -> None:
        """Close all connections, those in use too."""
        for connection in [*self._all]:
            connection.drop()
        self._idle.clear()

    async def _try(
        self,
        exchange: Exchange,
        request: tuple[bytes, bytes],
        until: float,
        listener: Listener | None,
        *,
        fresh: bool = False,
    ) -> bool:
        connection = None if fresh else self._take()
        reused = connection is not None
        if connection is None:
            try:
                connection = await self._connect(until - time.monotonic())
            except (OSError, TimeoutError) as error:
                exchange.done = time.monotonic()
                exchange.sent = exchange.sent or exchange.done
                exchange.failure = "timeout" if exchange.done >= until else _whose(error)
                exchange.told = _worded(error)
                return False
        exchange.failure = exchange.told = ""
        try:
            await connection.carry(exchange, request, until, listener)
        except BaseException:
            connection.drop()
            raise
        if connection.reusable:
            self._idle.append(connection)
        return reused and exchange.failure == "reset" and not exchange.first

    def _take(self) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
        return None

    async def _connect(self, seconds: float = _CONNECT) -> "_Connection":
        if self._place is None:
            raise ConnectionError("its address is not known")
        name = self.address.host if self._context else None
        async with asyncio.timeout(min(seconds, _CONNECT)):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self._all),
                *self._place,
                ssl=self._context,
                server_hostname=name,
            )
        self.opened += 1
        return connection


class _Connection(asyncio.Protocol):
    """One connection: what comes in belongs to the exchange that it carries."""

    def __init__(self, everyone: "set[_Connection]") -> None:
        self._everyone = everyone
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._exchange: Exchange | None = None
        self._listener: Listener | None = None
        self._done: asyncio.Future[None] | None = None
        self._pieces: list[bytes] = []
        self._keep = True
        self._interim = False
        self._headed = False
        self._now = 0.0

    @property
    def reusable(self) -> bool:
        """Whether another request may follow."""
        open_ = self._transport is not None and not self._transport.is_closing()
        return open_ and self._keep and self._exchange is None

    async def carry(
        self,
        exchange: Exchange,
        request: tuple[bytes, bytes],
        until: float,
        listener: Listener | None,
    ) -> None:
        """Send a request; the exchange tells how it went."""
        assert self._transport is not None
        self._exchange, self._listener = exchange, listener
        self._parser = httptools.HttpResponseParser(self)
        self._pieces, self._headed, self._interim = [], False, False
        self._done = self._loop.create_future()
        timer = self._loop.call_later(
            max(0.0, until - time.monotonic()), self._fail, "timeout", "no answer in time"
        )
        exchange.sent = time.monotonic()
        head, body = request
        if len(body) < 1 << 14:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))
        try:
            await self._done
        finally:
            timer.cancel()

    def drop(self) -> None:
        """Close at once, whatever is under way."""
        self._keep = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._everyone.add(self)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None or self._parser is None:
            self.drop()  # nobody asked
            return
        self._now = time.monotonic()
        if not exchange.first:
            exchange.first = self._now
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail("protocol", f"no HTTP answer: {error}")

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep = False
        self._everyone.discard(self)
        if self._exchange is None:
            return
        self._now = time.monotonic()
        if self._headed and not self._bounded and exc is None:
            self._finish()  # the end of the connection is the end of such an answer
        else:
            self._fail("reset", _worded(exc) if exc else "the connection was closed")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._exchange is not None:
            self._exchange.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        assert self._exchange is not None
        status = self._parser.get_status_code()
        self._interim = status in _INFORMATIONAL
        if self._interim:
            self._exchange.headers.clear()
        else:
            self._headed = True
            self._exchange.status = status

    def on_body(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        exchange.received += len(data)
        if exchange.received > LARGEST:
            self._fail("protocol", f"the answer has more than {LARGEST} bytes")
        elif self._listener is not None:
            self._listener(data, self._now)
        else:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        if self._interim or self._exchange is None:
            return
        assert self._parser is not None
        self._keep = self._keep and self._parser.should_keep_alive()
        self._finish()

    @property
    def _bounded(self) -> bool:
        headers = self._exchange.headers if self._exchange else {}
        return b"content-length" in headers or b"transfer-encoding" in headers

    def _finish(self) -> None:
        assert self._exchange is not None
        self._exchange.body = b"".join(self._pieces)
        self._end()

    def _fail(self, failure: str, told: str) -> None:
        if self._exchange is not None:
            self._now = time.monotonic()
            self._exchange.failure, self._exchange.told = failure, told
            self._end()
        self.drop()

    def _end(self) -> None:
        assert self._exchange is not None
        self._exchange.done = self._now
        self._exchange = self._listener = None
        if self._done is not None and not self._done.done():
            self._done.set_result(None)
        if not self._keep and self._transport is not None:
            self._transport.close()


def _context(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _whose(error: OSError) -> str:
    """Whether it is this machine that cannot open one more connection, or the other."""
    return "client" if error.errno in _OURS else "connect"


def _worded(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no connection in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    if isinstance(error, OSError) and (error.errno or 0) > 0:
        return os.strerror(error.errno or 0)  # loops have words of their own for the same
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

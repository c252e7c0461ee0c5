"""Bounds what a client may send: bytes, silence, slowness, and memory over all requests."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocrgate.errors import InvalidRequest, PayloadTooLarge, UnsupportedMedia
from ocrgate.gateway.budget import BytesInFlight, Lease
from ocrgate.gateway.exchange import Exchange

_LINGER_BYTES = 16 * 2**20
KEPT_BYTES = 2**20
"""Of a body that nobody wants: so much is passed over, a larger one costs its connection."""

_FORM_HEAD = 4096  # bytes that a form's own headers take at most, by a guess on the safe side


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may cost.

    Attributes:
        size: bytes of one body.
        silence: seconds between two pieces of it.
        rate: bytes per second below which a body is given up, after ``silence`` seconds of grace.
        total: seconds for all of it.
        linger: seconds in which a client that is still sending may read the answer.
    """

    size: int
    silence: float
    rate: float = 8 * 1024
    total: float = 600.0
    linger: float = 2.0

    def too_slow(self, size: int, seconds: float) -> bool:
        """Whether ``size`` bytes within ``seconds`` is slower than is waited for."""
        return seconds > self.total or size < self.rate * (seconds - self.silence)


class BodyBounds:
    """Refuses a body that is too large before any of it is read (so that a client which sent
    ``Expect: 100-continue`` never sends it), and gives up on one that trickles.

    Stands outside of :class:`~ocrgate.gateway.middleware.failures.Failures`: what it raises it
    raises out of ``receive``, so that only requests whose body is wanted can fail by it.

    Args:
        app: the application around which it stands.
        limits: bounds of one body.
        budget: bytes over all requests.
    """

    def __init__(self, app: ASGIApp, *, limits: BodyLimits, budget: BytesInFlight) -> None:
        self._app = app
        self._limits = limits
        self._budget = budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with Lease(self._budget) as lease:
            Exchange.of(scope).shrink = lease.shrink_to
            body = _Body(scope, self._limits, lease, receive, send)
            await self._app(scope, body.receive, body.send)


class _Body:
    """One body on its way in. ``pending`` while some of it has not been read."""

    def __init__(
        self,
        scope: Scope,
        limits: BodyLimits,
        lease: Lease,
        receive: Receive,
        send: Send,
    ) -> None:
        headers = joined(scope["headers"])
        asked = headers.get(b"connection", b"").lower()
        self._headers = headers
        self._closing = b"close" in asked or scope.get("http_version") == "1.0"
        self._limits = limits
        self._lease = lease
        self._receive = receive
        self._send = send
        self._size = 0
        self._started: float | None = None
        self.pending = (
            b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
        )

    @property
    def _passed_over(self) -> bool:
        """Whether the server may skip the body, none of which was read, and keep the connection.

        How long it waits for the rest is bounded in :mod:`ocrgate.gateway.protocol`.
        """
        if self._started is not None or self._closing or _awaits_permission(self._headers):
            return False  # with Expect, nobody knows whether the body will follow
        length = self._headers.get(b"content-length", b"")
        return length.isdigit() and int(length) <= KEPT_BYTES

    async def receive(self) -> Message:
        """The next message; the bounds hold while more of the body is to come."""
        if not self.pending:
            return await self._receive()
        if self._started is None:
            check_head(self._headers, self._limits.size)
            self._started = time.monotonic()
        message = await self._next(self._started)
        self.pending = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def _next(self, started: float) -> Message:
        try:
            async with asyncio.timeout(self._limits.silence):
                message = await self._receive()
        except TimeoutError:
            raise _slow(f"{self._limits.silence:g} s without a byte") from None
        if message["type"] != "http.request":
            return message
        self._count(len(message.get("body", b"")))
        if self._limits.too_slow(self._size, time.monotonic() - started):
            raise _slow(f"{self._limits.rate / 1024:g} kB/s")
        return message

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self._limits.size:
            raise _too_large(self._limits.size)
        self._lease.grow(size)

    async def send(self, message: Message) -> None:
        """Pass on the answer. When a large body was not read, or any not to its end, the connection
        is closed after it, but not before the client had time to read the answer.
        """
        if not self.pending or self._passed_over:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._lease.shrink_to(0)  # nobody reads on, and what was read has been let go
            closing = [*message.get("headers", ()), (b"connection", b"close")]
            await self._send({**message, "headers": closing})
        elif message.get("more_body", False):
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            await self._linger()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _linger(self) -> None:
        """Closing a socket with unread bytes resets it, and the client may lose the answer."""
        if self._started is None and _awaits_permission(self._headers):
            return  # it sends nothing before it is told to
        left = _LINGER_BYTES
        try:
            async with asyncio.timeout(self._limits.linger):
                while left > 0:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return
        except TimeoutError:
            return


def _awaits_permission(headers: Mapping[bytes, bytes]) -> bool:
    return headers.get(b"expect", b"").lower() == b"100-continue"


def joined(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    """Each name once, with all its values: what comes twice must not hide what came first."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = found[name] + b", " + value if name in found else value
    return found


def least_size(headers: Mapping[str, str]) -> int:
    """Bytes that the document in a body has at least, by its headers; 0 when they do not tell."""
    length = headers.get("content-length", "")
    if not length.isdigit():
        return 0
    kind = headers.get("content-type", "")
    size = int(length)
    if "json" in kind:
        return max(0, size * 3 // 4 - _FORM_HEAD)  # base64
    return max(0, size - _FORM_HEAD) if kind.startswith("multipart/") else size


def check_head(headers: Mapping[bytes, bytes], size: int) -> None:
    """Judge a body by what its headers say.

    Raises:
        PayloadTooLarge: it announces more than ``size`` bytes.
        UnsupportedMedia: it is compressed, or sent in another way than whole or in chunks.
        InvalidRequest: its length is no number.
    """
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnsupportedMedia(
            "compressed bodies are not read; images are compressed already",
            field="Content-Encoding",
        )
    if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
        raise UnsupportedMedia(
            "of transfer codings only chunked is read", field="Transfer-Encoding"
        )
    length = headers.get(b"content-length")
    if length is None:
        return
    if not length.isdigit():
        raise InvalidRequest("it is not a number of bytes", field="Content-Length")
    if int(length) > size:
        raise _too_large(size)


def _too_large(size: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"the body is larger than the {size} bytes that are read here",
        field="body",
        limit=f"{size} bytes",
    )


def _slow(limit: str) -> InvalidRequest:
    return InvalidRequest("the body arrived too slowly and was given up", field="body", limit=limit)

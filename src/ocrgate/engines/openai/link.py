"""The connection to one server: short questions, and streamed answers that end when we want.

Every failure of the transport leaves as one of :mod:`.faults`.
"""

import asyncio
import errno
import io
import os
import re
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp

from ocrgate.engines.openai.faults import (
    MAX_BODY,
    EngineBroke,
    EngineUnreachable,
    GarbledOutput,
    of_content,
    of_status,
)
from ocrgate.engines.openai.params import shown

CHAT = "/v1/chat/completions"
_KEEP_ALIVE = 3.0  # seconds; uvicorn, which most servers run on, closes after 5
_STALE = 1.0  # seconds after which a connection that closes was not closed before the page was sent
_ENDPOINT = re.compile(r"\(?'[^']*', \d+(?:, \d+)*\)?")  # as asyncio prints one
_LINGER = 0.2  # seconds for the end of a stream whose last event came, to keep the connection
_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """A short answer: the first :data:`~.faults.MAX_BODY` bytes, or as many as were asked for."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(slots=True)
class Stream:
    """An answer as it comes. ``ended`` is set by whoever has seen its last event."""

    chunks: AsyncIterator[bytes]
    ended: bool = False


class Link:
    """HTTP to one server.

    Args:
        url: its base URL, without ``/v1``.
        api_key: sent as a bearer token.
        connect: seconds to open a connection.

    Attributes:
        server: the address as it may be shown.
        has_key: whether a key is sent.
    """

    def __init__(self, url: str, *, api_key: str | None = None, connect: float = 5.0) -> None:
        self._url = url
        self.has_key = api_key is not None
        self._headers = {"Accept-Encoding": "identity"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._connect = connect
        self._session: aiohttp.ClientSession | None = None
        self._running: set[asyncio.Task[object]] = set()
        self._ended: set[asyncio.Task[object]] = set()
        self.server = shown(url)

    async def close(self) -> None:
        """Close all connections; whoever waits for one gets :class:`EngineBroke`.

        Safe to call twice; a later request opens anew.
        """
        self._ended = self._running - {asyncio.current_task()}
        for task in self._ended:  # the HTTP client would let them wait for ever
            task.cancel()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def get(self, path: str, *, seconds: float, most: int = MAX_BODY) -> Answer:
        """Ask for something small.

        Raises:
            EngineUnreachable, EngineBroke, GarbledOutput.
        """
        return await self._ask("GET", path, None, seconds, most)

    async def post(self, path: str, body: bytes, *, seconds: float) -> Answer:
        """Send something small.

        Raises:
            EngineUnreachable, EngineBroke, GarbledOutput.
        """
        return await self._ask("POST", path, body, seconds, MAX_BODY)

    async def _ask(
        self, method: str, path: str, body: bytes | None, seconds: float, most: int
    ) -> Answer:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        with self._translated(), self._tracked():
            async with (
                asyncio.timeout(seconds),
                self._open().request(
                    method, self._url + path, data=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                return Answer(response.status, await _bounded(response, most), response.headers)

    @asynccontextmanager
    async def chat(self, body: bytes) -> AsyncIterator[Stream]:
        """Send a chat completion; its answer as it comes.

        The connection is closed at once when the context is left before the end of the answer,
        by a cancellation above all: that is what tells the server to stop.

        Raises:
            EngineUnreachable, EngineUnusable, EngineBusy, EngineRejected, EngineBroke,
            PageTooLarge, GarbledOutput, RefusedOutput.
        """
        with self._translated(), self._tracked():
            response = await self._send(body)
            try:
                await self._must_stream(response)
                stream = Stream(response.content.iter_any())
                yield stream
                if stream.ended:
                    await _linger(response)
            finally:
                response.close()  # closes the connection unless the answer was read to its end

    async def _send(self, body: bytes) -> aiohttp.ClientResponse:
        """Send a completion and wait for the head of its answer.

        A kept connection may have been closed by the server since its last answer (llama.cpp does
        so after every streamed one). Then nothing was done, and another connection is taken; every
        turn uses one up, so there is an end. That shows at once: a server that takes longer has
        taken the page and may have died of it, so it is not given it again from here.
        """
        headers = {"Content-Type": "application/json", "Accept": _STREAM}
        while True:
            kept, sent = _Kept(), asyncio.get_running_loop().time()
            try:
                # A file object, since plain bytes of this size would be written in one go.
                return await self._open().post(
                    self._url + CHAT,
                    data=io.BytesIO(body),
                    headers=headers,
                    allow_redirects=False,
                    trace_request_ctx=kept,
                )
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if not kept.reused or asyncio.get_running_loop().time() > sent + _STALE:
                    raise

    async def _must_stream(self, response: aiohttp.ClientResponse) -> None:
        if response.status != 200:
            raise of_status(
                response.status,
                await _bounded(response, MAX_BODY),
                response.headers,
                server=self.server,
                has_key=self.has_key,
            )
        if response.content_type != _STREAM:
            body = await _bounded(response, MAX_BODY)
            raise of_content(response.headers.get("Content-Type", ""), body, self.server)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=self._connect, sock_read=None
                ),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[_watching_reuse()],
            )
        return self._session

    @contextmanager
    def _tracked(self) -> Iterator[None]:
        """Let :meth:`close` end what runs here, and tell that from a cancellation by the caller."""
        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        self._running.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if task in self._ended and task.uncancel() <= before:
                raise EngineBroke(f"the connection to {self.server} was closed here") from None
            raise
        finally:
            self._running.discard(task)
            self._ended.discard(task)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """What the HTTP client raises, in our words. Order matters: later classes hold earlier."""
        try:
            yield
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientSSLError,
        ) as error:
            raise EngineUnreachable(f"{self.server} cannot be reached: {_why(error)}") from error
        except aiohttp.InvalidURL:  # which repeats the address with the password in it
            raise EngineUnreachable(f"{self.server} is no address") from None
        except aiohttp.ClientResponseError as error:
            raise GarbledOutput(f"{self.server} does not speak HTTP: {error.message}") from error
        except aiohttp.ClientError as error:
            raise EngineBroke(f"{self.server} broke off: {error}") from error
        except TimeoutError as error:
            raise EngineUnreachable(f"{self.server} does not answer in time") from error
        except ConnectionError as error:
            raise EngineBroke(f"{self.server} broke off: {error}") from error


@dataclass(slots=True)
class _Kept:
    """Whether a request went out on a connection that had served before."""

    reused: bool = False


def _watching_reuse() -> aiohttp.TraceConfig:
    async def note(_session: object, context: SimpleNamespace, _params: object) -> None:
        if isinstance(context.trace_request_ctx, _Kept):
            context.trace_request_ctx.reused = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(note)
    return trace


async def _bounded(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The first ``most`` bytes of the body; a body that breaks off gives what there was."""
    parts: list[bytes] = []
    left = most
    try:
        while left > 0 and (part := await response.content.read(left)):
            parts.append(part)
            left -= len(part)
    except aiohttp.ClientPayloadError:
        if not parts:
            raise
    return b"".join(parts)


async def _linger(response: aiohttp.ClientResponse) -> None:
    """Read what little may be left after the last event, so that the connection can be used again.

    Without waiting for a server that does not end its answer.
    """
    try:
        async with asyncio.timeout(_LINGER):
            if not await response.content.readany():
                response.release()
    except (TimeoutError, aiohttp.ClientError):
        pass


def _why(error: aiohttp.ClientError) -> str:
    """What the system says of a connection that was not made, without the address in it: that
    stands before it already, and strangers may not see it.
    """
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "there was no connection in time"
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message})"
    if isinstance(cause, ssl.SSLError):
        return f"it does not speak TLS ({cause.reason})"
    if isinstance(cause, OSError) and cause.errno and cause.errno in errno.errorcode:
        return os.strerror(cause.errno).lower()
    if isinstance(cause, OSError) and cause.strerror:
        return _ENDPOINT.sub("", cause.strerror).strip().lower()
    return type(cause or error).__name__

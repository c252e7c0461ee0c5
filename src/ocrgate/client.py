"""A typed client of the HTTP contract, blocking and asynchronous.

    with Client("http://127.0.0.1:7860") as client:
        reply = client.read("page.png")
        Path("page.pdf").write_bytes(client.convert("page.png", "pdf"))

Errors of the server come back as the same classes of :mod:`ocrgate.errors` that it raised. A
refusal is retried when the time given allows the wait that the server named.
"""

import asyncio
import os
import random
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import msgspec

from ocrgate.domain.recognition import Quality, Task
from ocrgate.domain.ticket import Lane
from ocrgate.errors import (
    DeadlineExceeded,
    EngineUnavailable,
    InternalError,
    InvalidRequest,
    OcrgateError,
    leaves,
)
from ocrgate.wire.ocr import LEAST_SECONDS, OcrReply
from ocrgate.wire.problem import Problem
from ocrgate.wire.status import Health, Version

__all__ = ["AsyncClient", "Client", "Converted", "Reading"]

DEFAULT_URL = "http://127.0.0.1:7860"
Source = str | Path | bytes
T = TypeVar("T")

_BY_CODE = {kind.code: kind for kind in leaves()}
_problem = msgspec.json.Decoder(Problem)
_reply = msgspec.json.Decoder(OcrReply)
_health = msgspec.json.Decoder(Health)
_version = msgspec.json.Decoder(Version)
_BACKOFF = 0.5  # seconds before the second attempt where the server names no wait; doubles
_LONGEST_BACKOFF = 8.0
_SPREAD = random.SystemRandom()  # clients that were refused together come back one by one
_MOST_QUERY = 2000  # characters, each of which may become nine; a server's heads have a bound
_SLACK = 2.0  # seconds beyond the caller's time in which the server's own 504 may still arrive


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What to ask for beside the document.

    Attributes:
        task: what to read for; without it what the format shows most of.
        language: a hint; engines may ignore it.
        pages: 1-based pages and ranges such as ``1-3,7``; all without it.
        quality: work that may be spent on a page.
        keys: names of the fields wanted (task ``fields``).
        schema: JSON schema of the fields wanted, instead of ``keys``.
        target: language to translate into, ``en`` or ``zh`` (task ``translate``).
        prompt: your own words for the model, on servers that allow it.
        max_tokens: most tokens that a page may be written in.
        lane: class of traffic, never above the key's own.
        timeout: seconds for everything, retries and waits included; no more than the server
            allows one request (``server.max_timeout``, 600 unless it was set).
    """

    task: Task | None = None
    language: str | None = None
    pages: str | None = None
    quality: Quality = Quality.AUTO
    keys: Sequence[str] = ()
    schema: Mapping[str, Any] | None = None
    target: str | None = None
    prompt: str | None = None
    max_tokens: int | None = None
    lane: Lane | None = None
    timeout: float = 60.0

    def query(self, output: str) -> dict[str, str]:
        """The query parameters."""
        asked = {
            "task": self.task and str(self.task),
            "quality": str(self.quality),
            "format": output,
            "language": self.language,
            "pages": self.pages,
            "keys": msgspec.json.encode(list(self.keys)).decode() if self.keys else None,
            "schema": None if self.schema is None else msgspec.json.encode(self.schema).decode(),
            "target": self.target,
            "prompt": self.prompt,
            "max_tokens": None if self.max_tokens is None else str(self.max_tokens),
        }
        return {name: value for name, value in asked.items() if value is not None}


DEFAULTS = Reading()


@dataclass(slots=True)
class _Attempts:
    """The time of one call, and what to do about each failure."""

    timeout: float
    most: int
    made: int = 0
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.timeout

    def left(self) -> float:
        """Seconds that are left.

        Raises:
            DeadlineExceeded: none.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(f"no answer within {self.timeout:g} s")
        return left

    def pause(self, error: OcrgateError) -> float:
        """Seconds to wait before the next attempt, or raise the error again.

        Raises:
            OcrgateError: it is not worth a retry, or its wait does not fit into the time left.
        """
        self.made += 1
        backoff = min(_LONGEST_BACKOFF, _BACKOFF * 2 ** (self.made - 1))
        wait = error.retry_after if error.retry_after is not None else backoff
        wait *= _SPREAD.uniform(1.0, 1.1)
        if not error.retryable or self.made > self.most or wait >= self.deadline - time.monotonic():
            raise error
        return wait


@dataclass(frozen=True, slots=True)
class _Call:
    """One call, ready to be sent as often as needed."""

    method: str
    path: str
    reading: Reading = DEFAULTS
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def request(self, http: httpx.Client | httpx.AsyncClient, left: float) -> httpx.Request:
        """The request to send, with ``left`` seconds to go."""
        headers = {}
        if self.body is not None:
            headers["x-request-timeout"] = f"{max(left, LEAST_SECONDS):.3f}"
        if self.body is not None and not self._in_a_form:
            headers["content-type"] = "application/octet-stream"
        if self.reading.lane:
            headers["x-priority"] = str(self.reading.lane)
        return http.build_request(
            self.method,
            self.path,
            headers=headers,
            timeout=httpx.Timeout(left + _SLACK, connect=left),
            **self._content(),
        )

    @property
    def _in_a_form(self) -> bool:
        """Whether the options, such as a schema, are too long for an address."""
        return sum(map(len, self.query.values())) > _MOST_QUERY

    def _content(self) -> dict[str, Any]:
        if self._in_a_form:
            return {"data": dict(self.query), "files": {"file": ("document", self.body)}}
        return {"params": dict(self.query), "content": self.body}


class Converted(bytes):
    """A document in another format, as the bytes of its file.

    Attributes:
        warnings: what to know of its pages, each once, such as ``low_confidence``.
        degraded: what its pages got less of since the server was under pressure, each once.
    """

    warnings: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()

    @classmethod
    def of(cls, response: httpx.Response, output: str) -> Self:
        """The body of an answer and what its headers tell of it.

        Raises:
            InternalError: it is a page for people, such as a proxy asks for a login with.
        """
        is_page = response.headers.get("content-type", "").startswith("text/html")
        if is_page and output not in {"hocr", "html"}:
            raise _stranger(response)
        made = cls(response.content)
        made.warnings = _listed(response, "x-ocr-warnings")
        made.degraded = _listed(response, "x-ocr-degraded")
        return made


def _listed(response: httpx.Response, header: str) -> tuple[str, ...]:
    words = response.headers.get(header, "").split(",")
    return tuple(word for each in words if (word := each.strip()))


def _ocr_call(data: bytes, output: str, reading: Reading) -> _Call:
    if not data:
        raise InvalidRequest("it is empty", field="file")
    return _Call("POST", "/ocr", reading, reading.query(output), data)


def _read_file(source: Source) -> bytes:
    return source if isinstance(source, bytes) else Path(source).read_bytes()


def _checked(response: httpx.Response) -> httpx.Response:
    """A good answer.

    Raises:
        OcrgateError: the error behind a bad one.
    """
    if response.is_success:
        return response
    raise error_of(response)


def error_of(response: httpx.Response) -> OcrgateError:
    """The error that the server raised, as the same class with the same facts."""
    try:
        told = _problem.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _unknown(response)
    error = _BY_CODE.get(told.code, InternalError)(told.detail)
    error.field, error.limit, error.retry_after = told.field, told.limit, told.retry_after
    if isinstance(error, DeadlineExceeded) and told.where == "engine":
        error.where = "engine"
    return error


def _unknown(response: httpx.Response) -> OcrgateError:
    """An answer that is none of ours: something stands between."""
    detail = f"{response.request.url.host} answered {response.status_code} without saying why"
    if response.is_redirect:
        place = response.headers.get("location", "elsewhere")
        return InvalidRequest(f"{detail}: it sends on to {place}; ask there", field="base_url")
    away = {httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT}
    return (EngineUnavailable if response.status_code in away else InternalError)(detail)


def _stranger(response: httpx.Response) -> InternalError:
    host = response.request.url.host
    return InternalError(f"{host} answered {response.status_code}, but not as ocrgate does")


def _decoded(decoder: msgspec.json.Decoder[T], response: httpx.Response) -> T:
    """A good answer as a value.

    Raises:
        InternalError: it is none of ours.
    """
    try:
        return decoder.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _stranger(response) from None


def _transport_error(raised: httpx.RequestError, url: httpx.URL) -> OcrgateError:
    if isinstance(raised, httpx.DecodingError):
        return InternalError(f"what answers at {url} is no ocrgate server: {raised}")
    if isinstance(raised, httpx.TimeoutException):
        return DeadlineExceeded(f"no answer from {url} in time")
    return EngineUnavailable(f"{url} cannot be reached: {_reason(raised)}")


def _reason(raised: BaseException) -> str:
    """What the system said at the bottom of it: refused, no such name, no TLS there."""
    first = raised
    while inner := first.__cause__ or first.__context__:
        first = inner
    if isinstance(first, ssl.SSLError | socket.gaierror):  # their numbers are not the system's
        return first.strerror or str(first)
    if isinstance(first, OSError) and first.errno:
        return os.strerror(first.errno)
    return str(raised) or type(raised).__name__


def _auth(api_key: str | None) -> dict[str, str]:
    if api_key and not (api_key.isascii() and api_key.isprintable()):
        raise InvalidRequest("a key is made of plain letters and digits", field="api_key")
    return {"authorization": f"Bearer {api_key}"} if api_key else {}


class Client:
    """Talks to one server, over connections that are kept. Close it, or use it as a context.

    Args:
        base_url: the server.
        api_key: where it asks for one.
        retries: attempts after the first, for refusals and broken engines only.
        transport: how requests travel, for tests and proxies; the default is HTTP.
        sleep: how to wait between attempts.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        retries: int = 3,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._retries = retries
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=base_url, headers=_auth(api_key), transport=transport, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def read(self, source: Source, reading: Reading = DEFAULTS) -> OcrReply:
        """The text of a document and where it stands.

        Args:
            source: a file's path, or its bytes.
            reading: what to ask for.

        Raises:
            OcrgateError: what the server raised, or why it could not be asked.
            OSError: the file cannot be read.
        """
        return _decoded(_reply, self._ask(_ocr_call(_read_file(source), "json", reading)))

    def convert(self, source: Source, output: str, reading: Reading = DEFAULTS) -> Converted:
        """A document as ``text``, ``markdown``, ``json``, ``hocr``, ``alto`` or ``pdf``.

        Raises what :meth:`read` raises.
        """
        answer = self._ask(_ocr_call(_read_file(source), output, reading))
        return Converted.of(answer, output)

    def health(self) -> Health:
        """What the server says of itself."""
        return _decoded(_health, self._ask(_Call("GET", "/health")))

    def version(self) -> Version:
        """Which program answers."""
        return _decoded(_version, self._ask(_Call("GET", "/version")))

    def _ask(self, call: _Call) -> httpx.Response:
        attempts = _Attempts(call.reading.timeout, self._retries)
        while True:
            try:
                return self._once(call, attempts.left())
            except OcrgateError as error:
                self._sleep(attempts.pause(error))

    def _once(self, call: _Call, left: float) -> httpx.Response:
        try:
            return _checked(self._http.send(call.request(self._http, left)))
        except (httpx.TransportError, httpx.DecodingError) as raised:
            raise _transport_error(raised, self._http.base_url) from raised


class AsyncClient:
    """The same for an event loop. Cancelling a call hangs up, and the server stops its work.

    Args:
        base_url: the server.
        api_key: where it asks for one.
        retries: attempts after the first, for refusals and broken engines only.
        transport: how requests travel, for tests and proxies; the default is HTTP.
        sleep: how to wait between attempts.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        retries: int = 3,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._retries = retries
        self._sleep = sleep
        self._http = httpx.AsyncClient(
            base_url=base_url, headers=_auth(api_key), transport=transport, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def read(self, source: Source, reading: Reading = DEFAULTS) -> OcrReply:
        """The text of a document and where it stands; as :meth:`Client.read`."""
        data = await asyncio.to_thread(_read_file, source)
        return _decoded(_reply, await self._ask(_ocr_call(data, "json", reading)))

    async def convert(self, source: Source, output: str, reading: Reading = DEFAULTS) -> Converted:
        """A document in another format; as :meth:`Client.convert`."""
        data = await asyncio.to_thread(_read_file, source)
        answer = await self._ask(_ocr_call(data, output, reading))
        return Converted.of(answer, output)

    async def health(self) -> Health:
        """What the server says of itself."""
        return _decoded(_health, await self._ask(_Call("GET", "/health")))

    async def version(self) -> Version:
        """Which program answers."""
        return _decoded(_version, await self._ask(_Call("GET", "/version")))

    async def _ask(self, call: _Call) -> httpx.Response:
        attempts = _Attempts(call.reading.timeout, self._retries)
        while True:
            try:
                return await self._once(call, attempts.left())
            except OcrgateError as error:
                await self._sleep(attempts.pause(error))

    async def _once(self, call: _Call, left: float) -> httpx.Response:
        try:
            return _checked(await self._http.send(call.request(self._http, left)))
        except (httpx.TransportError, httpx.DecodingError) as raised:
            raise _transport_error(raised, self._http.base_url) from raised

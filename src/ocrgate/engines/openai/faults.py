"""What went wrong between us and a server, as errors of the one tree.

Each error says with ``replica_fault`` whose fault it is, so that a breaker opens for a server that
is broken and never for one that answers properly to a request that was wrong:

=====================================================  ==================  =============  =====
what the server did                                    error               code           fault
=====================================================  ==================  =============  =====
cannot be reached: refused, DNS, TLS, connect timeout  EngineUnreachable   unavailable    yes
is still loading; 502, 503, 504 without a known text   EngineUnreachable   unavailable    yes
5xx of a server whose engine had died before           EngineUnreachable   unavailable    yes
401, 403; 404, 405; 3xx; a server without vision       EngineUnusable      unavailable    no
429, 503 and 529 "busy", "queue is full", "backlog"    EngineBusy          engine_failed  no
400 encoder cache, context too long, image too narrow  PageTooLarge        document_limit no
413                                                    PageTooLarge        document_limit no
any other 4xx                                          EngineRejected      engine_failed  no
any other 5xx; reset, timeout or end in mid-answer     EngineBroke         engine_failed  yes
finish_reason abort, as of a server that is shut down  EngineAborted       engine_failed  yes
finish_reason error or one that is not known           EngineBroke         engine_failed  yes
200 that is not a stream of chat chunks                GarbledOutput       bad_output     yes
200 with an error object, plain or in the stream       GarbledOutput       bad_output     yes
the same with 429, 503 or 529 and a text as above      EngineBusy          engine_failed  no
the same with a text as of a 400 and no code from 500  PageTooLarge        document_limit no
the same with another below 500; content_filter        RefusedOutput       bad_output     no
=====================================================  ==================  =============  =====

A 4xx to a body that we wrote is not the caller's fault (that would be ``invalid_request``) unless
the page is what is wrong, and trying again cannot help: ``EngineRejected`` is not retryable.
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import ClassVar

import msgspec

from ocrgate.errors import (
    BadEngineOutput,
    DocumentLimit,
    EngineFailed,
    EngineUnavailable,
    OcrgateError,
)

MAX_BODY = 64 * 1024
"""Bytes read of the body of an answer that is no stream."""

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What comes of decoding JSON that is none, is not in UTF-8, or is nested absurdly."""

_SHOWN = 300  # characters of a server's own words that are repeated


class EngineUnreachable(EngineUnavailable):
    """The engine's server cannot be reached."""

    replica_fault: ClassVar[bool] = True


class EngineUnusable(EngineUnavailable):
    """The engine's server is there but cannot be used as it is set up."""

    replica_fault: ClassVar[bool] = False


class EngineBusy(EngineFailed):
    """The engine's server takes no more work at the moment."""

    replica_fault: ClassVar[bool] = False


class EngineRejected(EngineFailed):
    """The engine's server did not accept what it was asked."""

    retryable = False
    replica_fault: ClassVar[bool] = False


class EngineBroke(EngineFailed):
    """The engine's server broke off while it worked on this page."""

    replica_fault: ClassVar[bool] = True


class EngineAborted(EngineBroke):
    """The engine's server gave up this page, as one that is shut down does."""


class PageTooLarge(DocumentLimit):
    """The page is larger than the engine's server takes."""

    replica_fault: ClassVar[bool] = False


class GarbledOutput(BadEngineOutput):
    """The engine's server answered with something else than a reading."""

    replica_fault: ClassVar[bool] = True


class RefusedOutput(BadEngineOutput):
    """The model gave no reading of this page."""

    replica_fault: ClassVar[bool] = False


def is_replica_fault(error: BaseException) -> bool:
    """Whether ``error`` speaks against the server, not against the request."""
    return bool(getattr(error, "replica_fault", False))


_BUSY = re.compile(
    r"currently busy|backlog limit|queue is full|queue full|too many (?:pending )?requests|"
    r"overloaded|no available capacity|rate limit",
    re.IGNORECASE,
)
_LOADING = re.compile(r"loading model|starting up|is not ready|warming up", re.IGNORECASE)
_DEAD = re.compile(r"EngineCore encountered an issue|EngineDeadError")
_TOO_LARGE = re.compile(
    r"encoder cache|context length|maximum model length|available context size|"
    r"exceed_context_size|max_num_tokens|aspect ratio|too narrow|longer than the model|"
    r"is too long|too many pixels|image (?:is )?too large",
    re.IGNORECASE,
)
_BLIND = re.compile(
    r"at most 0 image|not a multimodal model|image input is not supported|mmproj|"
    r"does not support image|multimodal is not supported|no vision",
    re.IGNORECASE,
)
_NARROW = re.compile(r"aspect ratio|too narrow|Failed to apply \w+ on data", re.IGNORECASE)


class _Inner(msgspec.Struct):
    message: object = None
    type: object = None
    code: object = None


class _Envelope(msgspec.Struct):
    error: _Inner | str | None = None
    detail: object = None
    message: object = None


_decode = msgspec.json.Decoder(_Envelope).decode


def message_of(body: bytes) -> str:
    """What an error body says, in at most some hundred characters and on one line.

    OpenAI's and FastAPI's envelopes are opened, anything else is taken as text without its tags.
    """
    try:
        envelope = _decode(body)
    except UNREADABLE:
        text = re.sub(r"<[^>]*>", " ", body[:MAX_BODY].decode(errors="replace"))
    else:
        inner = envelope.error.message if isinstance(envelope.error, _Inner) else envelope.error
        text = str(inner or envelope.message or envelope.detail or "")
    return " ".join(text.split())[:_SHOWN]


def of_status(
    status: int, body: bytes, headers: Mapping[str, str], *, server: str, has_key: bool = False
) -> OcrgateError:
    """The error for an answer whose status is not 200.

    Args:
        status: of the answer.
        body: its first :data:`MAX_BODY` bytes.
        headers: of the answer; names in any case if the mapping allows it.
        server: the server's address as it may be shown.
        has_key: whether a key was sent.
    """
    said = message_of(body)
    if _BLIND.search(said):
        return EngineUnusable(
            f"{server} serves a model that takes no images ({said}); serve one that reads pages"
        )
    if status in {429, 529} or (status == 503 and _BUSY.search(said)):
        return EngineBusy(
            f"{server} is busy: {said or status}", retry_after=retry_after(headers) or 1.0
        )
    if 300 <= status < 400:
        return _redirected(status, headers, server)
    if status >= 500:
        return _of_server_error(status, said, headers, server)
    return _of_client_error(status, said, server, has_key)


def _of_server_error(
    status: int, said: str, headers: Mapping[str, str], server: str
) -> OcrgateError:
    if _DEAD.search(said):  # a page that was begun has status 200 and its error in the stream
        return EngineUnreachable(f"the engine of {server} has died: {said}")
    if status in {502, 503, 504} or _LOADING.search(said):
        return EngineUnreachable(
            f"{server} is not ready: {status} {said}".rstrip(), retry_after=retry_after(headers)
        )
    return EngineBroke(f"{server} failed: {status} {said}".rstrip())


def _of_client_error(status: int, said: str, server: str, has_key: bool) -> OcrgateError:
    if status in {401, 403}:
        what = "refuses the key in engine.api_key" if has_key else "asks for a key: engine.api_key"
        return EngineUnusable(f"{server} {what} ({status} {said})")
    if status in {404, 405}:
        return EngineUnusable(
            f"{server} answers {status} {said}; is engine.url its base URL, and engine.model a "
            "name that it serves?"
        )
    if status == 413:
        return PageTooLarge(f"{server} takes no bodies as large as this page: {said}".rstrip(": "))
    if _is_too_large(said):
        return PageTooLarge(f"the page is more than {server} takes at once: {said}")
    return EngineRejected(f"{server} did not accept the request: {status} {said}".rstrip())


def _is_too_large(said: str) -> bool:
    return bool(_TOO_LARGE.search(said) or _NARROW.search(said))


def _redirected(status: int, headers: Mapping[str, str], server: str) -> OcrgateError:
    place = headers.get("Location", "elsewhere")[:_SHOWN]
    return EngineUnusable(
        f"{server} redirects to {place} ({status}); name the final address in engine.url"
    )


def of_error_object(body: bytes, server: str) -> BadEngineOutput | EngineBusy | PageTooLarge:
    """The error for an ``error`` object where a reading was due, under status 200.

    vLLM refuses a streamed request so when its queue is full: busy, and not broken. SGLang and
    llama.cpp tell so that a prompt is longer than the context.
    """
    code, said = _code_of(body), message_of(body)
    if code in {429, 503, 529} and _BUSY.search(said):
        return EngineBusy(f"{server} is busy: {said}", retry_after=1.0)
    if (code is None or code < 500) and _is_too_large(said):
        return PageTooLarge(f"the page is more than {server} takes at once: {said}")
    kind = RefusedOutput if code is not None and 400 <= code < 500 else GarbledOutput
    return kind(f"{server} broke off with an error: {said}")


def _code_of(body: bytes) -> int | None:
    """The code of an error object; None where it is a word, such as OpenAI's, or none is told."""
    try:
        error = _decode(body).error
    except UNREADABLE:
        return None
    code = str(error.code) if isinstance(error, _Inner) else ""
    return int(code) if re.fullmatch(r"\d{1,5}", code, re.ASCII) else None


def of_content(
    content_type: str, body: bytes, server: str
) -> BadEngineOutput | EngineBusy | PageTooLarge:
    """The error for a 200 that is no stream of events."""
    if b'"error"' in body:
        return of_error_object(body, server)
    return GarbledOutput(
        f"{server} answered {content_type or 'without a content type'} where a stream of events "
        f"was due: {message_of(body)}"
    )


def of_finish(reason: str, server: str) -> OcrgateError:
    """The error for a ``finish_reason`` that is no clean end."""
    if reason == "content_filter":
        return RefusedOutput(f"{server} withheld the text of this page (content_filter)")
    kind = EngineAborted if reason == "abort" else EngineBroke
    return kind(f"{server} broke off with finish_reason {reason[:40]!r}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a ``Retry-After``, as a number or as a date beside the answer's ``Date``."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(min(int(value[:9]), 3600))
    try:
        then, now = (parsedate_to_datetime(v) for v in (value, headers.get("Date", "")))
        return min(max((then - now).total_seconds(), 0.0), 3600.0)
    except (ValueError, TypeError, OverflowError):
        return None

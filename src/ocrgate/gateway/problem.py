"""Errors as HTTP answers: the only module that knows status numbers.

One table serves three shapes of body: Mistral's under ``/v1/ocr``, OpenAI's envelope under the rest
of ``/v1``, also where nothing is served, problem details (RFC 9457) everywhere else.
"""

import math
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from ocrgate import errors
from ocrgate.errors import OcrgateError
from ocrgate.gateway.exchange import Exchange
from ocrgate.wire.problem import (
    MistralError,
    MistralInvalid,
    OpenAIError,
    OpenAIErrorBody,
    Problem,
)

STATUS: Mapping[type[OcrgateError], int] = {
    errors.InvalidRequest: 422,
    errors.UnsupportedMedia: 415,
    errors.UnreadableDocument: 422,
    errors.PayloadTooLarge: 413,
    errors.DocumentLimit: 413,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.RateLimited: 429,
    errors.Overloaded: 429,
    errors.Draining: 503,
    errors.EngineUnavailable: 503,
    errors.BreakerOpen: 503,
    errors.EngineFailed: 502,
    errors.BadEngineOutput: 502,
    errors.DeadlineExceeded: 504,
    errors.InternalError: 500,
}
NOT_READY = 503
MALFORMED = 400  # not even HTTP
HEAD_TOO_LARGE = 431
CLIENT_GONE = 499  # a label of metrics and logs; nobody is left to receive it

PROBLEM_JSON = "application/problem+json"
JSON = "application/json"

_ENGINE_AWAY = 5.0  # seconds between tries to reach an engine that is not there
_LONGEST_PATH = 100  # characters of what was asked for that an answer repeats

_encode = msgspec.json.Encoder().encode
_TITLES = {
    413: "Content Too Large",
    422: "Unprocessable Content",
    431: "Request Header Fields Too Large",
}


_ADDRESS = re.compile(r"https?://[^\s,;)\"']*[^\s,;:.)\"']")


def status_of(error: OcrgateError) -> int:
    """The HTTP status of an error; that of its nearest listed ancestor, else 500."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def title_of(status: int) -> str:
    """A short name of a status, the same for every Python version."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


def type_of(code: str) -> str:
    """Names the kind of problem: an anchor in this server's own ``/docs``."""
    return f"/docs#{code}"


def public(detail: str) -> str:
    """What strangers may read: without the addresses of servers behind this one."""
    return _ADDRESS.sub("the engine's server", detail)


def wait_of(error: OcrgateError) -> float | None:
    """Seconds after which the same request may be answered; None where it never will, or now."""
    if error.retry_after is None and isinstance(error, errors.EngineUnavailable):
        return _ENGINE_AWAY
    return error.retry_after


def problem(error: OcrgateError, request_id: str, status: int | None = None) -> Problem:
    """Problem details of an error."""
    number = status or status_of(error)
    return Problem(
        type=type_of(error.code),
        title=title_of(number),
        status=number,
        detail=public(error.detail),
        instance=f"urn:ocrgate:request:{request_id}",
        code=error.code,
        retryable=error.retryable,
        retry_after=wait_of(error),
        field=error.field,
        limit=error.limit,
        where=getattr(error, "where", None),
    )


def openai_error(error: OcrgateError) -> OpenAIError:
    """OpenAI's envelope of an error."""
    kind = "server_error" if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR else _kind(error)
    return OpenAIError(OpenAIErrorBody(public(error.detail), kind, error.field, error.code))


def _kind(error: OcrgateError) -> str:
    named: dict[type[OcrgateError], str] = {
        errors.Unauthenticated: "authentication_error",
        errors.Forbidden: "permission_error",
        errors.RefusedError: "rate_limit_error",
    }
    found = (name for kind, name in named.items() if isinstance(error, kind))
    return next(found, "invalid_request_error")


def mistral_error(error: OcrgateError, request_id: str) -> MistralError:
    """Mistral's error body; for an unprocessable request with the list its client looks for."""
    listed = status_of(error) == HTTPStatus.UNPROCESSABLE_ENTITY
    where = ["body", error.field] if error.field else ["body"]
    return MistralError(
        object="error",
        message=public(error.detail),
        type=error.code,
        code=error.code,
        request_id=request_id,
        param=error.field,
        detail=[MistralInvalid(where, public(error.detail), error.code)] if listed else None,
    )


def _body(error: OcrgateError, path: str, request_id: str, status: int) -> tuple[bytes, str]:
    if path.startswith("/v1/ocr"):
        return _encode(mistral_error(error, request_id)), JSON
    if path.startswith("/v1/"):
        return _encode(openai_error(error)), JSON
    return _encode(problem(error, request_id, status)), PROBLEM_JSON


def respond(
    error: OcrgateError, path: str, exchange: Exchange, status: int | None = None
) -> Response:
    """The answer for an error, in the shape of the contract that ``path`` belongs to."""
    exchange.error = error.code
    number = status or status_of(error)
    body, media = _body(error, path, exchange.request_id, number)
    headers = {**_headers(error, path), **exchange.quota}
    return Response(body, number, headers=headers, media_type=media)


def _headers(error: OcrgateError, path: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    if (seconds := wait_of(error)) is not None:
        headers["retry-after"] = str(max(1, math.ceil(seconds)))
    if isinstance(error, errors.Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    if path.startswith("/v1/chat") and not error.retryable:
        headers["x-should-retry"] = "false"  # the official client would retry every 5xx
    return headers


def unrouted(raised: HTTPException, scope: Scope) -> Response:
    """What routing itself refuses: no such path, no such method on it."""
    path = scope["path"]
    shown = path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]}..."
    known: dict[int, Callable[[], OcrgateError]] = {
        404: lambda: errors.NotFound(f"there is no {shown} here"),
        405: lambda: errors.InvalidRequest(
            f"{scope['method']} is not served at {shown}", field="method"
        ),
    }
    error = known.get(raised.status_code, errors.InternalError)()
    answer = respond(error, path, Exchange.of(scope), raised.status_code)
    answer.headers.update(raised.headers or {})
    return answer

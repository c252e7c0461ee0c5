"""Errors as HTTP answers."""

import json

import pytest

from ocrgate import errors
from ocrgate.errors import EngineFailed, OcrgateError, leaves
from ocrgate.gateway.exchange import Exchange
from ocrgate.gateway.problem import STATUS, openai_error, problem, respond, status_of

PUBLISHED = {
    "invalid_request": 422,
    "unsupported_media": 415,
    "unreadable_document": 422,
    "payload_too_large": 413,
    "document_limit": 413,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "gone": 410,
    "rate_limited": 429,
    "overloaded": 429,
    "engine_unavailable": 503,
    "breaker_open": 503,
    "draining": 503,
    "engine_failed": 502,
    "bad_engine_output": 502,
    "deadline_exceeded": 504,
    "internal": 500,
}
PATHS = (
    "/ocr",
    "/v1/ocr",
    "/v1/chat/completions",
    "/v1/models",
    "/v1/responses",  # not served; who asks speaks OpenAI's contract all the same
    "/nowhere",
)


def answer(
    error: OcrgateError, path: str = "/ocr"
) -> tuple[int, dict[str, str], dict[str, object]]:
    """Status, headers and body of an error."""
    made = respond(error, path, Exchange("rid-1"))
    return made.status_code, dict(made.headers), json.loads(bytes(made.body))


def test_every_error_has_the_published_status() -> None:
    """Clients may rely on the table, and no error is missing from it."""
    assert {kind.code: STATUS[kind] for kind in leaves()} == PUBLISHED


@pytest.mark.parametrize("kind", leaves())
@pytest.mark.parametrize("path", PATHS)
def test_every_error_is_told_in_every_contract(kind: type[OcrgateError], path: str) -> None:
    """Each contract's own clients find status, code and words where they look for them."""
    status, _, body = answer(kind("because"), path)
    assert status == PUBLISHED[kind.code]
    inner = body["error"] if path.startswith(("/v1/chat", "/v1/models", "/v1/responses")) else body
    assert isinstance(inner, dict)
    assert inner["code"] == kind.code
    assert "because" in [inner.get("detail"), inner.get("message")]


def test_problem_details_carry_what_a_program_decides_on() -> None:
    """RFC 9457's members and ours, with the request's name in them."""
    error = errors.DocumentLimit("too many", field="pages", limit="3 pages")
    status, headers, body = answer(error)
    assert headers["content-type"] == "application/problem+json"
    assert body == {
        "type": "/docs#document_limit",
        "title": "Content Too Large",
        "status": status,
        "detail": "too many",
        "instance": "urn:ocrgate:request:rid-1",
        "code": "document_limit",
        "retryable": False,
        "field": "pages",
        "limit": "3 pages",
    }


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (7.01, "8")])
def test_retry_after_is_whole_seconds_rounded_up(seconds: float, header: str) -> None:
    """A client that obeys never comes back too early."""
    _, headers, body = answer(errors.Overloaded("full", retry_after=seconds))
    assert (headers["retry-after"], body["retry_after"]) == (header, seconds)


def test_a_missed_deadline_says_where() -> None:
    """The caller learns whether to give more time or to come at another hour."""
    assert answer(errors.DeadlineExceeded("late", where="engine"))[2]["where"] == "engine"


def test_a_missing_key_names_the_scheme() -> None:
    """HTTP asks for WWW-Authenticate with 401."""
    assert answer(errors.Unauthenticated())[1]["www-authenticate"] == "Bearer"


def test_openai_clients_are_told_not_to_retry_in_vain() -> None:
    """Their client retries every 5xx unless the server says otherwise."""
    _, vain, _ = answer(errors.InternalError(), "/v1/chat/completions")
    _, useful, _ = answer(errors.EngineFailed(), "/v1/chat/completions")
    assert vain["x-should-retry"] == "false"
    assert "x-should-retry" not in useful


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (errors.Unauthenticated, "authentication_error"),
        (errors.Forbidden, "permission_error"),
        (errors.RateLimited, "rate_limit_error"),
        (errors.Overloaded, "rate_limit_error"),
        (errors.InvalidRequest, "invalid_request_error"),
        (errors.EngineFailed, "server_error"),
        (errors.Draining, "server_error"),
    ],
)
def test_openai_kinds_of_error(kind: type[OcrgateError], name: str) -> None:
    """The envelope's type is one that OpenAI's contract knows."""
    inner = answer(kind(), "/v1/chat/completions")[2]["error"]
    assert isinstance(inner, dict)
    assert inner["type"] == name


def test_mistral_clients_find_the_list_they_decode() -> None:
    """Their client decodes 422 into a list of places and words."""
    error = errors.InvalidRequest("no page", field="pages")
    _, headers, body = answer(error, "/v1/ocr")
    assert headers["content-type"] == "application/json"
    assert body["detail"] == [
        {"loc": ["body", "pages"], "msg": "no page", "type": "invalid_request"}
    ]


def test_an_error_of_tomorrow_has_the_status_of_its_family() -> None:
    """A subclass that the table does not list is answered like its parent."""

    class TooOld(errors.Gone):
        """Too old."""

    assert status_of(TooOld()) == 410
    assert status_of(errors.EngineError()) == 500


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("http://10.0.0.5:8000 broke off: reset", "the engine's server broke off: reset"),
        ("http://gpu-1:8000/v1 is busy: 503", "the engine's server is busy: 503"),
        (
            "cannot reach (https://me:pw@b:1), nor http://c.",
            "cannot reach (the engine's server), nor the engine's server.",
        ),
        ("page 9 was asked for, the document has 3", "page 9 was asked for, the document has 3"),
    ],
)
def test_strangers_do_not_learn_addresses_behind_the_server(detail: str, shown: str) -> None:
    """The log has them; whoever asks from outside has no use for them."""
    assert problem(EngineFailed(detail), "r").detail == shown
    assert openai_error(EngineFailed(detail)).error.message == shown

"""Every way in which a server can say no, as an error that says whose fault it is."""

import pickle

import pytest

from ocrgate.engines.openai.faults import (
    EngineAborted,
    EngineBroke,
    EngineBusy,
    EngineRejected,
    EngineUnreachable,
    EngineUnusable,
    GarbledOutput,
    PageTooLarge,
    RefusedOutput,
    is_replica_fault,
    message_of,
    of_content,
    of_error_object,
    of_finish,
    of_status,
    retry_after,
)
from ocrgate.errors import OcrgateError, leaves


def openai_error(message: str) -> str:
    return f'{{"error":{{"message":"{message}","type":"t","param":null,"code":400}}}}'


BUSY = "The engine is currently busy and cannot accept new requests. Please try again later."
BACKLOG = "The engine has reached its prefill token backlog limit. Please try again later."
CORE = "EngineCore encountered an issue. See stack trace (above) for the root cause."
CONTEXT = "This model's maximum context length is 8192 tokens. However, your prompt contains 8193"
ENCODER = "The image has 8692 tokens and exceeds the pre-allocated encoder cache size 8192"
NGINX = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body>"

ROWS = [
    (429, openai_error("slow down"), EngineBusy),
    (503, openai_error(BUSY), EngineBusy),
    (503, openai_error(BACKLOG), EngineBusy),
    (503, openai_error("The request queue is full."), EngineBusy),
    (529, "", EngineBusy),
    (503, '{"error":{"code":503,"message":"Loading model"}}', EngineUnreachable),
    (502, NGINX, EngineUnreachable),
    (504, "", EngineUnreachable),
    (500, openai_error(CORE), EngineUnreachable),
    (500, openai_error("cannot schedule new futures after shutdown"), EngineBroke),
    (500, "", EngineBroke),
    (507, "not JSON", EngineBroke),
    (401, '{"error":"Unauthorized"}', EngineUnusable),
    (403, "", EngineUnusable),
    (404, openai_error("The model `nope` does not exist. Valid aliases: a."), EngineUnusable),
    (404, '{"detail":"Not Found"}', EngineUnusable),
    (405, '{"detail":"Method Not Allowed"}', EngineUnusable),
    (307, "", EngineUnusable),
    (500, openai_error("image input is not supported - hint: provide the mmproj"), EngineUnusable),
    (400, openai_error("At most 0 image(s) may be provided in one prompt."), EngineUnusable),
    (400, openai_error(CONTEXT), PageTooLarge),
    (400, openai_error(ENCODER), PageTooLarge),
    (400, openai_error("the request exceeds the available context size"), PageTooLarge),
    (400, openai_error("Failed to apply HunYuanVLProcessor on data={}"), PageTooLarge),
    (413, "<h1>Request Entity Too Large</h1>", PageTooLarge),
    (400, openai_error("At most 1 image(s) may be provided"), EngineRejected),
    (400, openai_error("Non-base64 digit found"), EngineRejected),
    (400, openai_error("max_tokens=100000 cannot be greater than max_model_len"), EngineRejected),
    (422, '{"error":{"message":"1 validation error: ..."}}', EngineRejected),
    (418, "", EngineRejected),
]


@pytest.mark.parametrize(("code", "body", "kind"), ROWS)
def test_every_status_has_its_error(code: int, body: str, kind: type[OcrgateError]) -> None:
    """The row of the table, with the server's own words kept for whoever reads the log."""
    error = of_status(code, body.encode(), {}, server="http://gpu:8000")
    assert type(error) is kind
    assert "http://gpu:8000" in error.detail
    assert len(error.detail) < 600


def test_a_breaker_can_tell_whose_fault_it_was() -> None:
    """Broken servers count against the replica; proper refusals never do, whatever their class."""
    theirs = {EngineUnreachable, EngineBroke, EngineAborted, GarbledOutput}
    ours = {EngineUnusable, EngineBusy, EngineRejected, PageTooLarge, RefusedOutput}
    assert all(is_replica_fault(kind()) for kind in theirs)
    assert not any(is_replica_fault(kind()) for kind in ours)
    assert not is_replica_fault(ValueError())
    for code, body, _ in ROWS:
        error = of_status(code, body.encode(), {}, server="s")
        if 300 <= code < 500:
            assert not is_replica_fault(error)


def test_the_tree_keeps_its_codes() -> None:
    """Subclasses add facts, never codes: every answer to a caller stays one of the table."""
    own: list[type[OcrgateError]] = [EngineUnreachable, EngineUnusable, EngineBusy]
    own += [EngineRejected, EngineBroke]
    own += [EngineAborted, PageTooLarge, GarbledOutput, RefusedOutput]
    codes = {leaf.code for leaf in leaves()}
    assert all("code" not in vars(kind) and kind.code in codes for kind in own)
    assert EngineBusy.retryable
    assert not EngineRejected.retryable
    copy = pickle.loads(pickle.dumps(EngineBusy("busy", retry_after=3)))
    assert (type(copy), copy.retry_after) == (EngineBusy, 3)


def test_a_key_is_asked_for_or_refused() -> None:
    """Two different things to do for whoever sets it up."""
    without = of_status(401, b"", {}, server="s")
    refused = of_status(401, b"", {}, server="s", has_key=True)
    assert "asks for a key" in without.detail
    assert "refuses the key" in refused.detail


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "99999999999999"}, 3600.0),
        (
            {
                "Retry-After": "Thu, 26 Nov 2026 10:00:05 GMT",
                "Date": "Thu, 26 Nov 2026 10:00:00 GMT",
            },
            5.0,
        ),
        ({"Retry-After": "Thu, 26 Nov 2026 10:00:05 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Thu, 26 Nov 2026 10:00:05 +99999999999999999999"}, None),
        ({"Retry-After": "-1"}, None),
    ],
)
def test_retry_after_in_both_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, or a date beside the answer's own; nonsense is as none."""
    assert retry_after(headers) == seconds


def test_a_busy_server_always_says_when() -> None:
    """VLLM gives no Retry-After: a second then."""
    assert of_status(503, openai_error(BUSY).encode(), {}, server="s").retry_after == 1.0
    assert of_status(429, b"", {"Retry-After": "9"}, server="s").retry_after == 9.0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":{"message":"a  b\\nc"}}', "a b c"),
        (b'{"error":"Unauthorized"}', "Unauthorized"),
        (b'{"detail":[{"msg":"bad"}]}', "[{'msg': 'bad'}]"),
        (b'{"message":"plain"}', "plain"),
        (b"<html><b>Bad</b> Gateway</html>", "Bad Gateway"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[1,2]", "[1,2]"),
        (b'{"error":7}', '{"error":7}'),
        (b"", ""),
        (b"x" * 100_000, "x" * 300),
        (b'{"error":{"message":"caf\xe9"}}', '{"error":{"message":"caf\ufffd"}}'),
        (b'{"detail":' + b"[" * 50_000, '{"detail":' + "[" * 290),
    ],
)
def test_what_a_body_says(body: bytes, said: str) -> None:
    """Every envelope is opened; anything else is shown as text, in bounds and on one line."""
    assert message_of(body) == said


def test_errors_under_status_200() -> None:
    """An error object, HTML, or a reason that is no clean end."""
    inner = b'{"error":{"message":"boom","code":500}}'
    assert type(of_error_object(inner, "s")) is GarbledOutput
    assert type(of_error_object(inner.replace(b"500", b"400"), "s")) is RefusedOutput
    assert type(of_error_object(b'{"error":"boom"}', "s")) is GarbledOutput
    long = b'{"error":{"message":"The input (9 tokens) is longer than the model\'s context length",'
    assert type(of_error_object(long + b'"code":400}}', "s")) is PageTooLarge
    assert type(of_error_object(long + b'"code":500}}', "s")) is GarbledOutput
    assert type(of_error_object(long + b'"code":"context_length_exceeded"}}', "s")) is PageTooLarge
    assert type(of_error_object(inner.replace(b"500", b'"400"'), "s")) is RefusedOutput
    for odd in (b"[1]", b'{"a":1}', b"true", b"1e400", b"4.5", b'"\xd9\xa4\xd9\xa0"'):
        assert type(of_error_object(inner.replace(b"500", odd), "s")) is GarbledOutput
    assert "boom" in of_content("application/json", inner, "s").detail
    assert "text/html" in of_content("text/html", b"<p>hi</p>", "s").detail
    assert type(of_finish("content_filter", "s")) is RefusedOutput
    assert type(of_finish("abort", "s")) is EngineAborted
    assert type(of_finish("error", "s")) is EngineBroke

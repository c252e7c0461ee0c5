"""``POST /ocr`` in its three forms."""

import base64
import gzip
import json
from typing import Any

import msgspec
import pytest

from ocrgate.domain.document import MediaType
from ocrgate.domain.recognition import Quality
from ocrgate.domain.ticket import Lane
from ocrgate.errors import BadEngineOutput, EngineFailed, UnreadableDocument
from ocrgate.testing import ScriptedEngine, ScriptedRasterizer
from ocrgate.wire.ocr import OcrReply

IMAGE = b"not looked at by the scripted rasterizer"
B64 = base64.b64encode(IMAGE).decode()

FORM = "application/x-www-form-urlencoded"

FORMS: dict[str, dict[str, Any]] = {
    "base64": {"json": {"image": B64}},
    "data URI": {"json": {"image": f"data:image/png;base64,{B64}"}},
    "form": {"files": {"file": ("page.png", IMAGE)}},
    "bytes": {"content": IMAGE, "headers": {"content-type": "image/png"}},
    "bytes without a type": {"content": IMAGE},
    "bytes as curl sends them": {
        "content": IMAGE,
        "headers": {"content-type": "application/x-www-form-urlencoded"},
    },
}


@pytest.mark.parametrize("form", FORMS)
async def test_each_form_gives_the_same_reply(build: Any, started: Any, form: str) -> None:
    """JSON, form and bare bytes are three spellings of one request."""
    async with started(build()) as (_, client):
        answer = await client.post("/ocr", **FORMS[form])
    assert answer.status_code == 200
    reply = msgspec.json.decode(answer.content, type=OcrReply)
    assert (reply.text, reply.engine, reply.usage.pages) == ("hello\nworld", "scripted", 1)
    assert [(line.text, line.page) for line in reply.results] == [("hello", 1), ("world", 1)]
    assert list(reply.results[0].bbox or ()) == [0, 0, 100, 50]
    assert reply.request_id == answer.headers["x-request-id"]


async def test_a_large_body_is_read_the_same(build: Any, started: Any) -> None:
    """Bodies that are decoded in a thread come out like the others."""
    large = base64.b64encode(bytes(3 * 2**20)).decode()
    async with started(build()) as (_, client):
        answer = await client.post("/ocr", json={"image": large})
    assert answer.json()["text"] == "hello\nworld"


async def test_options_mean_the_same_in_every_form(build: Any, started: Any) -> None:
    """Task, language, pages, quality: the engine sees what was asked for."""
    options = {"task": "markdown", "language": "de", "pages": "2-3", "quality": "high"}
    async with started(build(ScriptedEngine(), pages=5)) as (site, client):
        for arguments in (
            {"json": {"image": B64, **options}},
            {"files": {"file": IMAGE}, "data": options},
            {"content": IMAGE, "params": options},
        ):
            answer = await client.post("/ocr", **arguments)
            assert answer.json()["text"] == "page 2\fpage 3"
        seen = {
            (c.request.number, c.request.task, c.request.language, c.request.quality)
            for c in site.engine.calls
        }
    assert seen == {(n, "markdown", "de", Quality.HIGH) for n in (2, 3)}


@pytest.mark.parametrize(
    ("name", "media", "start"),
    [
        ("text", "text/plain", b"hello\nworld\n"),
        ("md", "text/markdown", b"hello world"),
        ("json", "application/json", b'{"text"'),
        ("hocr", "text/html", b"<?xml"),
        ("alto", "application/xml", b"<?xml"),
    ],
)
async def test_every_format_by_name_and_by_accept(
    build: Any, started: Any, name: str, media: str, start: bytes
) -> None:
    """What was read comes in the format asked for, with its content type."""
    async with started(build()) as (_, client):
        named = await client.post("/ocr", content=IMAGE, params={"format": name})
        accepted = await client.post("/ocr", content=IMAGE, headers={"accept": media})
    for answer in (named, accepted):
        assert answer.headers["content-type"].partition(";")[0] == media
        assert answer.headers["vary"] == "accept"
        assert answer.content.lstrip().startswith(start)


async def test_a_language_that_was_named_is_written_into_the_file(build: Any, started: Any) -> None:
    """Where the format has a place for it."""
    async with started(build()) as (_, client):
        for name, mark in (("hocr", ' lang="de"'), ("alto", ' LANG="de"')):
            answer = await client.post(
                "/ocr", content=IMAGE, params={"format": name, "language": "de"}
            )
            assert mark in answer.text


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no image": ({"json": {}}, "invalid_request", "image"),
    "URL": ({"json": {"image": "https://example.com/a.png"}}, "invalid_request", "image"),
    "path": ({"json": {"image": "/etc/scan.png"}}, "invalid_request", "image"),
    "unknown field": ({"json": {"image": B64, "imgae": 1}}, "invalid_request", "imgae"),
    "task": ({"json": {"image": B64, "task": "translate"}}, "invalid_request", "task"),
    "pages": ({"json": {"image": B64, "pages": "0"}}, "invalid_request", "pages"),
    "many ranges": ({"json": {"image": B64, "pages": "1," * 3000}}, "invalid_request", "pages"),
    "past the end": ({"json": {"image": B64, "pages": "2"}}, "invalid_request", "pages"),
    "format": ({"json": {"image": B64, "format": "docx"}}, "invalid_request", "format"),
    "query beside JSON": (
        {"json": {"image": B64}, "params": {"format": "text"}},
        "invalid_request",
        "format",
    ),
    "unknown query": ({"content": IMAGE, "params": {"fromat": "x"}}, "invalid_request", "fromat"),
    "query twice": (
        {"content": IMAGE, "params": [("format", "text"), ("format", "json")]},
        "invalid_request",
        "format",
    ),
    "empty": ({"content": b""}, "invalid_request", "body"),
    "type": (
        {"content": b"<html>", "headers": {"content-type": "text/html"}},
        "unsupported_media",
        "Content-Type",
    ),
    "no file": ({"files": {"task": (None, "text")}}, "invalid_request", "file"),
    "unknown form field": (
        {"files": {"file": IMAGE}, "data": {"imgae": "1"}},
        "invalid_request",
        "imgae",
    ),
    "curl -d of a PNG": (
        {"content": b"\x89PNG\x1a\x00", "headers": {"content-type": FORM}},
        "invalid_request",
        "body",
    ),
    "curl -d of a JPEG": (
        {"content": b"\xff\xd8\xff" + bytes(9000), "headers": {"content-type": FORM}},
        "invalid_request",
        "body",
    ),
    "curl -d file=@page.png": (
        {"content": b"file=@page.png", "headers": {"content-type": FORM}},
        "invalid_request",
        "body",
    ),
    "curl -F file=page.png": (
        {"files": {"file": (None, b"page.png")}},
        "invalid_request",
        "file",
    ),
    "curl -F image=@page.png": (
        {"files": {"image": ("page.png", bytes(100_000))}},
        "invalid_request",
        "image",
    ),
    "gzip": (
        {"content": gzip.compress(IMAGE), "headers": {"content-encoding": "gzip"}},
        "unsupported_media",
        "Content-Encoding",
    ),
    "timeout": (
        {"content": IMAGE, "headers": {"x-request-timeout": "soon"}},
        "invalid_request",
        "X-Request-Timeout",
    ),
    "lane": (
        {"content": IMAGE, "headers": {"x-priority": "first"}},
        "invalid_request",
        "X-Priority",
    ),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_request_names_the_field(build: Any, started: Any, case: str) -> None:
    """Every mistake gets a typed error with the field, and costs the engine nothing."""
    arguments, code, field = BAD[case]
    async with started(build()) as (site, client):
        answer = await client.post("/ocr", **arguments)
        assert not site.engine.calls
    problem = answer.json()
    assert (problem["code"], problem["field"]) == (code, field)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["instance"].endswith(answer.headers["x-request-id"])


async def test_what_the_decoders_say_reaches_the_caller(build: Any, started: Any) -> None:
    """A damaged file is the sender's error, with the decoder's words."""
    broken = ScriptedRasterizer(probe_error=UnreadableDocument("the JPEG is cut off"))
    async with started(build(rasterizer=broken)) as (_, client):
        answer = await client.post("/ocr", content=IMAGE)
    assert (answer.status_code, answer.json()["detail"]) == (422, "the JPEG is cut off")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadEngineOutput(), 502, "bad_engine_output"),
        (RuntimeError("secret detail"), 500, "internal"),
    ],
)
async def test_what_goes_wrong_inside_is_named_and_not_shown(
    build: Any, started: Any, error: Exception, status: int, code: str
) -> None:
    """The caller gets a code and a request id, never our trace."""
    async with started(build(ScriptedEngine(errors=[error] * 3))) as (_, client):
        answer = await client.post("/ocr", content=IMAGE)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "secret" not in answer.text


async def test_an_engine_that_broke_off_is_worth_a_retry(build: Any, started: Any) -> None:
    """The error says that the same request may succeed."""
    async with started(build(ScriptedEngine(errors=[EngineFailed()] * 2))) as (_, client):
        first = await client.post("/ocr", content=IMAGE)
        second = await client.post("/ocr", content=IMAGE)
    assert (first.status_code, first.json()["retryable"]) == (502, True)
    assert second.status_code == 200


async def test_time_that_runs_out_says_where(build: Any, started: Any) -> None:
    """A page that takes too long is a 504 that blames the engine."""
    async with started(build(ScriptedEngine(delay=30))) as (site, client):
        answer = await client.post("/ocr", content=IMAGE, headers={"x-request-timeout": "0.1"})
        assert site.engine.cancellations == 1
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["where"]) == (
        504,
        "deadline_exceeded",
        "engine",
    )


async def test_the_answer_tells_where_the_time_went(build: Any, started: Any) -> None:
    """Server-Timing has every stage and the total, in milliseconds."""
    async with started(build(ScriptedEngine(delay=0.02))) as (_, client):
        answer = await client.post("/ocr", content=IMAGE)
    parts = dict(p.split(";dur=") for p in answer.headers["server-timing"].split(", "))
    assert list(parts) == ["queue", "prepare", "engine", "parse", "total"]
    assert 20 <= float(parts["engine"]) <= float(parts["total"])


@pytest.mark.parametrize(
    ("sent", "kept"), [("job-7:page.3", True), ("x" * 200, False), ("a b", False), ("", False)]
)
async def test_a_harmless_request_id_is_kept(
    build: Any, started: Any, sent: str, kept: bool
) -> None:
    """The caller's name for a request is in headers and body; a harmful one is replaced."""
    async with started(build()) as (_, client):
        answer = await client.post("/ocr", content=IMAGE, headers={"x-request-id": sent})
    named = answer.headers["x-request-id"]
    assert answer.json()["request_id"] == named
    assert (named == sent) is kept
    assert named


async def test_requests_are_counted_by_route_status_lane_and_outcome(
    build: Any, started: Any
) -> None:
    """The page of metrics tells what happened, without a label that a caller can invent."""
    async with started(build()) as (site, client):
        await client.post("/ocr", content=IMAGE)
        await client.post("/ocr", content=b"")
        await client.get("/made/up/by/a/caller")
        ok = site.metric('ocrgate_requests_total{lane="standard",route="/ocr",status="200"}')
        bad = site.metric('ocrgate_requests_total{lane="standard",route="/ocr",status="422"}')
        lost = site.metric('ocrgate_requests_total{lane="other",route="other",status="404"}')
        outcomes = [
            site.metric(f'ocrgate_outcomes_total{{outcome="{name}"}}')
            for name in ("ok", "invalid_request", "not_found")
        ]
    assert (ok, bad, lost, outcomes) == (1, 1, 1, [1, 1, 0])


@pytest.mark.parametrize("path", ["/ocr/", "/v1/models/", "/livez/"])
async def test_a_slash_too_many_is_not_found_and_not_redirected(
    build: Any, started: Any, path: str
) -> None:
    """A redirect would send the document, and the key with it, wherever the Host header says."""
    async with started(build()) as (_, client):
        answer = await client.post(path, content=b"x", headers={"host": "evil.example"})
    assert answer.status_code in {404, 405}
    assert "location" not in answer.headers


async def test_a_long_path_is_not_repeated(build: Any, started: Any) -> None:
    """The answer stays small whatever was asked for."""
    async with started(build()) as (_, client):
        answer = await client.get("/" + "a" * 20_000)
    assert answer.status_code == 404
    assert len(answer.content) < 1000


async def test_a_lane_below_the_usual_one_may_be_asked_for(build: Any, started: Any) -> None:
    """Whoever is in no hurry can say so."""
    async with started(build()) as (site, client):
        await client.post("/ocr", content=IMAGE, headers={"x-priority": str(Lane.BATCH)})
        assert site.metric('ocrgate_requests_total{lane="batch",route="/ocr",status="200"}') == 1


async def test_every_answer_forbids_to_guess_keep_or_frame_it(build: Any, started: Any) -> None:
    """What stands on other people's papers is not cached, sniffed or framed."""
    async with started(build()) as (_, client):
        for answer in (await client.post("/ocr", content=IMAGE), await client.get("/nowhere")):
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_the_media_types_of_bare_bytes_are_published(build: Any) -> None:
    """The OpenAPI document lists every format that is read."""
    body = build().app.openapi()["paths"]["/ocr"]["post"]["requestBody"]["content"]
    assert {str(media) for media in MediaType} <= set(body)
    json.dumps(body)

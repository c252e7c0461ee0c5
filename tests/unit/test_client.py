"""The typed client, over transports that answer from a script."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from ocrgate import errors
from ocrgate.client import AsyncClient, Client, Reading
from ocrgate.domain.recognition import Quality, Task
from ocrgate.domain.ticket import Lane
from ocrgate.errors import OcrgateError, leaves
from ocrgate.gateway.exchange import Exchange
from ocrgate.gateway.problem import respond

REPLY = {
    "text": "hello",
    "results": [
        {"text": "hello", "bbox": [0, 0, 9, 9], "polygon": None, "confidence": 1, "page": 1}
    ],
    "pages": [{"index": 1, "text": "hello", "width": 9, "height": 9, "warnings": [], "later": 1}],
    "engine": "e",
    "usage": {"pages": 1},
    "request_id": "r",
}

Answer = httpx.Response | Exception


class Script(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers in order and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def _next(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """For the blocking client."""
        return self._next(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """For the asynchronous one."""
        return self._next(request)


def good(body: Any = REPLY) -> httpx.Response:
    """An answer with 200."""
    return httpx.Response(200, content=body if isinstance(body, bytes) else json.dumps(body))


def bad(error: OcrgateError) -> httpx.Response:
    """The answer that the server gives for an error."""
    made = respond(error, "/ocr", Exchange("rid"))
    return httpx.Response(made.status_code, content=bytes(made.body), headers=dict(made.headers))


Pauses = list[float]
Call = Callable[[Script, Reading], Any]


async def read(kind: str, script: Script, reading: Reading, pauses: Pauses) -> Any:
    """Read a page with either client, noting the pauses instead of making them."""
    if kind == "blocking":
        with Client(transport=script, sleep=pauses.append) as client:
            return client.read(b"page", reading)

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    async with AsyncClient(transport=script, sleep=note) as waiting:
        return await waiting.read(b"page", reading)


both = pytest.mark.parametrize("kind", ["blocking", "asynchronous"])


@both
async def test_a_page_is_sent_as_bytes_and_comes_back_typed(kind: str) -> None:
    """No base64 on the way; members that a newer server adds are skipped."""
    script = Script(good())
    reading = Reading(
        task=Task.MARKDOWN,
        language="de",
        pages="1-3",
        quality=Quality.HIGH,
        lane=Lane.BATCH,
        timeout=7,
    )
    reply = await read(kind, script, reading, [])
    assert (reply.text, reply.results[0].bbox, reply.usage.pages) == ("hello", (0, 0, 9, 9), 1)
    asked = script.asked[0]
    assert (asked.url.path, asked.content) == ("/ocr", b"page")
    assert dict(asked.url.params) == {
        "task": "markdown",
        "language": "de",
        "pages": "1-3",
        "quality": "high",
        "format": "json",
    }
    assert asked.headers["x-priority"] == "batch"
    assert 6 < float(asked.headers["x-request-timeout"]) <= 7


@both
@pytest.mark.parametrize("error", leaves())
async def test_every_error_comes_back_as_itself(kind: str, error: type[OcrgateError]) -> None:
    """What the server raised is what the caller catches, with the same facts."""
    sent = error("because")
    sent.field, sent.limit, sent.retry_after = "pages", "3", 1e9
    with pytest.raises(error) as caught:
        await read(kind, Script(bad(sent)), Reading(), [])
    got = caught.value
    assert type(got) is error
    assert (got.detail, got.field, got.limit, got.retry_after) == ("because", "pages", "3", 1e9)


@both
async def test_a_missed_deadline_still_says_where(kind: str) -> None:
    """Queue or engine survives the way over HTTP."""
    late = errors.DeadlineExceeded("late", where="engine", retry_after=1e9)
    with pytest.raises(errors.DeadlineExceeded) as caught:
        await read(kind, Script(bad(late)), Reading(), [])
    assert caught.value.where == "engine"


@both
async def test_a_refusal_is_retried_after_the_wait_it_names(kind: str) -> None:
    """Never earlier than the server said, and a little spread."""
    pauses: Pauses = []
    script = Script(bad(errors.Overloaded("full", retry_after=3.0)), good())
    reply = await read(kind, script, Reading(timeout=60), pauses)
    assert reply.text == "hello"
    assert len(pauses) == 1
    assert 3.0 <= pauses[0] <= 3.3


@both
async def test_a_wait_that_does_not_fit_is_not_waited(kind: str) -> None:
    """The caller learns at once, instead of after its time."""
    pauses: Pauses = []
    with pytest.raises(errors.RateLimited):
        await read(
            kind, Script(bad(errors.RateLimited(retry_after=90))), Reading(timeout=60), pauses
        )
    assert pauses == []


@both
@pytest.mark.parametrize(
    "raised", [httpx.ConnectError("refused"), httpx.RemoteProtocolError("cut")]
)
async def test_a_server_that_cannot_be_reached_is_tried_again(
    kind: str, raised: httpx.TransportError
) -> None:
    """With growing pauses, then told as an engine that is away."""
    pauses: Pauses = []
    with pytest.raises(errors.EngineUnavailable, match="cannot be reached"):
        await read(kind, Script(*[raised] * 4), Reading(), pauses)
    assert len(pauses) == 3
    assert pauses == sorted(pauses)


@both
async def test_what_cannot_get_better_is_not_retried(kind: str) -> None:
    """A bad request is sent once."""
    script = Script(bad(errors.InvalidRequest("no", field="pages")))
    with pytest.raises(errors.InvalidRequest):
        await read(kind, script, Reading(), [])
    assert len(script.asked) == 1


@both
async def test_silence_is_a_missed_deadline(kind: str) -> None:
    """A timeout of the connection is told in the project's own words."""
    script = Script(*[httpx.ReadTimeout("slow")] * 4)
    with pytest.raises(errors.DeadlineExceeded):
        await read(kind, script, Reading(), [])


@both
@pytest.mark.parametrize(
    ("status", "error"), [(502, errors.EngineUnavailable), (418, errors.InternalError)]
)
async def test_answers_of_something_in_between_are_told_apart(
    kind: str, status: int, error: type[OcrgateError]
) -> None:
    """A proxy's own error page has no code of ours."""
    pages: Sequence[Answer] = [httpx.Response(status, text="<html>") for _ in range(4)]
    with pytest.raises(error, match=str(status)):
        await read(kind, Script(*pages), Reading(), [])


@both
@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"text": 1}', b"\xff"])
async def test_a_good_answer_of_something_else_is_an_error_of_ours(kind: str, body: bytes) -> None:
    """A page that asks for a login comes with 200; it is no reading, and no error of a library."""
    with pytest.raises(errors.InternalError, match="not as ocrgate does"):
        await read(kind, Script(good(body)), Reading(), [])
    broken = httpx.DecodingError("incorrect header check")
    with pytest.raises(errors.InternalError, match="no ocrgate server"):
        await read(kind, Script(broken), Reading(), [])


@both
@pytest.mark.parametrize("output", ["text", "markdown", "json", "alto", "pdf"])
async def test_a_page_for_people_is_no_document(kind: str, output: str) -> None:
    """Nor is it written into a file under the name of one."""
    script = Script(httpx.Response(200, html="<html>Log in</html>"))
    stranger = pytest.raises(errors.InternalError, match="not as ocrgate does")
    if kind == "blocking":
        with Client("http://h", transport=script) as client, stranger:
            client.convert(b"x", output)
        return
    async with AsyncClient("http://h", transport=script) as waiting:
        with stranger:
            await waiting.convert(b"x", output)


@both
async def test_a_redirect_says_where_to_ask(kind: str) -> None:
    """It is not followed: the key would go along."""
    elsewhere = httpx.Response(308, headers={"location": "https://h/ocr"})
    with pytest.raises(errors.InvalidRequest, match="https://h/ocr"):
        await read(kind, Script(elsewhere), Reading(), [])


@both
async def test_no_request_gives_less_time_than_a_server_takes(kind: str) -> None:
    """A second attempt with milliseconds left is a missed deadline, and nobody's mistake."""
    script = Script(good())
    await read(kind, script, Reading(timeout=0.05), [])
    assert script.asked[0].headers["x-request-timeout"] == "0.100"


@both
async def test_long_options_travel_in_a_form(kind: str) -> None:
    """An address has a bound, and each Chinese letter would take nine of its characters."""
    script = Script(good())
    await read(kind, script, Reading(prompt="读" * 4000, pages="1-2"), [])
    sent = script.asked[0]
    assert sent.headers["content-type"].startswith("multipart/form-data")
    assert sent.url.query == b""
    assert "读" * 4000 in sent.read().decode()


@pytest.mark.parametrize("key", ["schl\u00fcssel", "a\nb"])
def test_a_key_that_no_header_can_hold_is_told_as_such(key: str) -> None:
    """And not as an error of the encoding."""
    with pytest.raises(errors.InvalidRequest) as caught:
        Client("http://h", api_key=key)
    assert caught.value.field == "api_key"


@both
async def test_time_that_is_up_ends_the_retries(kind: str) -> None:
    """However patient the server asks its callers to be."""
    script = Script(*[bad(errors.EngineFailed("broke", retry_after=0.0))] * 50)
    with pytest.raises(errors.EngineFailed):
        await read(kind, script, Reading(timeout=60), [])
    assert len(script.asked) == 4


async def test_files_formats_and_questions(tmp_path: Path) -> None:
    """Paths are read, formats come as bytes, the server can be asked about itself."""
    page = tmp_path / "page.png"
    page.write_bytes(b"from disk")
    health = {"status": "ok", "engine": "e"}
    version = {"name": "ocrgate", "version": "1", "engine": "e"}
    script = Script(good(), good(b"%PDF"), good(health), good(version))
    with Client("http://h", api_key="k", transport=script) as client:
        client.read(page)
        assert client.convert(str(page), "pdf") == b"%PDF"
        assert client.health().status == "ok"
        assert client.version().version == "1"
    assert [r.content for r in script.asked] == [b"from disk", b"from disk", b"", b""]
    assert script.asked[1].url.params["format"] == "pdf"
    assert {r.headers["authorization"] for r in script.asked} == {"Bearer k"}
    again = Script(good(), good(b"text"), good(health), good(version))
    async with AsyncClient("http://h", transport=again) as waiting:
        await waiting.read(page)
        assert await waiting.convert(page, "text") == b"text"
        assert (await waiting.health()).engine == "e"
        assert (await waiting.version()).name == "ocrgate"


@both
async def test_what_is_to_be_known_of_a_converted_document_comes_with_it(kind: str) -> None:
    """The bytes are the file, as before."""
    head = {"x-ocr-warnings": "truncated, low_confidence", "x-ocr-degraded": "smaller_image"}
    script = Script(httpx.Response(200, content=b"text", headers=head), good(b"text"))
    if kind == "blocking":
        with Client("http://h", transport=script) as client:
            doubtful, clean = (client.convert(b"x", "text") for _ in range(2))
    else:
        async with AsyncClient("http://h", transport=script) as waiting:
            doubtful, clean = [await waiting.convert(b"x", "text") for _ in range(2)]
    assert doubtful == clean == b"text"
    assert doubtful.warnings == ("truncated", "low_confidence")
    assert doubtful.degraded == ("smaller_image",)
    assert (clean.warnings, clean.degraded) == ((), ())


async def test_an_empty_document_is_not_sent() -> None:
    """The mistake is told without a request."""
    script = Script()
    with Client(transport=script) as client, pytest.raises(errors.InvalidRequest):
        client.read(b"")
    async with AsyncClient(transport=script) as other:
        with pytest.raises(errors.InvalidRequest):
            await other.read(b"")

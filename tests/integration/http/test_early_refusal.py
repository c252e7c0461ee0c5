"""A server that is full says no from the headers, and the client hears it, body or not."""

import asyncio
import base64
import contextlib
import io
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import openai
import pytest
import requests

from ocrgate.control.admission import AdmissionParams
from ocrgate.gateway import protocol
from ocrgate.settings import ServerSettings
from ocrgate.testing import ScriptedEngine

MEBIBYTE = 2**20
LARGE = 20 * MEBIBYTE
REFUSED = 'ocrgate_refusals_total{reason="backlog"}'


def head(length: int, *headers: str) -> bytes:
    """The head of a POST to /ocr."""
    lines = ("POST /ocr HTTP/1.1", "Host: x", "Content-Type: image/png", *headers)
    return ("\r\n".join((*lines, f"Content-Length: {length}")) + "\r\n\r\n").encode()


def line_to(site: Any) -> socket.socket:
    """A connection to the site."""
    host, _, port = site.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def answer_on(line: socket.socket) -> tuple[int, bytes, dict[str, Any]]:
    """Status, head and body of the next answer."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += line.recv(65_536)
    top, _, body = got.partition(b"\r\n\r\n")
    length = int(top.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += line.recv(65_536)
    return int(top.split(b" ")[1]), top.lower(), json.loads(body)


@pytest.fixture
def full(build: Any, served: Any, eventually: Any) -> Iterator[Any]:
    """A running site whose only place is kept, and where nobody may wait."""
    site = build(
        ScriptedEngine(delay=3600), prefetch=0, gate=AdmissionParams(backlog_share=0, backlog_min=0)
    )
    with served(site), line_to(site) as keeper:
        keeper.sendall(head(3) + b"abc")
        eventually(lambda: site.engine.running == 1)
        yield site


def test_the_refusal_comes_before_the_body(full: Any) -> None:
    """Not a byte of it was sent yet; it is typed, counted, and says when to come back."""
    with line_to(full) as line:
        line.sendall(head(100_000))
        status, top, problem = answer_on(line)
    assert (status, problem["code"]) == (429, "overloaded")
    assert b"retry-after: " in top
    assert full.metric(REFUSED) == 1
    assert full.metric('ocrgate_outcomes_total{outcome="overloaded"}') == 1


def test_a_small_body_is_passed_over_and_the_connection_kept(full: Any) -> None:
    """The next request on the same connection is understood, whenever the body arrives."""
    with line_to(full) as line:
        for size in (3, 300_000, MEBIBYTE):
            line.sendall(head(size) + b"x" * (size // 2))
            status, top, _ = answer_on(line)
            assert (status, b"connection: close" in top) == (429, False)
            line.sendall(b"x" * (size - size // 2) + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert line.recv(65_536).startswith(b"HTTP/1.1 200")
    assert full.metric(REFUSED) == 3


def test_pipelined_requests_are_each_refused(full: Any) -> None:
    """A client that does not wait for answers gets one for every request, in order."""
    with line_to(full) as line:
        line.sendall((head(5000) + b"x" * 5000) * 4 + head(3, "Connection: close") + b"abc")
        said = b""
        while piece := line.recv(65_536):
            said += piece
    assert said.count(b"HTTP/1.1 429") == 5


def test_a_body_that_never_ends_does_not_keep_the_connection(
    full: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was refused may not hold a socket by trickling the rest of his body."""
    monkeypatch.setattr(protocol, "REST_SECONDS", 0.2)
    with line_to(full) as line:
        line.sendall(head(100_000) + b"x")
        assert answer_on(line)[0] == 429
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                line.sendall(b"x")
                time.sleep(0.01)
            pytest.fail("it is still open")


def test_an_idle_connection_is_closed_after_a_body_that_came_late(build: Any, served: Any) -> None:
    """Passing over a body does not switch off the bound on idle connections."""
    site = build(server=ServerSettings(keep_alive=1))
    with served(site), line_to(site) as line:
        line.sendall(head(1000, "X-Request-Timeout: soon"))
        assert answer_on(line)[0] == 422
        line.sendall(b"x" * 1000)
        assert line.recv(10) == b""


def test_a_large_body_costs_its_connection_and_not_the_reading(full: Any) -> None:
    """The answer says so, and comes at once."""
    with line_to(full) as line:
        begun = time.monotonic()
        line.sendall(head(90 * MEBIBYTE))
        status, top, _ = answer_on(line)
        assert time.monotonic() - begun < 0.5
    assert (status, b"connection: close" in top) == (429, True)


def test_a_client_that_asks_first_is_spared_the_upload(full: Any) -> None:
    """With Expect: 100-continue the final answer comes instead, and the connection ends."""
    with line_to(full) as line:
        line.sendall(head(100, "Expect: 100-continue"))
        status, top, _ = answer_on(line)
        assert (status, b"connection: close" in top) == (429, True)
        assert line.recv(10) == b""


@pytest.mark.parametrize("line_end", [b"HTTP/1.1\r\nConnection: Close", b"HTTP/1.0"])
def test_a_client_that_wants_to_close_hears_it_before_its_body_is_sent(
    full: Any, line_end: bytes
) -> None:
    """The connection ends after the body: a reset in the middle of it could swallow the answer."""
    size = 900_000
    with line_to(full) as line:
        line.sendall(head(size).replace(b"HTTP/1.1", line_end, 1) + b"x" * 1000)
        status, top, _ = answer_on(line)
        assert (status, b"connection: close" in top) == (429, True)
        line.sendall(b"x" * (size - 1000))
        assert line.recv(10) == b""


def test_what_can_never_be_read_is_not_told_to_come_back(full: Any) -> None:
    """A body over the limit is too large, however full the server is."""
    with line_to(full) as line:
        line.sendall(head(97 * MEBIBYTE))
        assert answer_on(line)[0] == 413
    assert full.metric(REFUSED) == 0


def test_a_refusal_costs_no_quota(full: Any) -> None:
    """The answer shows a whole quota."""
    headers = {"authorization": f"Bearer {full.key(rate=10)}", "content-type": "image/png"}
    for _ in range(3):
        answer = httpx.post(f"{full.url}/ocr", content=b"abc", headers=headers)
        assert (answer.status_code, answer.headers["ratelimit"]) == (429, '"pages";r=10;t=0')


def by_curl(url: str, page: Path) -> int:
    """Status that ``curl -F`` shows."""
    command = ["curl", "-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}"]
    command += ["-F", f"file=@{page}", url]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def by_curl_without_asking(url: str, page: Path) -> int:
    """The same without ``Expect``."""
    command = ["curl", "-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}"]
    command += ["-H", "Expect:", "-F", f"file=@{page}", url]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def by_httpx(url: str, page: Path) -> int:
    """Status that httpx shows."""
    return httpx.post(url, files={"file": page.read_bytes()}, timeout=20).status_code


def by_requests(url: str, page: Path) -> int:
    """Status that requests shows."""
    return requests.post(url, files={"file": page.read_bytes()}, timeout=20).status_code


def by_aiohttp(url: str, page: Path) -> int:
    """Status that aiohttp shows."""
    content = page.read_bytes()

    async def post() -> int:
        form = {"file": io.BytesIO(content)}
        async with aiohttp.ClientSession() as session, session.post(url, data=form) as answer:
            await answer.read()
        await asyncio.sleep(0.02)  # its documentation: let transports close before the loop does
        return answer.status

    return asyncio.run(post())


def by_openai(url: str, page: Path) -> int:
    """Status in the error that the official client raises."""
    uri = "data:image/png;base64," + base64.b64encode(page.read_bytes()).decode()
    asked: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": uri}}]}]
    base = url.replace("/ocr", "/v1")
    with (
        openai.OpenAI(base_url=base, api_key="none", max_retries=0) as client,
        pytest.raises(openai.RateLimitError) as raised,
    ):
        client.chat.completions.create(model="ocrgate", messages=asked)
    return raised.value.status_code


CLIENTS = (by_curl, by_curl_without_asking, by_httpx, by_requests, by_aiohttp, by_openai)


@pytest.mark.parametrize("size", [100_000, 3 * MEBIBYTE, LARGE])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_clients_hear_the_refusal(
    full: Any, tmp_path: Path, client: Callable[[str, Path], int], size: int
) -> None:
    """None of them sees a reset instead, whatever it is still sending."""
    if "curl" in client.__name__ and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    page = tmp_path / "page.png"
    page.write_bytes(b"x" * size)
    for _ in range(3):
        assert client(f"{full.url}/ocr", page) == 429

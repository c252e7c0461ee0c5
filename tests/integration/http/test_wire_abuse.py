"""Clients that are slow, silent, endless or not HTTP at all."""

import json
import select
import socket
import time
from typing import Any

import pytest

from ocrgate.gateway import protocol
from ocrgate.settings import ServerSettings
from ocrgate.testing import ScriptedEngine


def line_to(site: Any) -> socket.socket:
    """A connection to the site."""
    host, _, port = site.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def everything(line: socket.socket) -> bytes:
    """All that the server says until it closes."""
    got = b""
    with line:
        while piece := line.recv(65_536):
            got += piece
    return got


def told(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Status and JSON body of the last answer on a connection."""
    head, _, body = answer.rpartition(b"\r\n\r\n")
    status = int(head.rpartition(b"HTTP/1.1 ")[2].split(b" ")[0])
    return status, json.loads(body)


def post(length: int, *headers: str) -> bytes:
    """The head of a POST to /ocr."""
    lines = [
        "POST /ocr HTTP/1.1",
        "Host: x",
        "Content-Type: image/png",
        f"Content-Length: {length}",
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@pytest.fixture
def small(build: Any) -> Any:
    """A site that reads bodies up to 100 kB and waits half a second for the next byte."""
    return build(server=ServerSettings(max_body_bytes=100_000, body_timeout=0.5))


def test_a_client_that_stops_sending_is_told_and_left(small: Any, served: Any) -> None:
    """A body that never ends holds no place and no memory, and the client learns why."""
    with served(small) as site:
        line = line_to(site)
        line.sendall(post(50_000) + b"x" * 100)
        status, problem = told(everything(line))
        assert (status, problem["code"], problem["field"]) == (422, "invalid_request", "body")
        assert not site.engine.calls


def test_a_body_that_takes_longer_than_its_caller_gives_is_not_awaited(
    build: Any, served: Any
) -> None:
    """The time given counts from the first byte, and what was sent holds memory no longer."""
    with served(build(server=ServerSettings(body_timeout=5))) as site:
        line = line_to(site)
        line.sendall(post(50_000, "X-Request-Timeout: 0.2") + b"x" * 100)
        begun = time.monotonic()
        status, problem = told(everything(line))
        assert (status, problem["code"]) == (504, "deadline_exceeded")
        assert problem["where"] == "queue"
        assert time.monotonic() - begun < 4


def test_slow_clients_do_not_keep_others_waiting(small: Any, served: Any) -> None:
    """A hundred half-sent bodies hold no place: the next page is read at once."""
    with served(small) as site:
        lines = [line_to(site) for _ in range(100)]
        for line in lines:
            line.sendall(post(50_000) + b"x")
        begun = time.monotonic()
        line = line_to(site)
        line.sendall(post(3, "Connection: close") + b"abc")
        status, reply = told(everything(line))
        assert (status, reply["text"]) == (200, "hello\nworld")
        assert time.monotonic() - begun < 0.4
        for other in lines:
            other.close()


def test_uploads_side_by_side_do_not_all_fail(small: Any, served: Any) -> None:
    """Eight bodies of 90 kB grow in step, and 400 kB may be held. Who is refused gives back what it
    holds before its answer was read, so that four of the others are read to their end.
    """
    with served(small) as site:
        lines = [line_to(site) for _ in range(8)]
        for line in lines:
            line.sendall(post(90_000, "Connection: close"))
        for _ in range(9):
            for line in lines:
                line.sendall(b"x" * 10_000)
            time.sleep(0.03)
        answers = [told(everything(line)) for line in lines]
        assert sorted(status for status, _ in answers) == [200] * 4 + [429] * 4
        assert {problem["code"] for status, problem in answers if status == 429} == {"overloaded"}


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(small: Any, served: Any) -> None:
    """A client that asks first (curl does above 1 MB) is spared the upload."""
    with served(small) as site:
        line = line_to(site)
        line.sendall(post(100_001, "Expect: 100-continue"))
        answer = everything(line)
        status, problem = told(answer)
        assert b"100 Continue" not in answer
        assert (status, problem["code"], problem["limit"]) == (
            413,
            "payload_too_large",
            "100000 bytes",
        )


def test_a_client_that_asks_first_may_send(small: Any, served: Any) -> None:
    """Within the bound the server says 100 Continue and reads."""
    with served(small) as site:
        line = line_to(site)
        line.sendall(post(3, "Expect: 100-continue", "Connection: close"))
        assert line.recv(1000).startswith(b"HTTP/1.1 100 Continue")
        line.sendall(b"abc")
        assert told(everything(line))[0] == 200


def test_a_client_that_does_not_ask_still_reads_the_refusal(small: Any, served: Any) -> None:
    """Though the body is refused by its length, the answer is not lost in a reset."""
    with served(small) as site:
        line = line_to(site)
        line.sendall(post(5_000_000))
        for _ in range(50):
            line.sendall(b"x" * 100_000)
        status, problem = told(everything(line))
        assert (status, problem["code"]) == (413, "payload_too_large")


def test_a_chunked_body_is_counted(small: Any, served: Any) -> None:
    """A length that was never announced is bounded as well."""
    with served(small) as site:
        line = line_to(site)
        head = b"POST /ocr HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        line.sendall(head + b"".join(b"4e20\r\n" + b"x" * 20_000 + b"\r\n" for _ in range(6)))
        line.sendall(b"0\r\n\r\n")
        status, problem = told(everything(line))
        assert (status, problem["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"this is not HTTP\r\n\r\n", 400, "invalid_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n", 400, "invalid_request"),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 40_000 + b"\r\n\r\n", 431, "payload_too_large"),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 400_000, 431, "payload_too_large"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 9000 + b"\r\n", 431, "payload_too_large"),
        (b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\n\r\n", 431, "payload_too_large"),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 431, "payload_too_large"),
    ],
)
def test_heads_are_bounded_and_even_nonsense_gets_a_typed_answer(
    small: Any,
    served: Any,
    sent: bytes,
    status: int,
    code: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An endless header takes no memory, and every refusal has a code."""
    with served(small) as site:
        line = line_to(site)
        line.sendall(sent)
        got, problem = told(everything(line))
        assert (got, problem["code"]) == (status, code)
    assert "Traceback" not in caplog.text


def test_a_silent_connection_is_closed(
    small: Any, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever connects and says nothing, or half a head, holds a socket for a moment only."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    with served(small) as site:
        silent, slow = line_to(site), line_to(site)
        slow.sendall(b"POST /ocr HT")
        assert (everything(silent), everything(slow)) == (b"", b"")


def test_who_does_not_read_the_answer_is_left(
    build: Any, served: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    """An answer of megabytes that nobody takes is not kept in memory, and no place with it."""
    monkeypatch.setattr(protocol, "READER_SECONDS", 0.2)
    site = build(ScriptedEngine(["x" * 20_000_000]))
    with served(site):
        with line_to(site) as other:
            address = other.getpeername()
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(10)
        line.connect(address)
        line.sendall(post(3) + b"abc")
        assert line.recv(10)
        assert sum(site.snapshot().inflight.values()) == 0
        fate = select.poll()
        fate.register(line, 0)  # errors and the end are told always
        with line:
            eventually(lambda: fate.poll(0))


def test_a_connection_is_kept_for_the_next_request(small: Any, served: Any) -> None:
    """Large and small requests follow each other on one connection, pipelined ones too."""
    with served(small) as site:
        line = line_to(site)
        for size in (99_000, 3, 70_000):
            line.sendall(post(size) + b"x" * size)
            assert b"hello" in line.recv(65_536)
        line.sendall(post(3) + b"abc" + post(3, "Connection: close") + b"abc")
        assert everything(line).count(b"HTTP/1.1 200 OK") == 2

"""What HTTP/1.1 allows and hardly anybody sends: trailers, offers, tiny chunks, noise."""

import base64
import json
from typing import Any

import pytest
from tests.integration.http.test_wire_abuse import everything, line_to, post, told

from ocrgate.testing import ScriptedEngine

CHUNKED = b"POST /ocr HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
OFFER = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")


@pytest.fixture
def site(build: Any, served: Any) -> Any:
    """A served site."""
    with served(build()) as found:
        yield found


def test_what_follows_a_chunked_body_is_dropped(site: Any) -> None:
    """Trailers are legal, and say nothing here: neither the lane nor the key of a request."""
    line = line_to(site)
    line.sendall(CHUNKED + b"\r\n3\r\nabc\r\n0\r\nX-Priority: nonsense\r\nExpect: 100-continue\r\n")
    line.sendall(b"\r\n")
    answer = everything(line)
    assert told(answer)[0] == 200
    assert b"100 Continue" not in answer


@pytest.mark.parametrize("trailer", [b"A: " + b"x" * 1000 + b"\r\n", b"x" * 1000])
def test_endless_trailers_are_not_gathered(site: Any, trailer: bytes) -> None:
    """Nor one trailer without an end: a client could fill a server's memory with either."""
    line = line_to(site)
    line.sendall(CHUNKED + b"\r\n3\r\nabc\r\n0\r\n")
    line.sendall(trailer * 600)
    status, problem = told(everything(line))
    assert (status, problem["code"]) == (431, "payload_too_large")


def test_a_long_body_in_small_writes_is_no_long_head(site: Any) -> None:
    """The lines between chunks come in packets of their own, and are more than a head may be."""
    line = line_to(site)
    line.sendall(CHUNKED + b"\r\n")
    for _ in range(40):
        line.sendall(b"3;" + b"x" * 1000 + b"\r\n")
        line.sendall(b"abc\r\n")
    line.sendall(b"0\r\n\r\n")
    assert told(everything(line))[0] == 200


def test_a_body_of_tiny_chunks_is_whole(build: Any, served: Any) -> None:
    """One byte a chunk, many of them in one packet."""
    with served(build()) as site:
        encoded = base64.b64encode(bytes(range(256)) * 40)
        body = json.dumps({"image": encoded.decode(), "language": "en"}).encode()
        line = line_to(site)
        line.sendall(CHUNKED + b"Content-Type: application/json\r\n\r\n")
        line.sendall(b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        assert told(everything(line))[0] == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_an_offer_of_another_protocol_is_passed_over(site: Any, chunked: bool) -> None:
    """The JDK's client and `curl --http2` offer HTTP/2; their bodies are read all the same."""
    line = line_to(site)
    if chunked:
        head = CHUNKED.replace(b"Connection: close\r\n", b"")
        body = b"3\r\nabc\r\n0\r\n\r\n"
    else:
        head, body = post(3).removesuffix(b"\r\n"), b"abc"
    line.sendall(head + "\r\n".join(OFFER).encode() + b"\r\n\r\n")
    line.sendall(body + post(3, *OFFER) + b"abc" + post(3, "Connection: close") + b"abc")
    assert everything(line).count(b"HTTP/1.1 200 OK") == 3


def test_an_offer_with_a_head_in_pieces(site: Any) -> None:
    """However the packets are cut."""
    line = line_to(site)
    for byte in post(3, *OFFER) + b"abc" + post(3, "Connection: close") + b"abc":
        line.sendall(bytes([byte]))
    assert everything(line).count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize("noise", [b"", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_nothing_is_written_into_an_answer_that_was_begun(
    build: Any, served: Any, noise: bytes
) -> None:
    """Noise in mid-stream ends the connection, also behind a good request; a second answer inside
    the first would be read as text.
    """
    engine = ScriptedEngine(delay=lambda request: 0.0 if request.number == 1 else 10.0)
    with served(build(engine, pages=2)) as site:
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,YWJj"}}
        order = {"stream": True, "messages": [{"role": "user", "content": [picture]}]}
        body = json.dumps(order).encode()
        line = line_to(site)
        line.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        got = b""
        while b"page 1" not in got:
            got += line.recv(65_536)
        line.sendall(noise + b"\x00noise\r\n\r\n")
        assert b"HTTP/1.1 400" not in everything(line)


def test_a_flood_on_one_connection_is_refused(site: Any) -> None:
    """Thousands of requests of a few bytes would each take kilobytes, and wait in memory."""
    line = line_to(site)
    line.sendall(b"GET / HTTP/1.1\r\nHost:\r\n\r\n" * 1000)
    status, problem = told(everything(line))
    assert (status, problem["limit"]) == (400, "64 requests")


def test_requests_may_follow_each_other_at_once(site: Any) -> None:
    """As long as they are not too many."""
    line = line_to(site)
    line.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 60 + post(3, "Connection: close"))
    line.sendall(b"abc")
    assert everything(line).count(b"HTTP/1.1 200 OK") == 61


def test_noise_behind_a_request_ends_its_work(
    build: Any, served: Any, eventually: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Its answer would come after the last word on this connection."""
    with served(build(ScriptedEngine(delay=0.3), prefetch=0)) as site:
        line = line_to(site)
        line.sendall(post(3) + b"abc")
        eventually(lambda: site.engine.running == 1)
        line.sendall(b"\x00noise\r\n\r\n")
        eventually(lambda: site.engine.running == 0)
        assert site.engine.cancellations == 1
        assert told(everything(line))[0] == 400
        eventually(lambda: site.metric('ocrgate_outcomes_total{outcome="cancelled"}') == 1)
    assert "Exception in callback" not in caplog.text


@pytest.mark.parametrize(
    "head",
    [
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    ],
)
def test_a_request_names_its_host_once(site: Any, head: bytes) -> None:
    """Whoever stands before us may have gone by the other one (RFC 9112, 3.2)."""
    line = line_to(site)
    line.sendall(head)
    status, problem = told(everything(line))
    assert (status, problem["field"]) == (400, "Host")


def test_old_clients_need_no_host(site: Any) -> None:
    """HTTP/1.0 has none."""
    line = line_to(site)
    line.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
    assert told(everything(line))[0] == 200


def test_old_clients_are_not_told_to_continue(site: Any) -> None:
    """HTTP/1.0 knows one answer to a request (RFC 9110, 10.1.1)."""
    line = line_to(site)
    line.sendall(b"POST /ocr HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
    answer = everything(line)
    assert told(answer)[0] == 200
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ((b"Transfer-Encoding: gzip, chunked",), "Transfer-Encoding"),
        ((b"Content-Encoding: gzip", b"Content-Encoding: identity"), "Content-Encoding"),
        ((b"Content-Encoding: identity", b"Content-Encoding: gzip"), "Content-Encoding"),
    ],
)
def test_a_compressed_body_is_not_taken_for_the_document(
    site: Any, headers: tuple[bytes, ...], field: str
) -> None:
    """However it says that it is one."""
    line = line_to(site)
    chunked = b"" if field == "Transfer-Encoding" else b"Transfer-Encoding: chunked\r\n"
    head = b"POST /ocr HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + chunked
    line.sendall(head + b"\r\n".join(headers) + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    status, problem = told(everything(line))
    assert (status, problem["code"], problem["field"]) == (415, "unsupported_media", field)


def test_a_long_head_on_a_kept_connection_is_answered(site: Any) -> None:
    """As on a new one; the answer to the request before is over."""
    line = line_to(site)
    line.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    got = b""
    while b'"ok"' not in got:
        got += line.recv(65_536)
    line.sendall(b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    status, problem = told(everything(line))
    assert (status, problem["code"]) == (431, "payload_too_large")

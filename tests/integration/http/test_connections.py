"""More connections than there may be: over sockets, with a bound of eight."""

import json
import socket
import time
from typing import Any

import pytest

from ocrgate.gateway.connections import SILENCE
from ocrgate.settings import ServerSettings
from ocrgate.testing import ScriptedEngine

PAGE = (
    b"POST /ocr HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: image/png\r\nContent-Length: 1\r\n\r\nx"
)
LIVE = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
BEYOND = 8


def line_to(site: Any) -> socket.socket:
    """A connection to the site."""
    host, _, port = site.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def said(line: socket.socket) -> tuple[int, bytes]:
    """Status and body of one answer."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += line.recv(65_536)
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += line.recv(65_536)
    return int(head.split()[1]), body


def asked(site: Any, request: bytes) -> tuple[int, bytes]:
    """The answer over a new connection, which the server may close."""
    with line_to(site) as line:
        line.sendall(request)
        return said(line)


def test_an_idle_connection_gives_way_to_a_new_one(build: Any, served: Any) -> None:
    """Nobody waits for a keep-alive time to end."""
    with served(build(server=ServerSettings(connections=8))) as site:
        kept = [line_to(site) for _ in range(8)]
        for line in kept:
            line.sendall(LIVE)
            assert said(line)[0] == 200
        time.sleep(SILENCE + 0.05)
        assert asked(site, PAGE)[0] == 200
        assert kept[0].recv(1) == b""  # the longest idle one was closed
        kept[1].sendall(LIVE)
        assert said(kept[1])[0] == 200
        assert site.metric("ocrgate_connections_displaced_total") == 1
        assert site.metric('ocrgate_connections{kind="bound"}') == 8
        for line in kept:
            line.close()


def test_where_all_are_at_work_pages_are_refused_and_health_answers(
    build: Any, served: Any, eventually: Any
) -> None:
    """The refusal is the usual one, and is over as soon as somebody has gone."""
    engine = ScriptedEngine(delay=30, slots=8)
    with served(build(engine, server=ServerSettings(connections=8))) as site:
        busy = [line_to(site) for _ in range(8)]
        for line in busy:
            line.sendall(PAGE)
        eventually(lambda: engine.running == 8)
        status, body = asked(site, PAGE)
        assert (status, json.loads(body)["code"]) == (429, "overloaded")
        assert json.loads(body)["retry_after"] == 1
        assert asked(site, LIVE)[0] == 200
        assert asked(site, LIVE.replace(b"livez", b"metrics"))[0] == 200
        assert site.metric('ocrgate_refusals_total{reason="connections"}') == 1
        busy[0].close()
        eventually(lambda: engine.running == 7)
        again = line_to(site)
        again.sendall(PAGE)
        eventually(lambda: engine.running == 8)
        for line in (*busy, again):
            line.close()


def test_beyond_the_last_place_the_answer_is_no_at_once(
    build: Any, served: Any, eventually: Any
) -> None:
    """It comes without a look at the request; silent ones hold the last places for a second."""
    engine = ScriptedEngine(delay=30, slots=8)
    with served(build(engine, server=ServerSettings(connections=8))) as site:
        lines = [line_to(site) for _ in range(8)]
        for line in lines:
            line.sendall(PAGE)
        eventually(lambda: engine.running == 8)
        lines += [line_to(site) for _ in range(BEYOND)]
        eventually(lambda: site.metric('ocrgate_connections{kind="open"}') == 16)
        with line_to(site) as line:
            status, body = said(line)
            assert (status, json.loads(body)["code"]) == (429, "overloaded")
        time.sleep(SILENCE + 0.05)
        assert asked(site, LIVE)[0] == 200
        for line in lines:
            line.close()


@pytest.mark.parametrize("head", [b"GET /livez HTTP/1.1\r\nHost:", b""])
def test_unfinished_heads_give_way_too(build: Any, served: Any, head: bytes) -> None:
    """Slow heads cannot hold the server's places for their fifteen seconds."""
    with served(build(server=ServerSettings(connections=8))) as site:
        slow = [line_to(site) for _ in range(8)]
        for line in slow:
            line.sendall(head)
        time.sleep(SILENCE + 0.05)
        assert [asked(site, PAGE)[0] for _ in range(20)] == [200] * 20
        for line in slow:
            line.close()

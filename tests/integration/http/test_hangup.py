"""Nothing runs that nobody waits for."""

import json
import socket
import time
from typing import Any

import pytest

from ocrgate.testing import ScriptedEngine

RUNNING_BOUND = 1.0  # seconds; what the project promises
QUEUED_BOUND = 0.1


def connect(site: Any, path: str, body: bytes, *, sent: int | None = None) -> socket.socket:
    """A connection on which a request was sent, or the first ``sent`` bytes of its body."""
    host, _, port = site.url.removeprefix("http://").partition(":")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    line = socket.create_connection((host, int(port)), timeout=10)
    line.sendall(head.encode() + body[:sent])
    return line


def ocr_body() -> bytes:
    """A small request."""
    return b'{"image": "QUJD"}'


def chat_body() -> bytes:
    """A small streaming request."""
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    return json.dumps({"stream": True, "messages": [{"role": "user", "content": [part]}]}).encode()


@pytest.fixture
def endless(build: Any) -> Any:
    """A site whose only place is kept for ever by whoever gets it."""
    return build(ScriptedEngine(delay=3600), prefetch=0)


@pytest.mark.parametrize(
    ("path", "body"), [("/ocr", ocr_body()), ("/v1/chat/completions", chat_body())]
)
def test_a_client_that_leaves_frees_the_engine(
    endless: Any, served: Any, eventually: Any, path: str, body: bytes
) -> None:
    """Within a second of the hang-up the engine is told to stop and the place is free."""
    with served(endless) as site:
        line = connect(site, path, body)
        eventually(lambda: site.engine.running == 1)
        line.close()
        begun = time.monotonic()
        eventually(lambda: sum(site.snapshot().inflight.values()) == 0)
        assert time.monotonic() - begun < RUNNING_BOUND
        assert (site.engine.running, site.engine.cancellations) == (0, 1)
        eventually(lambda: site.metric('ocrgate_outcomes_total{outcome="cancelled"}') == 1)


def test_a_client_that_leaves_the_queue_frees_its_place(
    endless: Any, served: Any, eventually: Any
) -> None:
    """Within a tenth of a second; the page in front is not disturbed."""
    with served(endless) as site:
        first = connect(site, "/ocr", ocr_body())
        eventually(lambda: site.engine.running == 1)
        second = connect(site, "/ocr", ocr_body())
        eventually(lambda: sum(site.snapshot().backlog.values()) == 1)
        second.close()
        begun = time.monotonic()
        eventually(lambda: sum(site.snapshot().backlog.values()) == 0)
        assert time.monotonic() - begun < QUEUED_BOUND
        assert site.engine.running == 1
        first.close()


def test_a_client_that_leaves_in_mid_body_leaves_nothing(
    build: Any, served: Any, eventually: Any
) -> None:
    """No place was taken for a body that never came, and its bytes are given back."""
    with served(build()) as site:
        connect(site, "/ocr", ocr_body(), sent=5).close()
        eventually(lambda: site.metric('ocrgate_outcomes_total{outcome="cancelled"}') == 1)
        assert not site.engine.calls

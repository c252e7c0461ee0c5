"""What callers get whose answers are not there when the server's patience ends."""

import base64
import contextlib
import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.integration.http.conftest import Site

from ocrgate.domain.recognition import PageRequest
from ocrgate.settings import ServerSettings
from ocrgate.testing import ScriptedEngine

pytestmark = pytest.mark.timeout(30)

Served = Callable[[Site], "contextlib.AbstractContextManager[Site]"]
IMAGE = f"data:image/png;base64,{base64.b64encode(b'x').decode()}"
CHAT = {
    "messages": [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}]},
    ]
}


def second_page_hangs(request: PageRequest) -> float:
    return 0.0 if request.number == 1 else 60.0


class Caller(threading.Thread):
    """Asks in a thread of its own, and keeps what came."""

    def __init__(self, url: str, body: dict[str, Any]) -> None:
        super().__init__()
        self._url, self._body = url, body
        self.begun = threading.Event()
        self.status = 0
        self.headers = httpx.Headers()
        self.text = ""

    def run(self) -> None:
        with httpx.stream("POST", self._url, json=self._body, timeout=20) as answer:
            self.status, self.headers = answer.status_code, answer.headers
            for text in answer.iter_text():  # raises where the answer is cut off
                self.text += text
                self.begun.set()


def impatient(build: Any, pages: int) -> Site:
    site = build(
        ScriptedEngine(["one"], delay=second_page_hangs if pages > 1 else 60.0, slots=2),
        pages=pages,
        server=ServerSettings(drain=0.1),
    )
    assert isinstance(site, Site)
    return site


def test_a_stream_ends_with_an_error_event(build: Any, served: Served) -> None:
    """OpenAI's error after what was read, and an orderly end of the body."""
    with served(impatient(build, pages=2)) as site:
        caller = Caller(f"{site.url}/v1/chat/completions", {**CHAT, "stream": True})
        caller.start()
        assert caller.begun.wait(10)
    caller.join(10)
    events = [line.removeprefix("data: ") for line in caller.text.split("\n\n") if line]
    assert caller.status == 200
    assert json.loads(events[1])["choices"][0]["delta"]["content"] == "one"
    error = json.loads(events[-1])["error"]
    assert (error["code"], error["type"]) == ("draining", "server_error")
    assert "[DONE]" not in events


def test_an_answer_that_has_not_begun_is_refused_by_name(
    build: Any, served: Served, eventually: Callable[..., None]
) -> None:
    """Not with a bare 500."""
    with served(impatient(build, pages=1)) as site:
        caller = Caller(f"{site.url}/v1/chat/completions", CHAT)
        caller.start()
        eventually(lambda: site.engine.running)
    caller.join(10)
    assert (caller.status, caller.headers["retry-after"]) == (503, "5")
    assert json.loads(caller.text)["error"]["code"] == "draining"

"""What a client may send."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from starlette.types import Message, Receive, Scope, Send

from ocrgate.errors import OcrgateError
from ocrgate.gateway.budget import BytesInFlight
from ocrgate.gateway.exchange import Exchange
from ocrgate.gateway.intake.chunks import whole
from ocrgate.gateway.middleware.body import KEPT_BYTES, BodyBounds, BodyLimits, least_size

LIMITS = BodyLimits(size=100, silence=0.05, rate=0.0, linger=0.02)


@dataclass
class Wire:
    """A client that sends pieces, then waits, and what it gets back."""

    pieces: Sequence[bytes]
    ends: bool = True
    asked: int = 0
    got: list[Message] = field(default_factory=list)

    async def receive(self) -> Message:
        """The next piece; silence after the last when the body does not end."""
        if self.asked >= len(self.pieces):
            await asyncio.Event().wait()
        piece = self.pieces[self.asked]
        self.asked += 1
        more = not (self.ends and self.asked == len(self.pieces))
        return {"type": "http.request", "body": piece, "more_body": more}

    async def send(self, message: Message) -> None:
        """Keep what the server says."""
        self.got.append(message)

    @property
    def closes(self) -> bool:
        """Whether the answer closes the connection."""
        return (b"connection", b"close") in self.got[0]["headers"]


@dataclass
class App:
    """An application that reads the body (or does not) and answers what happened."""

    reads: bool = True
    body: bytes = b""
    error: OcrgateError | None = None
    held: int = 0
    budget: BytesInFlight = field(default_factory=lambda: BytesInFlight(1000))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        try:
            self.body = await whole(receive) if self.reads else b""
        except OcrgateError as raised:
            self.error = raised
        self.held = self.budget.held
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"answer"})


async def run(app: App, wire: Wire, headers: dict[str, str], limits: BodyLimits = LIMITS) -> None:
    """Send one request through the bounds."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "headers": raw}
    Exchange("rid").attach(scope)
    bounds = BodyBounds(app, limits=limits, budget=app.budget)
    await bounds(scope, wire.receive, wire.send)
    assert b"".join(m.get("body", b"") for m in wire.got) == b"answer"
    assert app.budget.held == 0


async def test_a_body_within_bounds_passes() -> None:
    """It arrives whole, its bytes are charged while it is held, the connection is kept."""
    app, wire = App(), Wire([b"a" * 40, b"b" * 60])
    await run(app, wire, {"content-length": "100"})
    assert app.body == b"a" * 40 + b"b" * 60
    assert app.held == 100
    assert not wire.closes


async def test_too_large_by_announcement_is_refused_unread() -> None:
    """With Expect: 100-continue not a byte is sent or waited for."""
    app, wire = App(), Wire([b"x"], ends=False)
    await run(app, wire, {"content-length": "101", "expect": "100-continue"})
    assert app.error is not None
    assert (app.error.code, app.error.limit) == ("payload_too_large", "100 bytes")
    assert (wire.asked, wire.closes) == (0, True)


async def test_too_large_without_announcement_is_cut_off() -> None:
    """A chunked body is counted; what is left of it is drained so that the answer arrives."""
    app, wire = App(), Wire([b"x" * 60] * 5)
    await run(app, wire, {"transfer-encoding": "chunked"})
    assert app.error is not None
    assert app.error.code == "payload_too_large"
    assert (wire.asked, wire.closes) == (5, True)


@pytest.mark.parametrize(
    ("headers", "code", "named"),
    [
        (
            {"content-length": "9", "content-encoding": "gzip"},
            "unsupported_media",
            "Content-Encoding",
        ),
        ({"content-length": "nine"}, "invalid_request", "Content-Length"),
        ({"content-length": "-9"}, "invalid_request", "Content-Length"),
    ],
)
async def test_a_head_that_promises_trouble_is_refused(
    headers: dict[str, str], code: str, named: str
) -> None:
    """Compressed bodies could be bombs; lengths must be numbers."""
    app, wire = App(), Wire([b"x"])
    await run(app, wire, headers)
    assert app.error is not None
    assert (app.error.code, app.error.field) == (code, named)


async def test_a_client_that_falls_silent_is_given_up() -> None:
    """Half a body holds nothing for ever."""
    app, wire = App(), Wire([b"x"], ends=False)
    await run(app, wire, {"content-length": "50"})
    assert app.error is not None
    assert (app.error.code, app.error.field) == ("invalid_request", "body")
    assert wire.closes


def test_slowness_is_judged_after_a_time_of_grace() -> None:
    """A slow link is served, a client that trickles is not, and nobody gets for ever."""
    limits = BodyLimits(size=10**6, silence=10, rate=1000, total=60)
    assert not limits.too_slow(0, 9.9)
    assert not limits.too_slow(5000, 15)
    assert limits.too_slow(4999, 15)
    assert limits.too_slow(10**6, 61)


async def test_a_trickling_client_is_given_up_in_mid_body() -> None:
    """Each piece comes in time, the whole never would."""
    limits = BodyLimits(size=100, silence=1.0, rate=0.0, total=0.002, linger=0.02)
    app = App()
    await run(app, SlowWire([b"x"] * 50), {"content-length": "50"}, limits)
    assert app.error is not None
    assert app.error.field == "body"


class SlowWire(Wire):
    """A client that lets time pass before each piece."""

    async def receive(self) -> Message:
        """The next piece, a little later."""
        await asyncio.sleep(0.0005)
        return await super().receive()


async def test_a_body_that_finds_no_memory_is_refused() -> None:
    """When all requests together hold too much, this one is told to come back."""
    app, wire = App(budget=BytesInFlight(50)), Wire([b"x" * 40, b"x" * 40])
    await run(app, wire, {"content-length": "80"})
    assert app.error is not None
    assert (app.error.code, app.error.retry_after) == ("overloaded", 1.0)


async def test_an_answer_before_the_body_waits_for_the_client_to_read_it() -> None:
    """A route that does not want a large body answers, drains and closes."""
    app, wire = App(reads=False), Wire([b"x" * 40, b"x" * 40])
    await run(app, wire, {"content-length": str(KEPT_BYTES + 1)})
    assert (app.error, wire.asked, wire.closes) == (None, 2, True)


@pytest.mark.parametrize("headers", [{"transfer-encoding": "chunked"}, {"content-length": "x"}])
async def test_an_unread_body_of_unknown_length_ends_the_connection(
    headers: dict[str, str],
) -> None:
    """It could be endless."""
    app, wire = App(reads=False), Wire([b"x" * 40])
    await run(app, wire, headers)
    assert (wire.asked, wire.closes) == (1, True)


async def test_a_small_body_that_nobody_wants_is_left_to_the_server() -> None:
    """The answer is out at once, and the connection stays."""
    app, wire = App(reads=False), Wire([b"x" * 40], ends=False)
    await run(app, wire, {"content-length": str(KEPT_BYTES)})
    assert (app.error, wire.asked, wire.closes) == (None, 0, False)


@pytest.mark.parametrize(
    ("kind", "length", "least"),
    [
        ("image/png", "1000000", 1_000_000),
        ("", "1000000", 1_000_000),
        ("application/json; charset=utf-8", "1000000", 745_904),
        ("multipart/form-data; boundary=x", "1000000", 995_904),
        ("application/json", "100", 0),
        ("image/png", "many", 0),
        ("image/png", "", 0),
    ],
)
def test_a_document_is_at_least_as_large_as_its_body_without_the_wrapping(
    kind: str, length: str, least: int
) -> None:
    """Base64 takes a quarter, a form its own headers."""
    assert least_size({"content-type": kind, "content-length": length}) == least

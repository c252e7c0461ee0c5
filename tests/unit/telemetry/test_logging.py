"""Logs: one form for all, request ids on every line, no secrets."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from ocrgate.keys.secret import new_id, new_secret
from ocrgate.telemetry.logging import configure, request_context, trace_context


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], root.level = before
    logging.getLogger("ocrgate").setLevel(logging.NOTSET)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail_and_log(log: structlog.stdlib.BoundLogger, message: str) -> None:
    try:
        int(message)
    except ValueError:
        log.exception("failed")


def test_machines_get_one_json_object_per_line() -> None:
    """A log collector parses every line, those of libraries and of failures too."""
    stream = io.StringIO()
    configure("auto", "info", stream)
    structlog.get_logger("ocrgate.x").info("page read", pages=3)
    logging.getLogger("uvicorn.error").warning("went %s", "wrong", extra={"color_message": "x"})
    fail_and_log(structlog.get_logger("ocrgate.x"), "boom")
    first, second, third = lines(stream)
    assert (first["event"], first["pages"], first["level"]) == ("page read", 3, "info")
    assert (second["event"], second["logger"]) == ("went wrong", "uvicorn.error")
    assert "color_message" not in second
    assert "boom" in str(third["exception"])
    assert all(line["timestamp"] for line in (first, second, third))


def test_people_get_readable_lines() -> None:
    """On a terminal a log line is not JSON."""
    stream = Terminal()
    configure("auto", "info", stream)
    structlog.get_logger("ocrgate.x").info("page read", pages=3)
    text = stream.getvalue()
    assert "page read" in text
    assert not text.startswith("{")


def test_every_line_of_a_request_names_it() -> None:
    """One id finds all that happened to a request, whoever logged it."""
    stream = io.StringIO()
    configure("json", "info", stream)
    with request_context("req-1"), trace_context("a" * 32):
        structlog.get_logger("ocrgate.a").info("inside")
        logging.getLogger("some.library").warning("library")
    structlog.get_logger("ocrgate.a").info("outside")
    inside, library, outside = lines(stream)
    assert inside["request_id"] == library["request_id"] == "req-1"
    assert inside["trace_id"] == "a" * 32
    assert "request_id" not in outside


def test_less_important_events_are_left_out() -> None:
    """The level holds for us and for libraries."""
    stream = io.StringIO()
    configure("json", "warning", stream)
    structlog.get_logger("ocrgate.a").info("no")
    logging.getLogger("b").info("no")
    structlog.get_logger("ocrgate.a").warning("yes")
    assert [line["event"] for line in lines(stream)] == ["yes"]


def test_libraries_are_heard_when_they_warn_or_when_debugging() -> None:
    """Their small talk does not bury what the server says."""
    quiet, loud = io.StringIO(), io.StringIO()
    configure("json", "info", quiet)
    logging.getLogger("some.library").info("started")
    configure("json", "debug", loud)
    logging.getLogger("some.library").info("started")
    assert (len(lines(quiet)), len(lines(loud))) == (0, 1)


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_secrets_never_reach_the_log(stream: type[io.StringIO]) -> None:
    """Whoever reads logs learns no key, however it got into the event."""
    written = stream()
    configure("auto", "info", written)
    secret = new_secret(new_id())
    log = structlog.get_logger("ocrgate.a")
    log.info(
        "key", event_text=secret, authorization=f"Bearer {secret}", note=f"sent {secret} twice"
    )
    log.info("header Bearer sk-other-123")
    logging.getLogger("lib").warning("got %s", secret)
    fail_and_log(log, f"bad {secret}")
    assert written.getvalue().count("ocrg_") == 4
    assert secret.rpartition("_")[2] not in written.getvalue()
    assert "sk-other-123" not in written.getvalue()


def test_what_json_cannot_say_is_written_all_the_same() -> None:
    """No event is lost, or ends its request, for what a client has sent."""
    stream = io.StringIO()
    configure("json", "info", stream)
    log = structlog.get_logger("ocrgate.a")
    log.info("odd", half="\ud800", large=2**70, kind=io.StringIO)
    assert [line["event"] for line in lines(stream)] == ["odd"]


def test_what_a_client_sent_moves_no_cursor_and_forges_no_line() -> None:
    """On a terminal escapes would be obeyed; lines of a traceback stay lines."""
    stream = Terminal()
    configure("console", "info", stream)
    log = structlog.get_logger("ocrgate.x")
    log.info("odd", path="/\x1b]0;title\x07\n2026 [info] forged", other="\x9b2J")
    fail_and_log(log, "\x1b[2J")
    text = stream.getvalue()
    assert not any(odd in text for odd in ("\x1b]", "\x1b[2J", "\x9b"))
    assert r"\n2026 [info] forged" in text
    assert "Traceback (most recent call last):\n" in text


def test_a_closed_stream_ends_nothing() -> None:
    """The log's reader has gone away; the server has not."""
    stream = io.StringIO()
    configure("json", "info", stream)
    stream.close()
    structlog.get_logger("ocrgate.a").info("unheard")

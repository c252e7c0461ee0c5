"""Logs to standard error: lines for people on a terminal, JSON for machines.

Every event of a request carries its ``request_id`` (and ``trace_id`` where traces are on) through
context variables. Libraries that log through the standard library come out in the same form.
Secrets do not: values of telling names and anything that looks like a key are masked.
"""

import contextlib
import json
import logging
import re
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, Literal, cast

import msgspec
import structlog

from ocrgate.telemetry.aside import Aside

Format = Literal["auto", "console", "json"]
Event = MutableMapping[str, Any]

MASK = "***"
_TELLING = frozenset(
    {"authorization", "x-api-key", "api_key", "key", "secret", "password", "token", "cookie"}
)
_SECRET = re.compile(r"(ocrg_[a-z2-7]{8}_)[a-z2-7]{40}|\bBearer\s+\S+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_OR_END = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_LONG = frozenset({"event", "exception", "stack"})  # may have several lines
_NOISY = ("python_multipart",)  # warns of each form that a client gets wrong, in the form's words
_OWN_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


def configure(
    log_format: Format = "auto", level: str = "info", stream: IO[str] | None = None
) -> None:
    """Send every log of the process to ``stream`` (standard error) in one form.

    Args:
        log_format: ``auto`` is ``console`` on a terminal and ``json`` elsewhere.
        level: the least important level of our own events that is kept; of libraries, warnings
            are, at least.
        stream: where to write.
    """
    target = sys.stderr if stream is None else stream
    number = logging.getLevelNamesMapping()[level.upper()]
    ending = _ending(log_format, target)
    handler = logging.StreamHandler(target)
    handler.setFormatter(_formatter(ending))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING) if number > logging.DEBUG else number)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in _OWN_LOGGERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *_facts(), *ending],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=partial(_Lines, target),
        cache_logger_on_first_use=False,
    )


@contextmanager
def stderr_aside() -> Iterator[Aside]:
    """Let nobody wait for standard error while the context is open: see :mod:`.aside`.

    What is written there is lost where too much waits. How much that was is logged later.
    """
    aside = Aside(sys.stderr, lost=_tell_of_loss)
    with aside, contextlib.redirect_stderr(cast("IO[str]", aside)):
        yield aside


def _tell_of_loss(lines: int) -> None:
    structlog.get_logger("ocrgate.telemetry").warning("log_lines_dropped", lines=lines)


class _Lines:
    """Writes our own lines, past the standard library: its way costs twice as much, and there is
    one line for every request.

    Args:
        target: where to write.
        name: of the logger.
    """

    def __init__(self, target: IO[str], name: str = "ocrgate") -> None:
        self._target = target
        self.name = name

    def msg(self, line: str) -> None:
        """Write one line at once. What cannot be written is lost; a log ends no request."""
        with contextlib.suppress(OSError, ValueError):
            self._target.write(f"{line}\n")
            self._target.flush()

    debug = info = warning = error = critical = msg


@contextmanager
def request_context(request_id: str) -> Iterator[None]:
    """Name the request in everything that is logged inside, in this task and those it starts."""
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        yield


@contextmanager
def trace_context(trace_id: str | None) -> Iterator[None]:
    """Name the trace in everything that is logged inside."""
    with structlog.contextvars.bound_contextvars(**({"trace_id": trace_id} if trace_id else {})):
        yield


def _facts() -> list[structlog.types.Processor]:
    """What every event says of itself."""
    return [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _ending(log_format: Format, target: IO[str]) -> list[structlog.types.Processor]:
    """What makes an event a line."""
    on_terminal = target.isatty()
    console = log_format == "console" or (log_format == "auto" and on_terminal)
    shown = [_harmless, structlog.dev.ConsoleRenderer(colors=on_terminal)]
    return [
        structlog.processors.format_exc_info,  # before masking: a message may quote a key
        mask_secrets,
        *(shown if console else [_as_json]),
    ]


def _formatter(ending: Sequence[structlog.types.Processor]) -> logging.Formatter:
    """The same for what libraries log."""
    merge = structlog.contextvars.merge_contextvars
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), merge, *_facts()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_color_message,
            *ending,
        ],
    )


_encode = msgspec.json.Encoder(enc_hook=repr).encode


def _as_json(_logger: Any, _method: str, event: Event) -> str:
    """One line for machines; values that JSON does not know are written as Python shows them."""
    try:
        return _encode(event).decode()
    except (ValueError, OverflowError):  # half a character pair, or a number beyond 64 bits
        return json.dumps(event, default=repr)


def _harmless(_logger: Any, _method: str, event: Event) -> Event:
    """What a client sent (a path, say) may not move a terminal's cursor or forge a line."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            shown = _CONTROL if name in _LONG else _CONTROL_OR_END
            event[name] = shown.sub(lambda found: repr(found[0])[1:-1], value)
    return event


def _without_color_message(_logger: Any, _method: str, event: Event) -> Event:
    """Uvicorn adds a colored copy of its message to each event."""
    event.pop("color_message", None)
    return event


def mask_secrets(_logger: Any, _method: str, event: Event) -> Event:
    """Replace what must not be read by whoever reads logs."""
    for name, value in event.items():
        if name.lower() in _TELLING:
            event[name] = MASK
        elif isinstance(value, str) and ("ocrg_" in value or "Bearer" in value):
            event[name] = _SECRET.sub(_hide, value)
    return event


def _hide(found: re.Match[str]) -> str:
    return f"{found[1]}{MASK}" if found[1] else f"Bearer {MASK}"

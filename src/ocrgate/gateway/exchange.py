"""What one request and its answer gather on their way through the layers: one typed object."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from starlette.types import Scope

_KEY = "ocrgate.exchange"


@dataclass(slots=True)
class Exchange:
    """One request.

    Attributes:
        request_id: names it in headers, logs and errors.
        started: instant of arrival, seconds of ``time.perf_counter``.
        reads: whether it asks for text, so that its outcome counts.
        caller, lane: who asks and in which class of traffic, once known.
        error: code of the error that was answered.
        gone: whether the client hung up before the answer.
        engine: name of the engine that read it.
        pages: pages that were read.
        timing: stages for ``Server-Timing``, name and seconds, in order.
        quota: headers that tell the caller's quota.
        shrink: tells the bytes-in-flight budget that the body has become this many bytes.
    """

    request_id: str
    started: float = field(default_factory=time.perf_counter)
    reads: bool = False
    caller: str = ""
    lane: str = ""
    error: str | None = None
    gone: bool = False
    engine: str = ""
    pages: int = 0
    timing: dict[str, float] = field(default_factory=dict)
    quota: dict[str, str] = field(default_factory=dict)
    shrink: Callable[[int], None] = lambda _size: None

    @property
    def elapsed(self) -> float:
        """Seconds since arrival."""
        return time.perf_counter() - self.started

    def facts(self) -> dict[str, str | int]:
        """What is known and worth a word in the log."""
        known: dict[str, str | int | None] = {
            "caller": self.caller,
            "lane": self.lane,
            "engine": self.engine,
            "pages": self.pages,
            "error": self.error,
            "gone": self.gone,
        }
        return {name: value for name, value in known.items() if value}

    @classmethod
    def of(cls, scope: Scope) -> Self:
        """The exchange of an ASGI scope.

        Raises:
            KeyError: no layer has opened one.
        """
        found: Self = scope[_KEY]
        return found

    def attach(self, scope: Scope) -> None:
        """Make it the scope's exchange."""
        scope[_KEY] = self

"""What a run is told, and what its loads have in common while it goes on."""

import asyncio
import time
from dataclasses import dataclass, field

from ocrgate.errors import InvalidRequest
from ocrgate.load.counters import Counters
from ocrgate.load.journal import Journal
from ocrgate.load.quality import Judge
from ocrgate.load.slo import Slo
from ocrgate.load.workload import Callers, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How long a load is held.

    Attributes:
        seconds: that are measured; None with ``requests``.
        requests: that are measured, unless ``seconds`` are over before.
        warmup: seconds before them that are not measured.
        timeout: seconds that one request may take, from the instant it is due.
        retries: further tries of a request that was refused, after the time that the server names.
        seed: of arrivals, order and callers.
    """

    seconds: float | None = 10.0
    requests: int | None = None
    warmup: float = 0.0
    timeout: float = 60.0
    retries: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.seconds is None and self.requests is None:
            raise InvalidRequest("a run needs an end: seconds or requests", field="--duration")
        if self.seconds is not None and self.seconds <= 0:
            raise InvalidRequest("a run takes more than 0 s", field="--duration")
        if self.timeout <= 0:
            raise InvalidRequest("a request takes more than 0 s", field="--timeout")
        if self.requests is not None and self.requests < 1:
            raise InvalidRequest("a run sends at least one request", field="--requests")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a run sends, in whose name, and what was promised."""

    workload: Workload
    callers: Callers = field(default_factory=Callers)
    slo: Slo = field(default_factory=Slo)


@dataclass(slots=True)
class Course:
    """What all loads of one run have in common while it goes on.

    Attributes:
        journal: where all is written down.
        judge: compares texts.
        zero: the instant of second 0, of the monotonic clock.
        salt: so that no two runs send the same pictures.
        stop: ends the run early.
        number: of the last request.
        gone: why the target was given up; empty while it is there.
        counters: of the load under way.
    """

    journal: Journal
    judge: Judge
    zero: float
    salt: int
    stop: asyncio.Event
    number: int = 0
    gone: str = ""
    counters: Counters = field(default_factory=Counters)

    @property
    def now(self) -> float:
        """Seconds of the run."""
        return time.monotonic() - self.zero

    @property
    def ended(self) -> bool:
        """Whether no more is to be sent at all."""
        return self.stop.is_set() or bool(self.gone)

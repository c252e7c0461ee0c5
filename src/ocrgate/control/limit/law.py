"""What a limit law is, what it is told, and what it says.

A law is told of everything as it happens and answers with a whole number of places. It never
halts: the value is at least 1, whatever it is told, in whatever order. It reads no clock; a
``now`` that stands still or leaps forward is met with calm, and one that goes back counts as
standing still.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

Reason = Literal[
    "fixed",
    "start",
    "slow_start",
    "probe",
    "hold",
    "app_limited",
    "preemption",
    "waiting",
    "preparing",
    "kv",
    "no_gain",
    "no_harm",
    "stale",
    "decay",
    "distrust",
    "latency",
    "drop",
]
"""Why the limit is what it is: a bounded label for metrics and the debug header."""

INPUT_WORK = 1 / 32
"""Work of an input token, in output tokens: prompts are read many tokens at a time."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a law says after it was told something: its value now, and why it stands there."""

    limit: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Signals:
    """What an engine says of its load in one poll; None for what it does not show.

    Attributes:
        running: requests in its batch.
        waiting: requests in its own queue, preempted ones included. Pages still being decoded there
            are in neither.
        kv_usage: used share of its KV cache, 0 to 1.
        preemptions_total: requests thrown out of the batch since the engine started.
        kv_capacity_tokens: tokens that its KV cache holds; the ledger's, no law looks at it.
        kv_block_tokens: tokens of a block, in which the cache is given out; the ledger's too.
    """

    running: float | None = None
    waiting: float | None = None
    kv_usage: float | None = None
    preemptions_total: float | None = None
    kv_capacity_tokens: int | None = None
    kv_block_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A page that left the replica.

    Attributes:
        seconds: from dispatch to its end.
        work: output tokens plus :data:`INPUT_WORK` times input tokens; 1 where none are counted.
        dropped: refused by the replica (429, 503) or timed out there. Pages whose callers left
            are not dropped, and tell nothing.
        late: its caller's time was up before it was read. Nothing is known of its work then.
    """

    seconds: float
    work: float
    dropped: bool = False
    late: bool = False


class Limit(Protocol):
    """A limit law. All instants and durations are seconds."""

    def value(self, now: float) -> int:
        """Places now, at least 1. Changes nothing."""

    def occupied(self, now: float, inflight: int, started: int | None = None) -> None:
        """So many pages are at the replica from ``now`` on. Told at each dispatch and each end.

        ``started`` of them have streamed something, which is told at each first piece too; None
        where answers are not streamed.
        """

    def progress(self, now: float, work: float) -> None:
        """So much was streamed since the last call: output tokens, and with a page's first one
        also :data:`INPUT_WORK` times its input tokens. For engines that do not stream: at the end.
        """

    def sample(self, now: float, sample: Sample) -> Change:
        """A page ended."""

    def signals(self, now: float, signals: Signals | None) -> Change:
        """A poll of the engine's metrics gave this; None: it failed."""

    def tick(self, now: float) -> Change:
        """Time has passed. To be called about four times a second."""

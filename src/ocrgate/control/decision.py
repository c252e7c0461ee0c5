"""What the admission core decides, and what it says of itself."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from ocrgate.domain.ticket import Lane, Ticket

Reason = Literal["backlog", "bytes", "wait", "infeasible", "draining"]


class Outcome(StrEnum):
    """How a page that had a place ended."""

    OK = "ok"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Admitted:
    """The ticket has a place, after ``waited`` seconds, ``away`` of them without an engine."""

    ticket: Ticket
    waited: float
    away: float = 0.0


@dataclass(frozen=True, slots=True)
class Queued:
    """The ticket waits."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Refused:
    """The ticket is turned away after ``waited`` seconds (0 at entry); nothing was done for it."""

    ticket: Ticket
    reason: Reason
    retry_after: float
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Expired:
    """The ticket's deadline cannot be met any more, after ``waited`` seconds."""

    ticket: Ticket
    waited: float


Decision = Admitted | Queued | Refused | Expired


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The gate at one instant: counts of tickets, ``bytes`` waiting, ``rate`` places per second."""

    limit: int
    inflight: dict[Lane, int]
    backlog: dict[Lane, int]
    bytes: int
    rate: float | None
    draining: bool

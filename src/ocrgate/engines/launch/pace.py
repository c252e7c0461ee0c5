"""How often a server is looked at, and what it is given to do. Values only."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from ocrgate.control.backoff import BackoffParams
from ocrgate.control.guard import Load
from ocrgate.engines.launch.diagnosis import Diagnosis
from ocrgate.engines.launch.facts import LaunchFacts


@dataclass(frozen=True, slots=True)
class Pace:
    """Times, all in seconds.

    Attributes:
        poll: between two questions whether a starting server answers.
        answer: longest wait for an answer, its first page apart. Long: a healthy server that is
            busy with large images has been seen to take half a minute.
        tick: between two looks at a server that is up.
        unanswered: questions in a row without an answer after which it counts as hung.
        page: between two looks at whether a server that is up reads pages.
        patient: longest wait for such a page. Long, as it stands in line behind all others.
        unread: such pages in a row that are not read after which it counts as hung.
        quiet: without work before it is restarted to carry more.
        checks: first pages that may fail before a server counts as unable to read.
        farewell: that vLLM is given beyond its own ``shutdown_timeout``.
        patience: of the guard: work without a death that earns the next step up.
        backoff: between restarts.
    """

    poll: float = 0.5
    answer: float = 15.0
    tick: float = 5.0
    unanswered: int = 20
    page: float = 60.0
    patient: float = 180.0
    unread: int = 3
    quiet: float = 30.0
    checks: int = 5
    farewell: float = 5.0
    patience: float = 600.0
    backoff: BackoffParams = field(default_factory=BackoffParams)


class State(StrEnum):
    """How a server is."""

    STARTING = "starting"
    UP = "up"
    DOWN = "down"  # send nothing more; pages in flight are being finished, or are lost
    RESTARTING = "restarting"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Change:
    """A server's state has changed.

    Attributes:
        index: which server.
        url: where it answers, without a path.
        state: the new one.
        load: what it carries, or will after the restart: the limit and the largest page to send.
        facts: its capacity, as far as it has said.
        diagnosis: why it is down or stopped; None where we ended it.
        wait: seconds until it is started again, where it is restarting.
    """

    index: int
    url: str
    state: State
    load: Load
    facts: LaunchFacts
    diagnosis: Diagnosis | None = None
    wait: float | None = None


Observer = Callable[[Change], None]
"""Told about every change, in the event loop; it must not raise."""


async def _nothing(_about: object) -> None:
    """The checks and the drain of a server that nobody sends pages to."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the supervisor asks of whoever sends the pages.

    Attributes:
        check: reads a page at the URL and raises where that does not work.
        reads: raises where the server of that index, which is up, reads no page.
        drain: returns when no page is in flight at the server of that index any more.
        busy: whether pages are in flight there; None where that is not known, and all time counts
            as work.
    """

    check: Callable[[str], Awaitable[None]] = _nothing
    reads: Callable[[int], Awaitable[None]] = _nothing
    drain: Callable[[int], Awaitable[None]] = _nothing
    busy: Callable[[int], bool] | None = None

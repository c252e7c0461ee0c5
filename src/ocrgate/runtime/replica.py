"""One replica of an engine, one try of a page at it, and what is told about them."""

import asyncio
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from ocrgate.control.balance import BalanceParams
from ocrgate.control.breaker import Breaker, BreakerParams, BreakerState, Pass
from ocrgate.control.retry import RetryParams
from ocrgate.domain.document import PageImage
from ocrgate.domain.recognition import PageReading, PageRequest, Usage
from ocrgate.errors import EngineError, EngineFailed, EngineUnavailable
from ocrgate.ports import Engine, Listener, Piece


@dataclass(frozen=True, slots=True)
class ReplicaParams:
    """How replicas are used.

    Attributes:
        breaker: when a replica is left alone.
        retry: how much may be tried again.
        balance: which replica gets a page.
        pause: seconds before a page is tried again where it failed, when there is no other
            replica: time for the failures of its neighbours to show that nobody is there.
        busy: seconds for which a replica is avoided that refused a page without saying how long.
        restart: seconds until a replica that could not be started is started again; doubled each
            time up to ``restart_most``.
    """

    breaker: BreakerParams = field(default_factory=BreakerParams)
    retry: RetryParams = field(default_factory=RetryParams)
    balance: BalanceParams = field(default_factory=BalanceParams)
    pause: float = 0.25
    busy: float = 2.0
    restart: float = 0.5
    restart_most: float = 5.0


@dataclass(frozen=True, slots=True)
class BreakerMoved:
    """The breaker of a replica closed or opened."""

    replica: int
    state: BreakerState


@dataclass(frozen=True, slots=True)
class CameUp:
    """A replica was started, or whoever watches it says that a new one stands in its place."""

    replica: int


@dataclass(frozen=True, slots=True)
class Retried:
    """A failed page was tried once more, or could not be.

    ``outcome``: how the second attempt ended (``ok``, ``failed``, ``cancelled``), or why there was
    none (``late``, ``budget``).
    """

    outcome: str


@dataclass(frozen=True, slots=True)
class Wasted:
    """Tokens were made for a page and thrown away with the attempt that made them."""

    tokens: int


ReplicaEvent = BreakerMoved | CameUp | Retried | Wasted


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """One replica now.

    Attributes:
        name: of its engine.
        up: false while it is being started.
        breaker: open also while it is not up.
        inflight: pages that it has.
        pace: seconds per token (per page, where none are counted); None before the first.
    """

    name: str
    up: bool
    breaker: BreakerState
    inflight: int
    pace: float | None


@dataclass(slots=True, eq=False)
class Replica:
    """An engine among others of its kind.

    Attributes:
        up: false from the beginning of the start until it has succeeded. An engine that nobody
            starts (it was before) answers for itself.
        fault: the last one.
        gone: whether whoever watches it has given it up, so that nothing brings it back.
        nudge: set to have it started without further delay.
    """

    index: int
    engine: Engine
    breaker: Breaker
    up: bool = True
    fault: Exception | None = None
    gone: bool = False
    nudge: asyncio.Event = field(default_factory=asyncio.Event)

    def due(self, now: float) -> float:
        """The instant from which it takes a page, infinite if that is not known."""
        return self.breaker.due(now) if self.up and not self.gone else float("inf")


class Room(Protocol):
    """What a page takes of a replica besides a place."""

    def fitting(self, candidates: Collection[int]) -> Collection[int]:
        """Those of the candidates that have room for the page; never none of some."""

    def sent(self, replica: int) -> None:
        """The page went to this one."""


Answer = tuple[PageReading, Usage]


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is sent.

    Attributes:
        request: what it is read for; text of a ``live`` one cannot be taken back.
        listener: the caller's.
        room: which replicas have room for it; None: nothing is known of that.
        deadline: instant from which nobody waits for it any more.
    """

    image: PageImage
    request: PageRequest
    listener: Listener | None = None
    room: Room | None = None
    deadline: float = math.inf


@dataclass(slots=True, eq=False)
class Attempt:
    """One try of one page at one replica.

    Attributes:
        leave: the breaker's.
        started: instant at which it began.
        page: what is sent.
        alive: called at the first token.
        watch: told of what it streams.
        tokens: made until now.
        told: whether such text went out.
        again: whether it is the page's second.
        answer: what came of it, if anything did.
        dropped: whether the replica would not take the page now.
    """

    replica: Replica
    leave: Pass
    started: float
    page: Page
    alive: Callable[["Attempt"], None]
    watch: "Watch"
    tokens: int = 0
    told: bool = False
    again: bool = False
    answer: Answer | None = None
    dropped: bool = False

    def hear(self, piece: Piece) -> None:
        """Some output came."""
        before, self.tokens = self.tokens, piece.tokens
        self.told = self.told or (self.page.request.live and bool(piece.text))
        if piece.tokens > 0 and before == 0:
            self.alive(self)
        # An engine that asks for the page once more counts from 1 again.
        more = piece.tokens - before
        self.watch.heard(self, more if more >= 0 else piece.tokens)
        if self.page.listener is not None:
            self.page.listener(piece)


class Watch(Protocol):
    """Who is told of every attempt, at once and in the event loop. It must not raise."""

    def began(self, attempt: Attempt) -> None:
        """A page is sent to the replica."""

    def heard(self, attempt: Attempt, tokens: int) -> None:
        """So many more tokens were streamed; the attempt's own count has them already."""

    def ended(self, attempt: Attempt) -> None:
        """It is over, with an answer or without one."""


class Unwatched:
    """Looks away."""

    def began(self, attempt: Attempt) -> None:
        """Nothing."""

    def heard(self, attempt: Attempt, tokens: int) -> None:
        """Nothing."""

    def ended(self, attempt: Attempt) -> None:
        """Nothing."""


def is_replicas_fault(error: EngineError) -> bool:
    """Whether an error speaks against the replica: 5xx, reset, timeout; never 4xx.

    Engines say so with the class attribute ``replica_fault``; without it, those that broke off or
    cannot be reached do.
    """
    default = isinstance(error, EngineFailed | EngineUnavailable)
    return bool(getattr(error, "replica_fault", default))


def may_come(error: Exception) -> bool:
    """Whether an engine that could not be started may be there by itself later: its server cannot
    be reached, or is still loading. A wrong key or model must be mended by somebody first.
    """
    return isinstance(error, EngineUnavailable) and bool(getattr(error, "replica_fault", False))


def turns_away(error: EngineError) -> bool:
    """Whether the replica is in order and takes no pages now: it is busy, or not set up for them.

    Another may take the page; this one would have headroom for ever, since it answers quickly.
    """
    refused = isinstance(error, EngineFailed | EngineUnavailable) and error.retryable
    return refused and not is_replicas_fault(error)

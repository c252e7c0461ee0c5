"""What a page is expected to take, and whether the engines' caches have room for it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ocrgate.control.cost import Estimate, Lengths, PageClass
from ocrgate.control.ledger import Promise
from ocrgate.control.ledgers import Ledgers
from ocrgate.domain.document import DocumentInfo, ImageSpec
from ocrgate.domain.recognition import PageRequest
from ocrgate.domain.ticket import Cost, Ticket
from ocrgate.errors import InvalidRequest
from ocrgate.ports import Clock, EngineDescription
from ocrgate.runtime.station import MOST_OUTPUT, StationState

_STRIDE = 32  # tokens of a page between two entries in the ledger


def price(
    info: DocumentInfo, request: PageRequest, engine: EngineDescription, lengths: Lengths
) -> Cost | None:
    """What the first page of a document takes, and so about what each of them does.

    None for engines that count no tokens, and for pages that have no size to be sent in (whoever
    prepares them says why).
    """
    if engine.tokens is None:
        return None
    try:
        size = sent_size(info.width, info.height, engine.input)
        tokens = engine.tokens(*size)
    except InvalidRequest:
        return None
    key = PageClass.of(engine.name, request.task, info.width * info.height)
    found, most = lengths.estimate(key), request.max_tokens or MOST_OUTPUT
    low, median, high = (min(most, round(each)) for each in (found.low, found.median, found.high))
    return Cost(tokens, low, median, high)


def sent_size(width: int, height: int, spec: ImageSpec) -> tuple[int, int]:
    """The size in pixels in which a page of ``width`` x ``height`` is sent.

    Raises:
        InvalidRequest: the model takes no image of that shape.
    """
    longest = max(width, height, 1)
    if longest > spec.max_side:
        width = max(1, round(width * spec.max_side / longest))
        height = max(1, round(height * spec.max_side / longest))
    return (width, height) if spec.sizing is None else spec.sizing.fit(width, height)


class TokenBudget:
    """The KV caches of all replicas (a :class:`~ocrgate.control.headroom.Budget`).

    Pages hold their part of one from their admission on, and so a moment before the engine has
    them. A ticket without a cost takes nothing, and a cache of unknown size has room for all.

    Args:
        replicas: how many there are.
        clock: tells the time; needed to choose among several.
    """

    def __init__(self, replicas: int = 1, clock: Clock | None = None) -> None:
        self._clock = clock
        self._ledgers = Ledgers(replicas)
        self._noted: dict[int, int] = {}

    def fits(self, ticket: Ticket, now: float) -> bool:
        """Whether the page may start beside those that run."""
        return ticket.cost is None or self._ledgers.fits(_promise(ticket.cost), now)

    def spares(self, ticket: Ticket, leading: Ticket, now: float) -> bool:
        """Whether the page may start before ``leading``, which waits for room."""
        if ticket.cost is None or leading.cost is None:
            return ticket.cost is None
        promise, ahead = _promise(ticket.cost), _promise(leading.cost)
        return self._ledgers.spares(promise, leading.id, ahead, now)

    def begin(self, ticket: Ticket, now: float) -> None:
        """The page has started."""
        if ticket.cost is not None:
            self._ledgers.hold(ticket.id, _promise(ticket.cost), now)
            self._noted[ticket.id] = 0

    def end(self, ticket_id: int, now: float) -> None:  # noqa: ARG002 - the form of a Budget
        """The page has ended."""
        self._ledgers.release(ticket_id)
        self._noted.pop(ticket_id, None)

    def advance(self, ticket_id: int, tokens: int) -> None:
        """The page has so many tokens by now: noted when they have become some more."""
        noted = self._noted.get(ticket_id)
        if noted is not None and tokens >= noted + _STRIDE:
            self._noted[ticket_id] = tokens
            self._ledgers.advance(ticket_id, tokens)

    def room(self, ticket_id: int) -> "PageRoom | None":
        """Where the page may be sent; None where there is no choice, or nothing is known."""
        if self._clock is None or len(self._ledgers) == 1 or ticket_id not in self._noted:
            return None
        return PageRoom(self, ticket_id, self._clock)

    def follow(self, replicas: Sequence[StationState], now: float) -> None:
        """The replicas are like this now."""
        self._ledgers.use([index for index, state in enumerate(replicas) if state.usable])
        for index, state in enumerate(replicas):
            self._ledgers.follow(index, state.capacity, _usage(state), now, state.block)

    def fitting(self, ticket_id: int, candidates: Collection[int], now: float) -> Collection[int]:
        """See :meth:`.Ledgers.fitting`."""
        return self._ledgers.fitting(ticket_id, candidates, now)

    def sent(self, ticket_id: int, replica: int) -> None:
        """The page went to this replica, where it begins anew."""
        if ticket_id in self._noted and self._ledgers.where(ticket_id) != replica:
            self._ledgers.move(ticket_id, replica)
            self._noted[ticket_id] = 0


@dataclass(frozen=True, slots=True)
class PageRoom:
    """Where one page may be sent (a :class:`~ocrgate.runtime.replica.Room`)."""

    budget: TokenBudget
    ticket_id: int
    clock: Clock

    def fitting(self, candidates: Collection[int]) -> Collection[int]:
        """Those of the candidates that have room for it."""
        return self.budget.fitting(self.ticket_id, candidates, self.clock.now())

    def sent(self, replica: int) -> None:
        """It went to this one."""
        self.budget.sent(self.ticket_id, replica)


def _usage(state: StationState) -> float:
    """The used part of a cache; 0 where that is not told, which credits nobody with anything."""
    usage = state.load.kv_usage if state.load is not None else None
    return usage or 0.0


def _promise(cost: Cost) -> Promise:
    estimate = Estimate(cost.low, cost.median, cost.high)
    return estimate.promise(cost.input_tokens, max(cost.high, MOST_OUTPUT))

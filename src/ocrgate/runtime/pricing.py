"""What a page is expected to take, and whether the engines' caches have room for it."""

from collections.abc import Sequence

from ocrgate.control.cost import Estimate, Lengths, PageClass
from ocrgate.control.ledger import Ledger, Promise
from ocrgate.domain.document import DocumentInfo, ImageSpec
from ocrgate.domain.recognition import PageRequest
from ocrgate.domain.ticket import Cost, Ticket
from ocrgate.errors import InvalidRequest
from ocrgate.ports import EngineDescription
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
    """The KV caches of all replicas as one (a :class:`~ocrgate.control.headroom.Budget`).

    Pages hold their part from their admission on, and so a moment before the engine has them. A
    ticket without a cost takes nothing, and while a cache's size is not known everything fits.
    """

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._noted: dict[int, int] = {}

    def fits(self, ticket: Ticket, now: float) -> bool:
        """Whether the page may start beside those that run."""
        return ticket.cost is None or self._ledger.judge(_promise(ticket.cost), now) != "full"

    def begin(self, ticket: Ticket, now: float) -> None:  # noqa: ARG002 - the form of a Budget
        """The page has started."""
        if ticket.cost is not None:
            self._ledger.hold(ticket.id, _promise(ticket.cost))
            self._noted[ticket.id] = 0

    def end(self, ticket_id: int, now: float) -> None:  # noqa: ARG002
        """The page has ended."""
        self._ledger.release(ticket_id)
        self._noted.pop(ticket_id, None)

    def advance(self, ticket_id: int, tokens: int) -> None:
        """The page has so many tokens by now: noted when they have become some more."""
        noted = self._noted.get(ticket_id)
        if noted is not None and tokens >= noted + _STRIDE:
            self._noted[ticket_id] = tokens
            self._ledger.advance(ticket_id, tokens)

    def follow(self, replicas: Sequence[StationState], now: float) -> None:
        """The replicas are like this now: those in use count, as far as all tell their size."""
        used = [state for state in replicas if state.usable]
        sizes = [state.capacity for state in used if state.capacity is not None]
        if not used:
            return
        capacity = sum(sizes) if len(sizes) == len(used) else None
        if capacity != self._ledger.capacity:
            self._ledger.resize(capacity)
        if capacity:
            taken = sum((state.capacity or 0) * _usage(state) for state in used)
            self._ledger.usage(min(1.0, taken / capacity), now)


def _usage(state: StationState) -> float:
    """The used part of a cache; 0 where that is not told, which credits nobody with anything."""
    usage = state.load.kv_usage if state.load is not None else None
    return usage or 0.0


def _promise(cost: Cost) -> Promise:
    estimate = Estimate(cost.low, cost.median, cost.high)
    return estimate.promise(cost.input_tokens, max(cost.high, MOST_OUTPUT))

"""What waits in one lane, and in which order it goes.

Between callers: the virtual token counter of :mod:`ocrgate.control.fairness`. Within a caller:
first come, first served while the queue moves; the newest entry first when a queue stands, since
whoever came last still has its time, and the oldest will hardly be served in theirs (adaptive LIFO,
"Fail at Scale", ACM Queue 2015; folly's Codel). A standing queue decides which entry goes, not
whether an entry goes before a later page of a document, and those keep their order.
"""

import heapq
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from ocrgate.control.fairness import Counters, Holdings
from ocrgate.domain.ticket import Lane, Ticket

LOOKAHEAD = 8
"""Tickets that are looked at for one that fits, in each lane."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A ticket in a queue. It is dropped at ``until`` if it is still there."""

    ticket: Ticket
    since: float
    until: float
    order: int = 0


@dataclass(frozen=True, slots=True)
class StandingParams:
    """When a queue stands.

    A queue that is empty now and then only evens out bursts; one whose shortest wait stays long
    does nothing but delay (CoDel, RFC 8289, section 3). The interval is the time in which senders
    react: here the least ``Retry-After``. The target is a tenth of it, the upper end of the range
    that RFC 8289, section 4.3, finds good.

    Attributes:
        target: seconds that the shortest wait may last.
        interval: seconds over which it is the shortest; infinite: first come, first served always.
        slough: entries that waited for more than this many targets may be turned away early when
            they would not be served in their patience (2 in folly's Codel).
    """

    target: float = 0.1
    interval: float = 1.0
    slough: float = 2.0

    def __post_init__(self) -> None:
        if not (self.target > 0 and self.interval > 0 and self.slough >= 1):
            raise ValueError("target and interval are above 0, slough is at least 1")


class Standing:
    """Whether a queue stands.

    Args:
        params: when it does.
    """

    def __init__(self, params: StandingParams) -> None:
        self._params = params
        self._shortest = math.inf
        self._end: float | None = None
        self.stands = False

    def saw(self, waited: float, now: float) -> None:
        """A place was free when the oldest entry had waited so long."""
        self._shortest = min(self._shortest, waited)
        if self._end is None:
            self._end = now + self._params.interval
        elif now >= self._end:
            self.stands = self._shortest > self._params.target
            self._shortest, self._end = math.inf, now + self._params.interval

    def retune(self, params: StandingParams) -> None:
        """Judge by other numbers, from the beginning."""
        self._params = params
        self.emptied()

    def emptied(self) -> None:
        """No entry waits any more."""
        self._shortest, self._end, self.stands = math.inf, None, False


@dataclass(slots=True)
class _Flow:
    """What one caller has waiting: entries, and later pages of its documents."""

    entries: "OrderedDict[int, Waiting]" = field(default_factory=OrderedDict)
    pages: "OrderedDict[int, Waiting]" = field(default_factory=OrderedDict)

    def __bool__(self) -> bool:
        return bool(self.entries or self.pages)

    def first(self, *, newest: bool) -> Waiting:
        """The next one."""
        page = next(iter(self.pages.values())) if self.pages else None
        entry = next(iter(self.entries.values())) if self.entries else None
        if entry is None or (page is not None and page.order < entry.order):
            assert page is not None
            return page
        return next(reversed(self.entries.values())) if newest else entry

    def candidates(self, *, newest: bool) -> Iterator[Waiting]:
        """The next one, then those that may pass it: no page passes an earlier page."""
        first = self.first(newest=newest)
        yield first
        entries = reversed(self.entries.values()) if newest else iter(self.entries.values())
        pages = islice(self.pages.values(), 1)
        yield from (item for kind in (entries, pages) for item in kind if item is not first)


class LaneQueue:
    """What waits in one lane.

    Args:
        params: when the queue stands.

    Attributes:
        waiting: all tickets, by id.
        entries: how many of them are judged at entry, so not later pages of documents.
        bytes: memory held by all of them.
        counters: the service that callers got.
        standing: whether the entries stand.
    """

    def __init__(self, params: StandingParams) -> None:
        self.waiting: dict[int, Waiting] = {}
        self.entries = 0
        self.bytes = 0
        self.counters = Counters()
        self.standing = Standing(params)
        self._oldest: OrderedDict[int, Waiting] = OrderedDict()
        self._flows: dict[str, _Flow] = {}
        self._holdings = Holdings()

    def __len__(self) -> int:
        return len(self.waiting)

    def push(self, item: Waiting, now: float) -> None:
        """Let one more wait."""
        ticket = item.ticket
        self.waiting[ticket.id] = item
        self.bytes += ticket.bytes
        flow = self._flows.get(ticket.caller)
        if flow is None:
            flow = self._flows[ticket.caller] = _Flow()
            self.counters.join(ticket.caller, now)
        if ticket.continues:
            flow.pages[ticket.id] = item
            return
        flow.entries[ticket.id] = item
        self.entries += 1
        self._oldest[ticket.id] = item
        self._holdings.add(ticket.caller)

    def remove(self, ticket_id: int) -> Waiting | None:
        """Take out one ticket wherever it stands; None if it does not wait here."""
        item = self.waiting.pop(ticket_id, None)
        if item is None:
            return None
        ticket = item.ticket
        self.bytes -= ticket.bytes
        flow = self._flows[ticket.caller]
        if ticket.continues:
            del flow.pages[ticket_id]
        else:
            self._remove_entry(flow, ticket)
        if not flow:
            del self._flows[ticket.caller]
            self.counters.leave(ticket.caller)
        return item

    def first(self) -> Waiting:
        """The next one. Something waits."""
        return self._flows[self.counters.first()].first(newest=self.standing.stands)

    def candidates(self) -> Iterator[Waiting]:
        """The next one, then those that may pass it, some of them."""
        flows = (self._flows[caller] for caller in self.counters.ordered(LOOKAHEAD))
        newest = self.standing.stands
        return islice((i for flow in flows for i in flow.candidates(newest=newest)), LOOKAHEAD)

    def oldest(self) -> Waiting | None:
        """The entry that has waited longest."""
        return next(iter(self._oldest.values())) if self._oldest else None

    def ahead(self, caller: str) -> int:
        """Tickets that go before the next of ``caller``, itself included, when turns are equal."""
        flow = self._flows.get(caller)
        own = len(flow.entries) + len(flow.pages) if flow else 0
        callers = len(self._flows) + (flow is None)
        return min(len(self.waiting) + 1, (own + 1) * callers)

    def gives_way(self, newcomer: str, seconds: float) -> Waiting | None:
        """The entry that leaves a full backlog to ``newcomer``: the newest of one that holds most.

        Args:
            newcomer: caller of the ticket that wants to wait.
            seconds: of service that a page takes.
        """
        others = islice(self._holdings.largest(), LOOKAHEAD)
        last = max(others, key=lambda caller: self._end(caller, seconds), default=newcomer)
        if self._end(last, seconds) <= self._end(newcomer, seconds) + seconds:
            return None
        return next(reversed(self._flows[last].entries.values()))

    def _end(self, caller: str, seconds: float) -> float:
        """Where its counter will be when all its entries have been served."""
        return self.counters.of(caller) + self._holdings.of(caller) * seconds

    def _remove_entry(self, flow: _Flow, ticket: Ticket) -> None:
        del flow.entries[ticket.id], self._oldest[ticket.id]
        self._holdings.remove(ticket.caller)
        self.entries -= 1
        if not self.entries:
            self.standing.emptied()


class Timers:
    """When waiting tickets have to be dropped.

    Args:
        lanes: where they wait.
    """

    def __init__(self, lanes: Mapping[Lane, LaneQueue]) -> None:
        self._lanes = lanes
        self._heap: list[tuple[float, int, Waiting]] = []

    def set(self, item: Waiting) -> None:
        """It has begun to wait."""
        if item.until == math.inf:
            return
        heapq.heappush(self._heap, (item.until, item.order, item))
        if len(self._heap) > 64 + 2 * sum(map(len, self._lanes.values())):
            self._heap = [timer for timer in self._heap if self._waits(timer[2])]
            heapq.heapify(self._heap)

    def next(self) -> Waiting | None:
        """The first that has to be dropped, if any."""
        while self._heap and not self._waits(self._heap[0][2]):
            heapq.heappop(self._heap)
        return self._heap[0][2] if self._heap else None

    def _waits(self, item: Waiting) -> bool:
        return item.ticket.id in self._lanes[item.ticket.lane].waiting

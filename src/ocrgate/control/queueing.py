"""What waits in one lane, and in which order it goes.

Between callers: the virtual token counter of :mod:`ocrgate.control.fairness`. Within a caller:
first come, first served. How many may wait under overload: :mod:`ocrgate.control.demand`.
"""

import heapq
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from ocrgate.control.demand import Demand, DemandParams
from ocrgate.control.fairness import Counters, Holdings
from ocrgate.domain.ticket import Lane, Ticket

LOOKAHEAD = 8
"""Tickets that are looked at for one that fits, in each lane."""

SCAN = 32
"""Callers up to which it is counted exactly who goes before whom."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A ticket in a queue. It is dropped at ``until`` if it is still there. When it came, the
    engine had been away for ``lost`` seconds in all.
    """

    ticket: Ticket
    since: float
    until: float
    order: int = 0
    lost: float = 0.0


@dataclass(slots=True)
class _Flow:
    """What one caller has waiting: entries, and later pages of its documents."""

    entries: "OrderedDict[int, Waiting]" = field(default_factory=OrderedDict)
    pages: "OrderedDict[int, Waiting]" = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self.entries) + len(self.pages)

    def first(self) -> Waiting:
        """The next one."""
        return next(self.candidates())

    def candidates(self) -> Iterator[Waiting]:
        """The next one, then those that may pass it: no page passes an earlier page."""
        page = next(iter(self.pages.values())) if self.pages else None
        for entry in self.entries.values():
            if page is not None and page.order < entry.order:
                yield page
                page = None
            yield entry
        if page is not None:
            yield page


class LaneQueue:
    """What waits in one lane.

    Args:
        params: how many entries wait under overload.

    Attributes:
        waiting: all tickets, by id.
        entries: how many of them are judged at entry, so not later pages of documents.
        bytes: memory held by all of them.
        counters: the service that callers got.
        demand: how much of what comes is turned away.
    """

    def __init__(self, params: DemandParams) -> None:
        self.waiting: dict[int, Waiting] = {}
        self.entries = 0
        self.bytes = 0
        self.counters = Counters()
        self.demand = Demand(params)
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
        return self._flows[self.counters.first()].first()

    def candidates(self) -> Iterator[Waiting]:
        """The next one, then those that may pass it, some of them."""
        flows = (self._flows[caller] for caller in self.counters.ordered(LOOKAHEAD))
        return islice((item for flow in flows for item in flow.candidates()), LOOKAHEAD)

    def ahead(self, caller: str, seconds: float) -> int:
        """Tickets that go before the next of ``caller``, itself included.

        Args:
            caller: whose next page is asked for.
            seconds: of service that a page takes.
        """
        flow = self._flows.get(caller)
        own = len(flow) if flow else 0
        if len(self._flows) > SCAN:  # as if all had got the same service
            return min(len(self.waiting) + 1, (own + 1) * (len(self._flows) + (flow is None)))
        turn = self.counters.of(caller) + own * seconds
        before = 0
        for name, other in self._flows.items():
            if name != caller and (lead := turn - self.counters.of(name)) >= 0:
                before += min(len(other), int(lead / seconds) + 1)
        return own + before + 1

    def behind(self, caller: str, seconds: float) -> bool:
        """Whether ``caller`` got so little service that all it has waiting, and one more page,
        leave it with no more than those that are served now.
        """
        pages = self._holdings.of(caller) + 1
        return self.counters.behind(caller) >= pages * seconds

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
        del flow.entries[ticket.id]
        self._holdings.remove(ticket.caller)
        self.entries -= 1


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

    def put_off(self, until: float) -> None:
        """The first that would have to be dropped waits on until then."""
        _, order, item = heapq.heappop(self._heap)
        if until < math.inf:
            heapq.heappush(self._heap, (until, order, replace(item, until=until)))

    def next(self) -> Waiting | None:
        """The first that has to be dropped, if any."""
        while self._heap and not self._waits(self._heap[0][2]):
            heapq.heappop(self._heap)
        return self._heap[0][2] if self._heap else None

    def _waits(self, item: Waiting) -> bool:
        return item.ticket.id in self._lanes[item.ticket.lane].waiting

"""Fairness between the callers of one lane: whose page is next, and who gives way.

Service: the virtual token counter (VTC; Sheng et al., OSDI 2024, arXiv 2401.00588). Each caller has
a counter of the service it got: the tokens of its pages, output weighing twice as much as input,
where they are known, else the seconds that they held their places. The waiting caller with the
lowest counter goes next. A page is charged with the estimate when it starts and corrected when it
ends. From that follow:

* equal service for callers that always wait, within the charge of one page of each;
* nothing is lost: while anybody waits, somebody is served;
* return: a caller that comes back is lifted to the counter of whoever was served last, less
  ``CREDIT``, so that nobody saves up more than that while away; but that much, so that a caller
  who sends less than its part goes before one that always sends more, though it sends in bursts;
* ageing, which VTC lacks: a caller waits with the key ``counter + AGEING * instant``, so that who
  joins later counts as that much ahead. Without it a stream of callers that each send one page
  would forever go before a caller that has been served once.

Both kinds of charge are in seconds of a place, so that they can be compared: tokens times the
seconds that a token took lately.

Waiting: a full backlog is shared out by the same counters. Each caller's last entry would be served
when its counter has risen by all that it has waiting, and the entry for which that is highest gives
way to a newcomer for whom it is lower. With equal counters this is max-min fairness: nobody gives
way to a caller that would then hold more. A caller that got little service may hold more for a
while, so that one which always sends keeps nobody out who sends less than its part, in bursts.
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterator

AGEING = 0.1
"""Seconds of service that one second of waiting makes up for."""

CREDIT = 5.0
"""Seconds of service that a caller may catch up on at least; as for lanes, ``lanes.CATCH_UP``."""

CREDIT_PAGES = 8.0
"""The same in pages, where those take longer: a caller sends pages and not seconds."""

REMEMBERED = 1024
"""Callers that are away, at most."""


class Counters:
    """Virtual token counters of the callers of one lane.

    Callers that neither wait nor hold a place are remembered, ``REMEMBERED`` of them. A caller that
    is not known starts where the one served last was, so that new names get no credit.
    """

    def __init__(self) -> None:
        self._served: dict[str, float] = {}
        self._held: dict[str, int] = {}
        self._since: dict[str, float] = {}  # of those that wait: last turn, or start of waiting
        self._order: list[tuple[float, int, str]] = []
        self._current: dict[str, tuple[float, int, str]] = {}
        self._away: OrderedDict[str, None] = OrderedDict()
        self._level = 0.0
        self._count = 0
        self._credit = CREDIT

    def __len__(self) -> int:
        """Callers that are remembered."""
        return len(self._served)

    def join(self, caller: str, now: float) -> None:
        """``caller`` starts to wait after it had nothing waiting."""
        self._served[caller] = self._start(caller)
        self._away.pop(caller, None)
        self._since[caller] = now
        self._place(caller)

    def leave(self, caller: str) -> None:
        """``caller`` has nothing waiting any more."""
        del self._since[caller], self._current[caller]
        self._forget(caller)

    def ordered(self, count: int) -> list[str]:
        """So many callers that wait, the next first; for whoever has to look past the first."""
        found: list[tuple[float, int, str]] = []
        while self._order and len(found) < count:
            entry = heapq.heappop(self._order)
            if self._current.get(entry[2]) is entry:
                found.append(entry)
        for entry in found:
            heapq.heappush(self._order, entry)
        return [caller for _, _, caller in found]

    def first(self) -> str:
        """The caller whose turn it is. Somebody waits."""
        while self._current.get(self._order[0][2]) is not self._order[0]:
            heapq.heappop(self._order)
        return self._order[0][2]

    def of(self, caller: str) -> float:
        """Its counter, or where it would start."""
        return self._served[caller] if caller in self._since else self._start(caller)

    def behind(self, caller: str) -> float:
        """Seconds of service that ``caller`` may have until it has as much as whoever was served
        last; 0 or less for one that has had them, and for one that is not known.
        """
        return self._level - self.of(caller)

    def charge(self, caller: str, seconds: float, now: float, usual: float = 0.0) -> None:
        """``caller`` got a place for a page that is expected to take ``seconds`` of service, where
        pages take ``usual`` seconds.
        """
        self._credit = max(CREDIT, CREDIT_PAGES * usual)
        served = self.of(caller)
        self._away.pop(caller, None)
        self._level = max(self._level, served)
        self._served[caller] = served + seconds
        self._held[caller] = self._held.get(caller, 0) + 1
        if caller in self._since:
            self._since[caller] = now
            self._place(caller)

    def settle(self, caller: str, seconds: float) -> None:
        """A page of ``caller`` has ended and took ``seconds`` more (or less) than charged."""
        self._served[caller] += seconds
        self._held[caller] -= 1
        if caller in self._since:
            self._place(caller)
        else:
            self._forget(caller)

    def _start(self, caller: str) -> float:
        served, level = self._served.get(caller), self._level
        if self._current:  # estimates were too high where those that wait are below the level
            level = min(level, self._served[self.first()])
        return level if served is None else max(served, level - self._credit)

    def _place(self, caller: str) -> None:
        self._count += 1
        key = self._served[caller] + AGEING * self._since[caller]
        entry = self._current[caller] = (key, self._count, caller)
        heapq.heappush(self._order, entry)
        if len(self._order) > 64 + 2 * len(self._current):  # mostly entries that were replaced
            self._order = list(self._current.values())
            heapq.heapify(self._order)

    def _forget(self, caller: str) -> None:
        """Note that ``caller`` may be away, and forget who has been so for longest."""
        if caller in self._since or self._held.get(caller):
            return
        self._held.pop(caller, None)
        self._away[caller] = None
        if len(self._away) > REMEMBERED:
            del self._served[self._away.popitem(last=False)[0]]


class Holdings:
    """How many entries each caller has waiting, and who has most, in O(1)."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._callers: list[dict[str, None]] = [{}]
        self._most = 0

    def of(self, caller: str) -> int:
        """Entries of ``caller``."""
        return self._counts.get(caller, 0)

    def add(self, caller: str) -> None:
        """One more."""
        count = self._move(caller, 1)
        self._most = max(self._most, count)

    def remove(self, caller: str) -> None:
        """One less."""
        count = self._move(caller, -1)
        if not self._callers[self._most]:
            self._most = count

    def largest(self) -> Iterator[str]:
        """The callers, those that have most first."""
        for count in range(self._most, 0, -1):
            yield from self._callers[count]

    def _move(self, caller: str, step: int) -> int:
        before = self._counts.get(caller, 0)
        count = before + step
        if before:
            del self._callers[before][caller]
        if not count:
            del self._counts[caller]
            return 0
        self._counts[caller] = count
        if count == len(self._callers):
            self._callers.append({})
        self._callers[count][caller] = None
        return count

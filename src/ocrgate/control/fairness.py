"""Fairness between the callers of one lane: whose page is next, and who gives way.

Service: the virtual token counter (VTC; Sheng et al., OSDI 2024, arXiv 2401.00588). Each caller has
a counter of the service it got: the tokens of its pages, output weighing twice as much as input,
where they are known, else the seconds that they held their places. The waiting caller with the
lowest counter goes next. A page is charged with the estimate when it starts and corrected when it
ends. From that follow:

* equal service for callers that always wait, within the charge of one page of each;
* nothing is lost: while anybody waits, somebody is served;
* return: a caller that comes back is lifted to the counter of whoever was served last, so that
  nobody saves up service while away;
* ageing, which VTC lacks: a caller waits with the key ``counter + AGEING * instant``, so that who
  joins later counts as that much ahead. Without it a stream of callers that each send one page
  would forever go before a caller that has been served once.

Both kinds of charge are in seconds of a place, so that they can be compared: tokens times the
seconds that a token took lately.

Waiting: a full backlog is shared out by max-min fairness. See :class:`Holdings`.
"""

import heapq

AGEING = 0.1
"""Seconds of service that one second of waiting makes up for."""

REMEMBERED = 1024
"""Callers that are ahead and away, at most."""


class Counters:
    """Virtual token counters of the callers of one lane.

    A caller that neither waits nor holds a place is forgotten as soon as the others have caught
    up with it, and the least ahead of them first when they are too many.
    """

    def __init__(self) -> None:
        self._served: dict[str, float] = {}
        self._held: dict[str, int] = {}
        self._since: dict[str, float] = {}  # of those that wait: last turn, or start of waiting
        self._order: list[tuple[float, int, str]] = []
        self._current: dict[str, tuple[float, int, str]] = {}
        self._away: list[tuple[float, str]] = []
        self._level = 0.0
        self._count = 0

    def __len__(self) -> int:
        """Callers that are remembered."""
        return len(self._served)

    def join(self, caller: str, now: float) -> None:
        """``caller`` starts to wait after it had nothing waiting."""
        self._served[caller] = max(self._served.get(caller, 0.0), self._level)
        self._since[caller] = now
        self._place(caller)

    def leave(self, caller: str) -> None:
        """``caller`` has nothing waiting any more."""
        del self._since[caller], self._current[caller]
        self._forget(caller)

    def ordered(self) -> list[str]:
        """All callers that wait, the next first; for whoever has to look past the first."""
        return [caller for _, _, caller in sorted(self._current.values())]

    def first(self) -> str:
        """The caller whose turn it is. Somebody waits."""
        while self._current.get(self._order[0][2]) is not self._order[0]:
            heapq.heappop(self._order)
        return self._order[0][2]

    def charge(self, caller: str, seconds: float, now: float) -> None:
        """``caller`` got a place for a page that is expected to take ``seconds`` of service."""
        served = self._served.get(caller, 0.0)
        if served < self._level:
            served = self._level
        else:
            self._level = served
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

    def _place(self, caller: str) -> None:
        self._count += 1
        key = self._served[caller] + AGEING * self._since[caller]
        entry = self._current[caller] = (key, self._count, caller)
        heapq.heappush(self._order, entry)
        if len(self._order) > 64 + 2 * len(self._current):
            self._order = list(self._current.values())
            heapq.heapify(self._order)

    def _forget(self, caller: str) -> None:
        """Note that ``caller`` may be away, and forget those who are and are not ahead."""
        away = self._away
        if not self._held.get(caller):
            self._held.pop(caller, None)
            heapq.heappush(away, (self._served[caller], caller))
        while away and (away[0][0] <= self._level or len(away) > REMEMBERED):
            served, gone = heapq.heappop(away)
            if self._served.get(gone) == served and not (gone in self._held or gone in self._since):
                del self._served[gone]


class Holdings:
    """How many entries each caller has waiting, and who has most, in O(1).

    A full backlog is shared out by max-min fairness: a newcomer takes the place of an entry of the
    caller that holds most if it then holds no more than that one. So no caller can keep others out
    by filling the backlog, and nobody within its part of the backlog is ever turned out.
    """

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

    def gives_way(self, newcomer: str) -> str | None:
        """The caller that must give a place of a full backlog to ``newcomer``; None: nobody."""
        if self._most <= self.of(newcomer) + 1:
            return None
        return next(iter(self._callers[self._most]))

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

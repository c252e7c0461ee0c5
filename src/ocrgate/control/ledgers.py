"""A ledger for each replica: whether one of them has room for a page, and which may be sent it.

A page must fit into the cache of one replica; the room that all of them have together says nothing.
So a page is entered in one ledger when it is let in, at the replica with the most room. Which of
them it is sent to is decided later, when the page is prepared, by whoever knows their places and
pace: any replica will do in whose ledger the page fits by then, and the one where it is entered
always does. It is entered where it was sent. So whatever is chosen, no ledger is ever promised more
than it has, as long as a page begins only when it fits.

A page that is too big for every cache goes by the largest ones alone: where nothing else is.

A page that has been passed often enough leads from then on: it is to start at the replica where it
will fit soonest, and whatever would delay it there starts elsewhere or waits (EASY backfilling,
Lifka 1995, in tokens written instead of seconds).
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ocrgate.control.ledger import Ledger, LedgerParams, Promise

_FRESH = 1.0  # seconds for which a page leads of which nothing was heard since


@dataclass(slots=True)
class _Lead:
    """The page that leads: where it will start, and tokens that each page writes until then."""

    page: int
    replica: int
    wait: int
    version: int
    at: float


class Ledgers:
    """The ledgers of all replicas, which go by their index.

    Args:
        count: replicas, at least 1. Each is in use, and of unknown size, until told otherwise.
        params: how careful the ledgers are.
    """

    def __init__(self, count: int, params: LedgerParams | None = None) -> None:
        self._params = params or LedgerParams()
        self._ledgers = [Ledger(self._params) for _ in range(count)]
        self._used = list(range(count))
        self._smallest = math.inf
        self._lead: _Lead | None = None
        self._version = 0
        self._entries: dict[int, tuple[int, Promise]] = {}

    def __len__(self) -> int:
        return len(self._ledgers)

    def __getitem__(self, replica: int) -> Ledger:
        """The ledger of one, to be looked at."""
        return self._ledgers[replica]

    def use(self, replicas: Sequence[int]) -> None:
        """These take pages now. When it is none, those before go on counting: pages then fail at
        once and say why, instead of waiting.
        """
        if replicas:
            self._used = list(replicas)

    def follow(
        self, replica: int, capacity: int | None, usage: float, now: float, block: int = 1
    ) -> None:
        """A replica's cache has this size in tokens, None if that is not known, is given out in
        blocks of so many, and this part of it is in use.
        """
        ledger = self._ledgers[replica]
        self._version += 1
        if (capacity, block) != (ledger.capacity, ledger.block):
            ledger.resize(capacity, block)
            self._smallest = min(each.size for each in self._ledgers)
        ledger.usage(usage, now)

    def fits(self, promise: Promise, now: float) -> bool:
        """Whether some replica has room for the page now."""
        for replica in self._large_enough(promise, self._used):
            if self._ledgers[replica].judge(promise, now) != "full":
                return True
        return False

    def hold(self, page: int, promise: Promise, now: float) -> int:
        """The page is let in: it is entered where there is the most room, and fits if it fits
        anywhere. Returns the replica.

        Raises:
            ValueError: it is entered already.
        """
        if page in self._entries:
            raise ValueError(f"page {page} is in a ledger already")
        if self._lead is not None and self._lead.page == page:
            self._lead = None
        replica = self._used[0] if len(self._used) == 1 else self._choose(promise, now)
        self._enter(page, promise, replica)
        return replica

    def spares(self, promise: Promise, page: int, leading: Promise, now: float) -> bool:
        """Whether a page may start before ``page``, which has no room yet and leads, since it does
        not make that wait longer than foreseen: it fits elsewhere, or has ended by then.
        """
        lead = self._lead
        if lead is None or lead.page != page or lead.version != self._version:
            lead = self._lead = self._foreseen(page, leading, now)
        lead.at = now
        return any(self._has_room(each, promise, now) for each in self._open(promise, now))

    def where(self, page: int) -> int | None:
        """The replica in whose ledger the page is; None for one that is in none."""
        entry = self._entries.get(page)
        return None if entry is None else entry[0]

    def fitting(self, page: int, candidates: Collection[int], now: float) -> Collection[int]:
        """Those of the candidates to which the page may be sent; of those without room the one with
        most, where none has any. Of a page that is in no ledger nothing is known: all.
        """
        entry = self._entries.get(page)
        if entry is None or not candidates:
            return candidates
        here, promise = entry
        free = self._open(promise, now, candidates)
        found = [
            each
            for each in candidates
            if each == here or (each in free and self._has_room(each, promise, now))
        ]
        return found or [self._roomiest(candidates, now)]

    def move(self, page: int, replica: int) -> None:
        """The page was sent to this replica, where it begins anew."""
        entry = self._entries.get(page)
        if entry is not None and entry[0] != replica:
            self._ledgers[entry[0]].release(page)
            self._enter(page, entry[1], replica)

    def advance(self, page: int, generated: int) -> None:
        """It has streamed so many tokens in all; see :meth:`Ledger.advance`."""
        entry = self._entries.get(page)
        if entry is not None:
            self._version += 1
            self._ledgers[entry[0]].advance(page, generated)

    def release(self, page: int) -> None:
        """It holds nothing any more. Doing it twice changes nothing."""
        entry = self._entries.pop(page, None)
        if entry is not None:
            self._version += 1
            self._ledgers[entry[0]].release(page)

    def _choose(self, promise: Promise, now: float) -> int:
        free = self._open(promise, now)
        fitting = [each for each in free if self._has_room(each, promise, now)]
        return self._roomiest(fitting or self._large_enough(promise, self._used), now)

    def _has_room(self, replica: int, promise: Promise, now: float) -> bool:
        return self._ledgers[replica].judge(promise, now) != "full"

    def _foreseen(self, page: int, promise: Promise, now: float) -> _Lead:
        """Where a page will fit soonest."""
        waits = {
            each: self._ledgers[each].wait(promise, now)
            for each in self._large_enough(promise, self._used)
        }
        replica = min(waits, key=lambda each: (waits[each], each))
        return _Lead(page, replica, waits[replica], self._version, now)

    def _open(
        self, promise: Promise, now: float, replicas: Collection[int] | None = None
    ) -> Collection[int]:
        """The replicas that could hold the page and would not delay the one that leads."""
        large = self._large_enough(promise, self._used if replicas is None else replicas)
        lead = self._lead
        if lead is None or now - lead.at > _FRESH or promise.expected <= lead.wait:
            return large
        return [each for each in large if each != lead.replica]

    def _enter(self, page: int, promise: Promise, replica: int) -> None:
        self._version += 1
        self._ledgers[replica].hold(page, promise)
        self._entries[page] = (replica, promise)

    def _large_enough(self, promise: Promise, replicas: Collection[int]) -> Collection[int]:
        """Those that could ever hold the page; the largest, where none could."""
        needed = promise.input + promise.expected
        if needed <= self._smallest or len(replicas) == 1:
            return replicas
        sizes = {each: self._ledgers[each].size for each in replicas}
        bound = min(needed, max(sizes.values(), default=0))
        return [each for each, size in sizes.items() if size >= bound]

    def _roomiest(self, replicas: Collection[int], now: float) -> int:
        """Where the most is left when every page has ended where it is expected to; among equals
        (their sizes are not known, say) the one with the fewest pages.
        """
        ledgers = self._ledgers
        return min(replicas, key=lambda each: (-ledgers[each].left(now), ledgers[each].pages, each))

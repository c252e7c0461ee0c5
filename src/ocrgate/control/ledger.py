"""What is promised to the pages of one replica, and whether one more fits in its KV cache.

The past-future test of LightLLM (Gong et al., ASPLOS 2025, arXiv 2507.10150): with the pages in the
order of their remaining output, longest first, the cache is fullest at the moment one of them ends,

    peak = max over k of (remaining_k * k + held_1 + ... + held_k),

since by then the first k have each grown by ``remaining_k`` and the others are gone. A page is let
in iff the peak with it stays within ``capacity * (1 - reserve)``, less what others hold. Reserving
the most that each may write would leave the cache four to eight times too empty (arXiv 2604.09613).

A page's remaining output comes from an estimate, moves on with the stream, and is estimated anew
when the page outgrows it. Where the engine's block size is known, what is held now and what will be
at the end of all is counted in whole blocks. In between some pages have just begun a block and
others nearly filled theirs: half a block is added for each, which is right on average, and for many
pages nearly so. (Rounded up twice for each, what it holds and what is to come, a cache in blocks of
128 tokens looks a fifth fuller than it is.)

Cost: O(1) when all fits or nothing does, else one pass over the pages in C (``itertools``).
"""

import math
from bisect import bisect_left, insort
from dataclasses import dataclass
from itertools import accumulate, count
from operator import add, mul, neg
from typing import Literal

Verdict = Literal["fits", "alone", "unknown", "full"]
"""Why a page is let in (``alone``: nothing else is there, so waiting would not help; ``unknown``:
the capacity is not known) or is not (``full``)."""


@dataclass(frozen=True, slots=True)
class LedgerParams:
    """How careful the ledger is.

    Attributes:
        reserve: part of the capacity that is kept free.
        overrun: a page that has outgrown every estimate is expected to write this many times what
            it has written.
        runaway: tokens that a page which outgrew its high estimate is expected to write at least.
        attack: part of the way to the engine's own figure that is gone with each poll, upwards.
        release: the same, downwards.
        memory: seconds in which a figure of others' load that is not renewed fades to 1/e.
    """

    reserve: float = 0.05
    overrun: float = 1.1
    runaway: int = 1024
    attack: float = 0.5
    release: float = 0.2
    memory: float = 10.0

    def __post_init__(self) -> None:
        bounds = {
            "reserve": 0 <= self.reserve < 1,
            "overrun": self.overrun > 1,
            "runaway": self.runaway >= 0,
            "attack": 0 < self.attack <= 1,
            "release": 0 < self.release <= 1,
            "memory": self.memory > 0,
        }
        if wrong := [name for name, holds in bounds.items() if not holds]:
            raise ValueError(f"out of range: {', '.join(wrong)}")


@dataclass(frozen=True, slots=True)
class Promise:
    """What a page will hold, in tokens.

    Attributes:
        input: tokens of its prompt, image included; exact.
        expected: output tokens that it is expected to write.
        high: output tokens that it hardly ever exceeds; the next estimate after ``expected``.
        cap: output tokens after which it is cut off.
    """

    input: int
    expected: int
    high: int
    cap: int

    def __post_init__(self) -> None:
        if self.input < 0 or not 0 <= self.expected <= self.high <= self.cap:
            raise ValueError("input >= 0 and 0 <= expected <= high <= cap")


@dataclass(slots=True)
class _Entry:
    promise: Promise
    generated: int
    expected: int


class Ledger:
    """Promises of one replica.

    Args:
        params: how careful it is.
        capacity: tokens of the KV cache; None: not known, and everything fits.
        block: tokens of a block; 1: not known.
    """

    def __init__(
        self, params: LedgerParams | None = None, capacity: int | None = None, block: int = 1
    ) -> None:
        self._params = params or LedgerParams()
        self._entries: dict[int, _Entry] = {}
        # Parallel lists, longest remaining output first. Half a block is in what is held.
        self._order: list[tuple[int, ...]] = []
        self._remaining: list[int] = []
        self._held: list[int] = []
        # Of all pages, in whole blocks: now, and when each has written what is expected.
        self._held_sum = 0
        self._total_sum = 0
        self._outside = 0.0
        self._outside_at = -math.inf
        self._capacity: int | None = None
        self._block = 1
        self.resize(capacity, block)

    @property
    def pages(self) -> int:
        """Pages that hold something."""
        return len(self._entries)

    @property
    def capacity(self) -> int | None:
        """Tokens of the KV cache, as far as known."""
        return self._capacity

    @property
    def block(self) -> int:
        """Tokens of a block; 1 where that is not known."""
        return self._block

    @property
    def held(self) -> int:
        """Tokens that the pages hold now, in whole blocks."""
        return self._held_sum

    @property
    def promised(self) -> int:
        """Tokens that the pages will hold when the cache is fullest."""
        return max(self._held_sum, self._peak(self._remaining, self._held))

    def outside(self, now: float) -> float:
        """Tokens that others hold in the cache, or that we do not know of."""
        faded = math.exp(-max(0.0, now - self._outside_at) / self._params.memory)
        return self._outside * faded if self._outside else 0.0

    def available(self, now: float) -> float:
        """Tokens that our pages may hold at the peak; infinite when the capacity is not known."""
        return self.size - self.outside(now)

    @property
    def size(self) -> float:
        """Tokens that a page alone may hold; infinite when the capacity is not known."""
        return math.inf if self._capacity is None else self._capacity * (1 - self._params.reserve)

    def left(self, now: float) -> float:
        """Tokens that would be left if all pages held at once what each will at its end, which
        takes no time to tell; below 0 when there are none.
        """
        return self.available(now) - self._total_sum

    def headroom(self, now: float) -> float:
        """Tokens between the promised peak and what is available; 0 when there are none."""
        return max(0.0, self.available(now) - self.promised)

    def resize(self, capacity: int | None, block: int = 1) -> None:
        """The engine has another cache (it was started anew, or says so for the first time)."""
        if (capacity is not None and capacity < 0) or block < 1:
            raise ValueError("capacity is at least 0, block at least 1")
        self._capacity = capacity
        if block != self._block:
            entries = {page: self._take_out(page) for page in list(self._entries)}
            self._block = block
            for page, entry in entries.items():
                self._put_in(page, entry)

    def judge(self, promise: Promise, now: float) -> Verdict:
        """Whether a page may be sent now; nothing is changed."""
        if self._capacity is None:
            return "unknown"
        if not self._entries:
            return "alone"
        available = self.available(now)
        entry = _Entry(promise, 0, promise.expected)
        now_held, at_end = self._blocks(entry)
        if self._total_sum + at_end <= available:
            return "fits"
        if self._held_sum + now_held > available:
            return "full"
        held, remaining = self._measure(entry)
        place = bisect_left(self._order, (-remaining,))
        remainders, helds = self._remaining.copy(), self._held.copy()
        remainders.insert(place, remaining)
        helds.insert(place, held)
        return "fits" if self._peak(remainders, helds) <= available else "full"

    def wait(self, promise: Promise, now: float) -> int:
        """Tokens that each page writes until this one fits at the latest, if nothing else starts; 0
        if it does now.

        A page ends when it has written what it is expected to, and only those instants are looked
        at; it may fit a little earlier. It takes a pass over the pages for each that must end.
        """
        if self.judge(promise, now) != "full":
            return 0
        available = self.available(now)
        held, remaining = self._measure(_Entry(promise, 0, promise.expected))
        for there in range(len(self._remaining) - 1, 0, -1):
            gone = self._remaining[there]  # of the longest ``there`` each writes this many more
            left = [each - gone for each in self._remaining[:there]]
            place = bisect_left(left, -remaining, key=neg)
            left.insert(place, remaining)
            helds = [each + gone for each in self._held[:there]]
            helds.insert(place, held)
            if self._peak(left, helds) <= available:
                return gone
        return self._remaining[0]

    def hold(self, page: int, promise: Promise) -> None:
        """The page was sent.

        Raises:
            ValueError: it holds something already.
        """
        if page in self._entries:
            raise ValueError(f"page {page} is in the ledger already")
        self._put_in(page, _Entry(promise, 0, promise.expected))

    def advance(self, page: int, generated: int) -> None:
        """It has streamed so many tokens in all; unknown pages and steps back change nothing."""
        entry = self._entries.get(page)
        if entry is None or generated <= entry.generated:
            return
        self._take_out(page)
        entry.generated = generated
        if generated >= entry.expected:
            entry.expected = self._again(entry)
        self._put_in(page, entry)

    def release(self, page: int) -> None:
        """It holds nothing any more. Doing it twice changes nothing."""
        if page in self._entries:
            self._take_out(page)

    def usage(self, share: float, now: float) -> None:
        """The engine says that this part (0 to 1) of its cache is in use.

        More than what our pages hold belongs to others. Less is not credited: pages that the
        engine has not let in yet will want their part.
        """
        if self._capacity is None or not 0 <= share <= 1:
            return
        seen, before = max(0.0, share * self._capacity - self._held_sum), self.outside(now)
        part = self._params.attack if seen > before else self._params.release
        self._outside = before + part * (seen - before)
        self._outside_at = now

    def _again(self, entry: _Entry) -> int:
        """The next estimate of a page that has outgrown the last."""
        promise, generated = entry.promise, entry.generated
        if generated < promise.high:
            return promise.high
        more = max(math.ceil(self._params.overrun * generated - 1e-9), self._params.runaway)
        return max(generated, min(promise.cap, more))

    def _measure(self, entry: _Entry) -> tuple[int, int]:
        """Tokens held, and half a block, and tokens still to come."""
        held = entry.promise.input + entry.generated
        return held + self._block // 2, entry.expected - entry.generated

    def _blocks(self, entry: _Entry) -> tuple[int, int]:
        """Tokens in whole blocks: held now, and at its end."""
        block, size = self._block, entry.promise.input
        return (
            -(-(size + entry.generated) // block) * block,
            -(-(size + entry.expected) // block) * block,
        )

    def _count(self, entry: _Entry, sign: int) -> None:
        """One page more, or one less."""
        now, at_end = self._blocks(entry)
        self._held_sum += sign * now
        self._total_sum += sign * at_end

    def _put_in(self, page: int, entry: _Entry) -> None:
        held, remaining = self._measure(entry)
        key = (-remaining, page)
        place = bisect_left(self._order, key)
        insort(self._order, key)
        self._remaining.insert(place, remaining)
        self._held.insert(place, held)
        self._count(entry, 1)
        self._entries[page] = entry

    def _take_out(self, page: int) -> _Entry:
        entry = self._entries.pop(page)
        _, remaining = self._measure(entry)
        place = bisect_left(self._order, (-remaining, page))
        del self._order[place], self._remaining[place], self._held[place]
        self._count(entry, -1)
        return entry

    @staticmethod
    def _peak(remaining: list[int], held: list[int]) -> int:
        return max(map(add, map(mul, remaining, count(1)), accumulate(held)), default=0)

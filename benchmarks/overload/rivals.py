"""Limit laws of others, written from their published rules, and what stands at a gate with them.

Vegas, Gradient2 and AIMD are those of Netflix' ``concurrency-limits`` (``VegasLimit``,
``Gradient2Limit``, ``AIMDLimit``, Apache-2.0) with their defaults, each page a sample.
"""

import math
import random
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from ocrgate.domain.ticket import Lane
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.workload import Page


@dataclass(frozen=True, slots=True)
class Asked:
    """A page that asks to be read: its number, when it came, when its client leaves, whose it is,
    and in which lane.
    """

    number: int
    page: Page
    at: float
    until: float
    caller: str = "all"
    lane: Lane = Lane.STANDARD


@dataclass(frozen=True, slots=True)
class Sent:
    """A page may go to the engine."""

    asked: Asked


@dataclass(frozen=True, slots=True)
class Denied:
    """A page is refused; ``after`` seconds it may come back (0: nothing is said)."""

    asked: Asked
    after: float = 0.0


Verdict = Sent | Denied


class Gate(Protocol):
    """What stands before a virtual engine. Every method gives verdicts, in order."""

    def offer(self, now: float, asked: Asked) -> Iterable[Verdict]:
        """A page has come."""

    def ended(self, now: float, asked: Asked, tokens: int | None) -> Iterable[Verdict]:
        """A page has left the engine with so many tokens, or without an end (None)."""

    def left(self, now: float, asked: Asked) -> Iterable[Verdict]:
        """The client of a page that waits at the gate has left."""

    def begun(self, now: float, asked: Asked) -> None:
        """A page has its first token."""

    def tick(self, now: float, engine: VirtualEngine) -> Iterable[Verdict]:
        """Four times a second."""

    def due(self) -> float | None:
        """When :meth:`tick` is wanted before that; None: it is not."""


class Law(Protocol):
    """A limit law."""

    limit: float

    def sample(self, seconds: float, inflight: int, *, dropped: bool) -> None:
        """A page took so long, with so many at the engine when it ended."""


@dataclass(slots=True)
class Fixed:
    """A number by hand."""

    limit: float

    def sample(self, seconds: float, inflight: int, *, dropped: bool) -> None:
        """It learns nothing."""


@dataclass(slots=True)
class Aimd:
    """Times 0.9 on a drop or after 5 s; else one more, where half of the limit is in use."""

    limit: float = 20.0
    timeout: float = 5.0

    def sample(self, seconds: float, inflight: int, *, dropped: bool) -> None:
        """One page."""
        if dropped or seconds > self.timeout:
            self.limit = max(20.0, math.floor(self.limit * 0.9))
        elif inflight * 2 >= self.limit:
            self.limit = min(200.0, self.limit + 1)


@dataclass(slots=True)
class Vegas:
    """The queue that the growth of the round trip suggests, held between 3 and 6 log10 of it."""

    limit: float = 20.0
    shortest: float = math.inf
    source: random.Random = field(default_factory=lambda: random.Random(1))
    count: int = 0
    jitter: float = 0.75

    def sample(self, seconds: float, inflight: int, *, dropped: bool) -> None:
        """One page."""
        self.count += 1
        if self.count >= self.jitter * 30 * self.limit:
            self.count, self.jitter = 0, self.source.uniform(0.5, 1.0)
            self.shortest = seconds
            return
        if seconds < self.shortest:
            self.shortest = seconds
            return
        self._move(seconds, inflight, dropped=dropped)

    def _move(self, seconds: float, inflight: int, *, dropped: bool) -> None:
        limit, log = self.limit, max(1, int(math.log10(self.limit)))
        queue = math.ceil(limit * (1 - self.shortest / seconds))
        if dropped:
            limit -= log
        elif inflight * 2 < limit:
            return
        elif queue <= log:
            limit += 6 * log
        elif queue < 3 * log:
            limit += log
        elif queue > 6 * log:
            limit -= log
        self.limit = max(1.0, min(1000.0, limit))


@dataclass(slots=True)
class Gradient2:
    """The short round trip against a long mean of it; drops are not looked at."""

    limit: float = 20.0
    mean: float = 0.0
    count: int = 0

    def sample(self, seconds: float, inflight: int, *, dropped: bool) -> None:  # noqa: ARG002
        """One page."""
        self.count += 1
        weight = 1 / self.count if self.count <= 10 else 2 / 601
        self.mean += weight * (seconds - self.mean)
        if self.mean / seconds > 2:
            self.mean *= 0.95
        if inflight < self.limit / 2:
            return
        gradient = max(0.5, min(1.0, 1.5 * self.mean / seconds))
        wanted = gradient * self.limit + 4
        self.limit = max(20.0, min(200.0, 0.8 * self.limit + 0.2 * wanted))


@dataclass(slots=True)
class Limited:
    """A law, and before it a queue of ``queue`` pages that wait ``patience`` seconds at most."""

    law: Law
    queue: int = 0
    patience: float = math.inf
    _inside: dict[int, float] = field(default_factory=dict)
    _waiting: OrderedDict[int, Asked] = field(default_factory=OrderedDict)

    def offer(self, now: float, asked: Asked) -> Iterator[Verdict]:
        """Sent, queued, or refused."""
        if len(self._inside) < int(self.law.limit):
            self._inside[asked.number] = now
            yield Sent(asked)
        elif len(self._waiting) < self.queue:
            self._waiting[asked.number] = asked
        else:
            yield Denied(asked)

    def ended(self, now: float, asked: Asked, tokens: int | None) -> Iterator[Verdict]:
        """The next in line goes."""
        seconds = now - self._inside[asked.number]
        self.law.sample(max(seconds, 1e-6), len(self._inside), dropped=tokens is None)
        del self._inside[asked.number]
        return self._next(now)

    def left(self, now: float, asked: Asked) -> Iterator[Verdict]:  # noqa: ARG002
        """It stands in line no more."""
        self._waiting.pop(asked.number, None)
        return iter(())

    def begun(self, now: float, asked: Asked) -> None:
        """Not looked at."""

    def tick(self, now: float, engine: VirtualEngine) -> Iterator[Verdict]:  # noqa: ARG002
        """Who has waited too long is refused."""
        for asked in list(self._waiting.values()):
            if now < asked.at + self.patience:
                break
            del self._waiting[asked.number]
            yield Denied(asked)
        yield from self._next(now)

    def due(self) -> float | None:
        """When the first in line has waited too long."""
        first = next(iter(self._waiting.values()), None)
        return None if first is None or math.isinf(self.patience) else first.at + self.patience

    def _next(self, now: float) -> Iterator[Verdict]:
        while self._waiting and len(self._inside) < int(self.law.limit):
            _, asked = self._waiting.popitem(last=False)
            self._inside[asked.number] = now
            yield Sent(asked)

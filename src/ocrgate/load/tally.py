"""Exact counts of a load run, of bounded size however long it goes on.

Single samples may be thinned (:mod:`ocrgate.load.journal`); what is counted here is not. A tally is
a sum: two of them merge, so a run that was cut short is added up again from its pieces.
"""

import math
from collections.abc import Iterable
from typing import TypeVar

import msgspec

Key = TypeVar("Key")
Number = TypeVar("Number", int, float)

GROWTH = 1.01  # a bucket of a histogram is one percent wide, so is the error of a quantile
FINEST = 1e-4  # seconds; faster answers share the first bucket


class Histogram(msgspec.Struct, omit_defaults=True):
    """Durations in buckets of one percent: bucket ``n`` ends at ``0.0001 * 1.01**n`` seconds."""

    buckets: dict[int, int] = msgspec.field(default_factory=dict)

    def add(self, seconds: float, count: int = 1) -> None:
        """Count one duration, in seconds; less than nothing counts as nothing."""
        bucket = 0 if seconds <= FINEST else math.ceil(math.log(seconds / FINEST, GROWTH))
        self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    def merge(self, other: "Histogram") -> None:
        """Add what another one counted."""
        _add_up(self.buckets, other.buckets)

    @property
    def total(self) -> int:
        """How many durations were counted."""
        return sum(self.buckets.values())

    def quantile(self, share: float) -> float | None:
        """Seconds within which ``share`` (0 to 1) of the durations lie; None without any.

        True to one percent: the geometric middle of the bucket in which the quantile falls.
        """
        wanted = share * self.total
        passed = 0
        for bucket in sorted(self.buckets):
            passed += self.buckets[bucket]
            if passed >= wanted:
                return FINEST * GROWTH ** (bucket - 0.5) if bucket else FINEST
        return None

    def within(self, seconds: float) -> int:
        """How many durations were at most so many seconds (true to one bucket)."""
        last = 0 if seconds <= FINEST else round(math.log(seconds / FINEST, GROWTH))
        return sum(count for bucket, count in self.buckets.items() if bucket <= last)


class Tally(msgspec.Struct, omit_defaults=True):
    """What was counted of one step, or of a piece of one.

    Attributes:
        outcomes: requests by outcome (``ok``, or the code of what went wrong), without warm-up.
        groups: the same by ``lane=batch``, ``key=0``, ``class=receipt``.
        sums: pages, tokens and bytes of what went well, by their unit (``pages``,
            ``input_tokens``, ``output_tokens``, ``sent_bytes``, ``received_bytes``), and
            ``seconds``, the time requests were under way (for Little's law).
        latency: intended send to last byte, of what went well.
        first: intended send to first token (or first byte), of what went well.
        seconds: by what happened (``offered``, ``sent``, ``done:ok``, ``done:overloaded``…) and
            the whole second of the run in which it did. Warm-up included: it is a time line.
    """

    outcomes: dict[str, int] = msgspec.field(default_factory=dict)
    groups: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    sums: dict[str, float] = msgspec.field(default_factory=dict)
    latency: Histogram = msgspec.field(default_factory=Histogram)
    first: Histogram = msgspec.field(default_factory=Histogram)
    seconds: dict[str, dict[int, int]] = msgspec.field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many requests were counted."""
        return sum(self.outcomes.values())

    def happened(self, what: str, at: float) -> None:
        """Put something on the time line, at seconds of the run."""
        second = math.floor(at)
        line = self.seconds.setdefault(what, {})
        line[second] = line.get(second, 0) + 1

    def ended(self, outcome: str, groups: Iterable[str]) -> None:
        """Count one request that is over."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        for group in groups:
            counts = self.groups.setdefault(group, {})
            counts[outcome] = counts.get(outcome, 0) + 1

    def sum_up(self, what: str, amount: float) -> None:
        """Add to one of the sums."""
        if amount:
            self.sums[what] = self.sums.get(what, 0) + amount

    def merge(self, other: "Tally") -> None:
        """Add what another one counted."""
        _add_up(self.outcomes, other.outcomes)
        _add_up(self.sums, other.sums)
        self.latency.merge(other.latency)
        self.first.merge(other.first)
        for group, counts in other.groups.items():
            _add_up(self.groups.setdefault(group, {}), counts)
        for what, line in other.seconds.items():
            _add_up(self.seconds.setdefault(what, {}), line)


def _add_up(into: dict[Key, Number], more: dict[Key, Number]) -> None:
    for key, amount in more.items():
        into[key] = into[key] + amount if key in into else amount

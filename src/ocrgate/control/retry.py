"""Whether a page that failed is tried once more.

Retries are paid from a budget, so that they cannot double the load on servers that fail because
they are overloaded (Beyer et al., "Site Reliability Engineering" (2016), chapter 21: a retry budget
per client of 10 % of the requests).
"""

from dataclasses import dataclass
from enum import StrEnum

ATTEMPTS = 2  # per page: one, and one more


@dataclass(frozen=True, slots=True)
class RetryParams:
    """The budget.

    A bucket holds ``floor`` tokens at first. Each success adds ``ratio`` up to ``most`` in all,
    each retry takes 1, and a bucket below ``floor`` gains ``floor / refill`` a second until it
    holds that again. In T seconds with S successes there are therefore at most
    ``most + ratio * S + floor * T / refill`` retries, and at the start ``floor`` in place of
    ``most``.
    """

    ratio: float = 0.1
    floor: float = 10.0
    most: float = 100.0
    refill: float = 60.0

    def __post_init__(self) -> None:
        if min(self.ratio, self.floor) < 0 or self.refill <= 0:
            raise ValueError("ratio and floor are at least 0, refill above 0")


class Retry(StrEnum):
    """What becomes of a failed page."""

    AGAIN = "again"
    FINAL = "final"  # it would fail again, or has been tried twice
    LATE = "late"  # not enough time is left
    BUDGET = "budget"  # too much is retried already


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed.

    Attributes:
        retryable: whether another attempt may end better.
        attempt: which one it was, from 1.
        took: seconds until it failed, or that a page usually takes, if that is less.
        left: seconds until the page's deadline.
    """

    retryable: bool
    attempt: int
    took: float
    left: float


class RetryBudget:
    """Decides about retries.

    Args:
        params: the budget.
        floor: used instead of ``params.floor`` where it is more: the pages that one replica has in
            flight, so that all of them are tried again when it dies.
    """

    def __init__(self, params: RetryParams | None = None, floor: float = 0.0) -> None:
        self._params = params or RetryParams()
        self._floor = max(self._params.floor, floor)
        self._most = max(self._params.most, self._floor)
        self._tokens = self._floor
        self._seen: float | None = None

    def widen(self, floor: float) -> None:
        """A replica has so many pages in flight by now: what that is more is there at once, for a
        replica may die before the bucket has filled up. It is not taken back when it has fewer.
        """
        more = max(0.0, floor - self._floor)
        self._floor += more
        self._tokens += more
        self._most = max(self._most, self._floor)

    def tokens(self, now: float) -> float:
        """Retries that may be made now, in fractions."""
        if self._seen is None or self._tokens >= self._floor:
            return self._tokens
        gained = self._floor * (now - self._seen) / self._params.refill
        return min(self._floor, self._tokens + gained)

    def succeeded(self, now: float) -> None:
        """A page was read."""
        self._set(min(self._most, self.tokens(now) + self._params.ratio), now)

    def decide(self, failure: Failure, now: float) -> Retry:
        """Whether to try again; if so, the retry is paid for.

        A second attempt takes about as long as the first did until it failed, and no longer than
        pages do, so that much time must be left.
        """
        if not failure.retryable or failure.attempt >= ATTEMPTS:
            return Retry.FINAL
        if failure.left <= failure.took:
            return Retry.LATE
        if self.tokens(now) < 1 - 1e-9:  # ten tenths are one
            return Retry.BUDGET
        self._set(max(0.0, self.tokens(now) - 1), now)
        return Retry.AGAIN

    def _set(self, tokens: float, now: float) -> None:
        self._tokens = tokens
        self._seen = now

"""A caller's own bounds: pages per minute and documents at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ocrgate.control.rate import Concurrency, RateDecision, RateLimiter
from ocrgate.errors import RateLimited
from ocrgate.ports import ApiKey
from ocrgate.telemetry.metrics import Metrics

_AGAIN = 1.0  # seconds; when one of the caller's own documents ends is not known


def headers_of(decision: RateDecision) -> dict[str, str]:
    """``RateLimit`` and its policy, as the caller sees them."""
    return {"ratelimit": decision.limit_header, "ratelimit-policy": decision.policy_header}


@dataclass(frozen=True, slots=True)
class Payment:
    """Pages that were paid for, and how to get those back that are not owed.

    Attributes:
        headers: that tell the quota after it.
        refund: gives back all pages but so many, and tells the quota after that.
    """

    headers: dict[str, str]
    refund: Callable[[int], dict[str, str]]


class Quotas:
    """Holds the bounds of all keys. What is refused costs nothing.

    Args:
        metrics: where refusals are counted.
        now: monotonic seconds.
    """

    def __init__(self, metrics: Metrics, *, now: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._now = now
        self._rates = RateLimiter()
        self._open = Concurrency()

    def left(self, key: ApiKey | None) -> dict[str, str]:
        """Headers that tell what is left of the caller's quota; takes nothing."""
        if key is None or key.rate is None:
            return {}
        return headers_of(self._rates.take(key.id, key.rate, 0, self._now()))

    def check(self, key: ApiKey | None) -> None:
        """Judge a caller before a body is read; takes nothing.

        Raises:
            RateLimited: not even one page would pass, or too many documents are open.
        """
        if key is None:
            return
        if key.concurrency is not None and self._open.held(key.id) >= key.concurrency:
            raise self._crowded(key)
        if key.rate is None:
            return
        decision = self._rates.take(key.id, key.rate, 1, self._now())
        self._demand(decision)
        self._rates.refund(key.id, key.rate, 1)

    @contextmanager
    def place(self, key: ApiKey | None) -> Iterator[None]:
        """Hold one of the caller's places for a document.

        Raises:
            RateLimited: all of them are held.
        """
        if key is None:
            yield
            return
        if not self._open.acquire(key.id, key.concurrency):
            raise self._crowded(key)
        try:
            yield
        finally:
            self._open.release(key.id)

    def pay(self, key: ApiKey | None, pages: int) -> Payment:
        """Pay for pages.

        Raises:
            RateLimited: they do not pass now.
        """
        if key is None or key.rate is None:
            return Payment({}, lambda _kept: {})
        rate = key.rate
        decision = self._rates.take(key.id, rate, pages, self._now())
        self._demand(decision)

        def refund(kept: int) -> dict[str, str]:
            self._rates.refund(key.id, rate, max(0, pages - kept))
            return self.left(key)

        return Payment(headers_of(decision), refund)

    def _demand(self, decision: RateDecision) -> None:
        if decision.allowed:
            return
        self._metrics.refused("rate", decision.retry_after)
        raise RateLimited(
            "this key's pages per minute are used up",
            limit=f"{decision.quota:g} pages per minute",
            retry_after=decision.retry_after,
        )

    def _crowded(self, key: ApiKey) -> RateLimited:
        self._metrics.refused("concurrency", _AGAIN)
        return RateLimited(
            "this key has as many documents open as it may",
            limit=f"{key.concurrency} at once",
            retry_after=_AGAIN,
        )

"""A caller's own quota: pages per minute (GCRA) and documents at once.

GCRA, the generic cell rate algorithm (ITU-T I.371), keeps one number per key: the instant at which
its quota would be whole again. Header values follow draft-ietf-httpapi-ratelimit-headers (10),
which uses structured fields (RFC 9651).
"""

import math
from dataclasses import dataclass

WINDOW = 60.0


@dataclass(frozen=True, slots=True)
class RateDecision:
    """What a quota says to one request.

    Attributes:
        allowed: whether it may pass.
        quota: pages per minute.
        remaining: whole pages left after this request.
        reset: seconds until the quota is whole again.
        retry_after: seconds until this request would pass; 0 when it was allowed.
    """

    allowed: bool
    quota: float
    remaining: int
    reset: float
    retry_after: float

    @property
    def limit_header(self) -> str:
        """The value of ``RateLimit``."""
        return f'"pages";r={self.remaining};t={math.ceil(self.reset)}'

    @property
    def policy_header(self) -> str:
        """The value of ``RateLimit-Policy``."""
        window = burst(self.quota) * WINDOW / self.quota
        return f'"pages";q={int(burst(self.quota))};w={math.ceil(window)}'


def burst(quota: float) -> float:
    """Pages that may come together: a minute's, but at least one whole page."""
    return max(quota, 1.0)


class RateLimiter:
    """Quotas of all keys. What is refused costs nothing.

    A request for more pages than the whole quota passes when the quota is whole, and is paid off
    afterwards: the mean rate holds, and no document is too long for ever.
    """

    def __init__(self) -> None:
        self._whole: dict[str, float] = {}
        self._prune_at = 1024

    def take(self, key: str, quota: float, cost: int, now: float) -> RateDecision:
        """Pay for ``cost`` pages at ``now`` (seconds) from ``quota`` pages per minute, above 0."""
        interval = WINDOW / quota
        most = burst(quota)
        whole = max(self._whole.get(key, now), now)
        due = whole + (min(cost, most) - most) * interval - now
        allowed = due <= 1e-9
        if allowed:
            whole += cost * interval
            self._keep(key, whole, now)
        remaining = max(0, math.floor((now - whole) / interval + most + 1e-9))
        return RateDecision(allowed, quota, remaining, whole - now, 0.0 if allowed else due)

    def refund(self, key: str, quota: float, cost: int) -> None:
        """Give back what :meth:`take` took, for pages that were not read after all."""
        if key in self._whole:
            self._whole[key] -= cost * WINDOW / quota

    def _keep(self, key: str, whole: float, now: float) -> None:
        self._whole[key] = whole
        if len(self._whole) > self._prune_at:
            self._whole = {k: instant for k, instant in self._whole.items() if instant > now}
            self._prune_at = max(1024, 2 * len(self._whole))


class Concurrency:
    """Documents at once, per key."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}

    def held(self, key: str) -> int:
        """How many the key has open."""
        return self._held.get(key, 0)

    def acquire(self, key: str, cap: int | None) -> bool:
        """Open one more if fewer than ``cap`` are open (None: any number)."""
        if cap is not None and self.held(key) >= cap:
            return False
        self._held[key] = self.held(key) + 1
        return True

    def release(self, key: str) -> None:
        """Close one."""
        left = self.held(key) - 1
        if left > 0:
            self._held[key] = left
        else:
            self._held.pop(key, None)

"""Quotas: GCRA, its header values, and requests at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.control.rate import Concurrency, RateLimiter


def test_a_whole_quota_can_be_used_at_once_and_then_flows_back_evenly() -> None:
    """60 pages a minute: 60 at once, then one more each second."""
    limiter = RateLimiter()
    assert limiter.take("a", 60, 60, now=0.0).allowed
    refused = limiter.take("a", 60, 1, now=0.0)
    assert not refused.allowed
    assert refused.retry_after == pytest.approx(1.0)
    assert limiter.take("a", 60, 1, now=1.0).allowed
    assert not limiter.take("a", 60, 1, now=1.0).allowed


def test_refused_pages_cost_nothing() -> None:
    """A thousand refusals later, the caller gets in exactly when it was told."""
    limiter = RateLimiter()
    limiter.take("a", 6, 6, now=0.0)
    told = [limiter.take("a", 6, 2, now=0.0).retry_after for _ in range(1000)]
    assert told == [pytest.approx(20.0)] * 1000
    assert limiter.take("a", 6, 2, now=20.0).allowed


def test_headers_say_what_is_left_and_until_when() -> None:
    """``RateLimit`` and ``RateLimit-Policy`` are structured fields with whole numbers."""
    decision = RateLimiter().take("a", 30, 10, now=0.0)
    assert decision.limit_header == '"pages";r=20;t=20'
    assert decision.policy_header == '"pages";q=30;w=60'


def test_a_rate_below_one_page_a_minute_still_lets_one_page_in() -> None:
    """Ten an hour: one now, one more in six minutes, and the headers say just that."""
    limiter = RateLimiter()
    before = limiter.take("a", 1 / 6, 0, now=0.0)
    assert (before.limit_header, before.policy_header) == ('"pages";r=1;t=0', '"pages";q=1;w=360')
    assert limiter.take("a", 1 / 6, 1, now=0.0).limit_header == '"pages";r=0;t=360'
    refused = limiter.take("a", 1 / 6, 1, now=0.0)
    assert not refused.allowed
    assert refused.retry_after == pytest.approx(360)
    assert limiter.take("a", 1 / 6, 1, now=360.0).allowed


def test_pages_can_be_paid_back() -> None:
    """Pages that were not read after all do not count."""
    limiter = RateLimiter()
    limiter.take("a", 10, 10, now=0.0)
    limiter.refund("a", 10, 4)
    assert limiter.take("a", 10, 4, now=0.0).allowed
    assert not limiter.take("a", 10, 1, now=0.0).allowed


def test_a_document_longer_than_the_quota_is_read_and_paid_off() -> None:
    """500 pages on 60 a minute pass when the quota is whole; the next page waits for the rest."""
    limiter = RateLimiter()
    assert limiter.take("a", 60, 500, now=0.0).allowed
    after = limiter.take("a", 60, 1, now=0.0)
    assert not after.allowed
    assert after.retry_after == pytest.approx(500 + 1 - 60)


def test_keys_do_not_pay_for_each_other() -> None:
    """One caller's use leaves another's quota whole."""
    limiter = RateLimiter()
    limiter.take("a", 5, 5, now=0.0)
    assert limiter.take("b", 5, 5, now=0.0).allowed


def test_idle_keys_are_forgotten() -> None:
    """A hundred thousand keys that came once do not stay in memory."""
    limiter = RateLimiter()
    for number in range(100_000):
        limiter.take(str(number), 60, 1, now=number * 0.1)
    assert len(limiter._whole) < 5_000


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 30)), min_size=1), st.integers(1, 100))
def test_no_minute_passes_more_than_twice_the_quota(
    requests: list[tuple[int, float]], quota: int
) -> None:
    """Whatever the pattern, the pages let through in t seconds are at most quota * (1 + t/60)."""
    limiter, now, passed = RateLimiter(), 0.0, 0
    for cost, gap in requests:
        now += gap
        allowed = limiter.take("a", quota, min(cost, quota), now).allowed
        passed += min(cost, quota) if allowed else 0
    assert passed <= quota * (1 + now / 60) + 1e-6


def test_requests_at_once_are_counted_per_key() -> None:
    """The third of two allowed is refused until one ends; an unlimited key is never."""
    held = Concurrency()
    assert [held.acquire("a", 2) for _ in range(3)] == [True, True, False]
    held.release("a")
    assert held.acquire("a", 2)
    assert all(held.acquire("b", None) for _ in range(100))
    assert held.held("a") == 2


def test_closing_more_than_was_opened_changes_nothing() -> None:
    """A second release of the same request does not open a place that is not there."""
    held = Concurrency()
    held.release("a")
    assert held.held("a") == 0
    assert held.acquire("a", 1)
    assert not held.acquire("a", 1)

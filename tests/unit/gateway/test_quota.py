"""A caller's own bounds."""

import pytest

from ocrgate.domain.ticket import Lane
from ocrgate.errors import RateLimited
from ocrgate.gateway.quota import Quotas
from ocrgate.ports import ApiKey
from ocrgate.telemetry.metrics import Metrics
from ocrgate.testing import ManualClock


def key(rate: float | None = None, concurrency: int | None = None) -> ApiKey:
    """A key with those bounds."""
    return ApiKey("id", "ann", Lane.STANDARD, rate, concurrency, 0.0)


def quotas() -> tuple[Quotas, ManualClock, Metrics]:
    """Quotas with a clock moved by hand."""
    clock, metrics = ManualClock(), Metrics()
    return Quotas(metrics, now=clock.now), clock, metrics


def test_pages_beyond_the_rate_are_refused_with_the_time_to_wait() -> None:
    """Sixty pages a minute: the 61st waits a second, and the refusal costs nothing."""
    own, clock, metrics = quotas()
    ann = key(rate=60)
    assert own.pay(ann, 60).headers["ratelimit"] == '"pages";r=0;t=60'
    with pytest.raises(RateLimited) as caught:
        own.pay(ann, 1)
    assert caught.value.retry_after == pytest.approx(1.0)
    assert b'refusals_total{reason="rate"} 1.0' in metrics.render()[0]
    clock.advance(1.0)
    own.pay(ann, 1)


def test_a_look_before_the_body_takes_nothing() -> None:
    """Requests that fail later for other reasons leave the quota as it was."""
    own, _, _ = quotas()
    ann = key(rate=2)
    for _ in range(5):
        own.check(ann)
    seen = [own.left(ann)["ratelimit"] for _ in range(5)]
    assert set(seen) == {'"pages";r=2;t=0'}


def test_a_used_up_quota_is_refused_before_the_body_is_read() -> None:
    """Nobody uploads a large file to be told that the quota is gone."""
    own, _, _ = quotas()
    ann = key(rate=1)
    own.pay(ann, 1)
    with pytest.raises(RateLimited):
        own.check(ann)


def test_what_was_refused_later_is_paid_back() -> None:
    """Being turned away by a full server costs no quota."""
    own, _, _ = quotas()
    ann = key(rate=10)
    payment = own.pay(ann, 4)
    assert payment.headers["ratelimit"].startswith('"pages";r=6')
    assert payment.refund(0)["ratelimit"].startswith('"pages";r=10')


def test_pages_that_were_given_are_not_paid_back() -> None:
    """Of a document that fails halfway the caller has half."""
    own, _, _ = quotas()
    ann = key(rate=10)
    payment = own.pay(ann, 4)
    assert payment.refund(3)["ratelimit"].startswith('"pages";r=7')


def test_documents_at_once_are_bounded() -> None:
    """A key with two places gets two; the third is refused at the door and inside."""
    own, _, metrics = quotas()
    ann = key(concurrency=2)
    with own.place(ann), own.place(ann):
        with pytest.raises(RateLimited) as caught:
            own.check(ann)
        with pytest.raises(RateLimited), own.place(ann):
            pass
        assert caught.value.limit == "2 at once"
    own.check(ann)
    assert b'refusals_total{reason="concurrency"} 2.0' in metrics.render()[0]


def test_a_place_is_given_back_when_the_work_fails() -> None:
    """An error does not use up a place for ever."""
    own, _, _ = quotas()
    ann = key(concurrency=1)
    with pytest.raises(RuntimeError), own.place(ann):
        raise RuntimeError
    own.check(ann)


def test_callers_without_bounds_have_no_headers() -> None:
    """An anonymous caller, and a key without a rate, see no quota."""
    own, _, _ = quotas()
    for caller in (None, key(), key(concurrency=3)):
        own.check(caller)
        assert own.left(caller) == {}
        assert own.pay(caller, 100).headers == {}
        assert own.pay(caller, 100).refund(0) == {}

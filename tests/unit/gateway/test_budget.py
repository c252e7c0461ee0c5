"""Bytes in flight."""

import pytest

from ocrgate.errors import Overloaded
from ocrgate.gateway.budget import BytesInFlight, Lease


def test_a_lease_gives_everything_back() -> None:
    """Memory that a request held is free for others after it, whatever happened."""
    budget = BytesInFlight(100)

    def fails() -> None:
        with Lease(budget) as lease:
            lease.grow(60)
            raise RuntimeError(budget.held)

    with pytest.raises(RuntimeError, match="60"):
        fails()
    assert budget.held == 0


def test_what_does_not_fit_is_refused_and_not_charged() -> None:
    """A full budget says no at once, and says when to come back."""
    budget = BytesInFlight(100)
    with Lease(budget) as first, Lease(budget) as second:
        first.grow(80)
        with pytest.raises(Overloaded) as caught:
            second.grow(30)
        second.grow(20)
        assert budget.held == 100
    assert (caught.value.reason, caught.value.retry_after) == ("bytes", 1.0)
    assert budget.held == 0


def test_a_body_that_became_a_smaller_document_frees_the_difference() -> None:
    """Base64 is a third larger than what it carries; shrinking never grows."""
    budget = BytesInFlight(100)
    with Lease(budget) as lease:
        lease.grow(40)
        lease.shrink_to(30)
        assert budget.held == 30
        lease.shrink_to(90)
        assert budget.held == 30

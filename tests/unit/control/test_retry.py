"""When a page is tried once more."""

import pytest

from ocrgate.control.retry import Failure, Retry, RetryBudget, RetryParams

FIRST = Failure(retryable=True, attempt=1, took=1.0, left=10.0)


def test_a_first_failure_with_time_left_is_tried_again() -> None:
    """And paid for."""
    budget = RetryBudget()
    assert budget.decide(FIRST, 0.0) is Retry.AGAIN
    assert budget.tokens(0.0) == 9.0


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure(retryable=False, attempt=1, took=1.0, left=10.0), Retry.FINAL),
        (Failure(retryable=True, attempt=2, took=1.0, left=10.0), Retry.FINAL),
        (Failure(retryable=True, attempt=1, took=5.0, left=5.0), Retry.LATE),
    ],
)
def test_what_is_not_tried_again_costs_nothing(failure: Failure, expected: Retry) -> None:
    """No use, tried twice, no time."""
    budget = RetryBudget()
    assert budget.decide(failure, 0.0) is expected
    assert budget.tokens(0.0) == 10.0


def test_a_fresh_server_may_retry_its_floor_then_a_tenth() -> None:
    """Ten retries at first; after that one for ten successes."""
    budget = RetryBudget()
    assert [budget.decide(FIRST, 0.0) for _ in range(11)] == [Retry.AGAIN] * 10 + [Retry.BUDGET]
    for _ in range(10):
        budget.succeeded(0.0)
    assert budget.decide(FIRST, 0.0) is Retry.AGAIN
    assert budget.decide(FIRST, 0.0) is Retry.BUDGET


def test_a_quiet_server_gets_its_floor_back() -> None:
    """A minute after it was used up, it holds ten again, not more."""
    budget = RetryBudget()
    for _ in range(10):
        budget.decide(FIRST, 0.0)
    assert budget.tokens(30.0) == pytest.approx(5.0)
    assert budget.tokens(3600.0) == 10.0


def test_all_pages_of_one_replica_may_be_tried_again() -> None:
    """The floor rises to the pages that can be lost at once."""
    assert RetryBudget(floor=32.0).tokens(0.0) == 32.0
    assert RetryBudget(floor=4.0).tokens(0.0) == 10.0


def test_savings_are_bounded() -> None:
    """A good day does not pay for a storm."""
    budget = RetryBudget()
    for _ in range(100_000):
        budget.succeeded(0.0)
    assert budget.tokens(0.0) == 100.0


def test_senseless_parameters_are_refused() -> None:
    """A bucket cannot leak tokens it never had."""
    with pytest.raises(ValueError, match="at least 0"):
        RetryParams(floor=-1.0)

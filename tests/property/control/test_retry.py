"""What the retry budget promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.control.retry import Failure, Retry, RetryBudget, RetryParams

FAILURE = Failure(retryable=True, attempt=1, took=0.0, left=1.0)
STEPS = st.lists(
    st.tuples(st.sampled_from(("success", "failure", "wait")), st.floats(0.0, 30.0)), max_size=200
)


@given(STEPS)
def test_retries_stay_within_the_formula(steps: list[tuple[str, float]]) -> None:
    """From the start: floor + ratio * successes + floor * seconds / refill."""
    params = RetryParams(floor=3.0, most=8.0, refill=30.0)
    budget, now, successes, retries = RetryBudget(params), 0.0, 0, 0
    for kind, seconds in steps:
        if kind == "wait":
            now += seconds
        elif kind == "success":
            budget.succeeded(now)
            successes += 1
        else:
            retries += budget.decide(FAILURE, now) is Retry.AGAIN
        assert 0.0 <= budget.tokens(now) <= 8.0
        bound = params.floor + params.ratio * successes + params.floor * now / params.refill
        assert retries <= bound + 1e-6


@given(st.floats(0, 100), st.floats(0, 100), st.integers(1, 5), st.booleans())
def test_again_means_that_it_can_help(
    took: float, left: float, attempt: int, retryable: bool
) -> None:
    """A retry is a first one, of what may end better, with time for it."""
    made = RetryBudget().decide(Failure(retryable, attempt, took, left), 0.0)
    assert (made is Retry.AGAIN) == (retryable and attempt == 1 and took < left)


def test_decisions_without_tokens_take_none() -> None:
    """Refusals cannot push the budget below nothing, or it would take longer to come back."""
    budget = RetryBudget(RetryParams(floor=1.0))
    for _ in range(50):
        budget.decide(FAILURE, 0.0)
    assert budget.tokens(0.0) == 0.0
    assert budget.tokens(60.0) == pytest.approx(1.0)

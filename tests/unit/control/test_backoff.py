"""Waits between tries that fail."""

import pytest

from ocrgate.control.backoff import BackoffParams, delay, failures_in_a_row

PARAMS = BackoffParams(first=1.0, most=30.0, reset=60.0)


def test_the_bound_doubles_up_to_the_most() -> None:
    """With the largest draw: 1, 2, 4, 8, 16, 30, 30 seconds, and no overflow later on."""
    bounds = [delay(PARAMS, failures, 1.0) for failures in (1, 2, 3, 4, 5, 6, 7, 10_000)]
    assert bounds == [1, 2, 4, 8, 16, 30, 30, 30]


def test_jitter_reaches_down_to_nothing() -> None:
    """Full jitter: any share of the bound may be drawn."""
    assert delay(PARAMS, 6, 0.0) == 0
    assert delay(PARAMS, 6, 0.25) == pytest.approx(7.5)


def test_no_failure_no_wait() -> None:
    assert delay(PARAMS, 0, 0.9) == 0


def test_a_long_success_wipes_the_slate() -> None:
    """A minute of success makes the next failure the first again; less adds to the count."""
    assert failures_in_a_row(PARAMS, 5, 59.9) == 6
    assert failures_in_a_row(PARAMS, 5, 60.0) == 1

"""Counts that stay exact and small."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.load.tally import Histogram, Tally

durations = st.lists(st.floats(1e-3, 3600), min_size=1, max_size=200)


@settings(deadline=None, max_examples=60)
@given(durations, st.floats(0.01, 1.0))
def test_quantiles_of_a_histogram_are_true_to_one_percent(values: list[float], part: float) -> None:
    """As if every duration had been kept."""
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = sorted(values)[max(0, math.ceil(part * len(values) - 1e-9) - 1)]
    assert histogram.quantile(part) == pytest.approx(exact, rel=0.0101)
    assert histogram.total == len(values)


@settings(deadline=None, max_examples=40)
@given(durations, durations)
def test_tallies_add_up(one: list[float], two: list[float]) -> None:
    """Two pieces of a run come to the same as the whole."""

    def tally(values: list[float]) -> Tally:
        made = Tally()
        for value in values:
            made.latency.add(value)
            made.ended("ok" if value > 1 else "timeout", ("lane=batch",))
            made.happened("done:ok", value)
            made.sum_up("pages", 2)
        return made

    merged = tally(one)
    merged.merge(tally(two))
    assert merged == tally([*one, *two])
    assert merged.total == len(one) + len(two)


def test_a_histogram_of_a_long_run_is_small() -> None:
    """From a tenth of a millisecond to half a day there are some 2,000 buckets."""
    histogram = Histogram()
    for place in range(100_000):
        histogram.add(1e-4 * 1.0002**place)
    assert len(histogram.buckets) < 2100


def test_edges_of_a_histogram() -> None:
    """Nothing, less than nothing, and what lies within a bound."""
    histogram = Histogram()
    assert histogram.quantile(0.5) is None
    histogram.add(-1.0)
    histogram.add(2.0, 3)
    assert histogram.quantile(0.01) == pytest.approx(1e-4)
    assert (histogram.within(1.9), histogram.within(2.1)) == (1, 4)

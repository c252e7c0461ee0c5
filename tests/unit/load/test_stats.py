"""Quantiles that never flatter, and a run that checks itself."""

import pytest

from ocrgate.load.stats import Gauge, little, quantile, spread


def test_a_quantile_is_one_of_the_values() -> None:
    """The 99th of a hundred values is the 99th, not something between it and the last."""
    ordered = [float(value) for value in range(1, 101)]
    assert quantile(ordered, 0.99) == 99.0
    assert quantile(ordered, 0.5) == 50.0
    assert quantile(ordered, 1.0) == 100.0
    assert quantile(ordered, 0.0) == 1.0
    assert quantile([], 0.5) is None


def test_the_tail_of_few_values_is_their_largest() -> None:
    """Ten answers say nothing better of a p99 than the worst of them."""
    assert quantile([1.0] * 9 + [5.0], 0.99) == 5.0


def test_a_spread_sums_up() -> None:
    """Count, mean and the usual quantiles, from values in any order."""
    found = spread([3.0, 1.0, 2.0, 4.0])
    assert found is not None
    assert (found.count, found.mean, found.smallest, found.p50, found.largest) == (4, 2.5, 1, 2, 4)
    assert spread([]) is None


def test_a_gauge_integrates() -> None:
    """Two in flight for three seconds and one for two are eight request-seconds."""
    gauge = Gauge()
    gauge.change(2, 10.0)
    gauge.change(-1, 13.0)
    gauge.change(-1, 15.0)
    assert gauge.area(20.0) == pytest.approx(8.0)
    assert (gauge.value, gauge.most) == (0, 2)


def test_little_agrees_where_all_waiting_is_on_the_wire() -> None:
    """Ten answers a second of half a second each are five in flight."""
    found = little(5.0, answers=600, seconds=60, mean_latency=0.5)
    assert found.holds is True
    assert found.gap == pytest.approx(0.0)


def test_little_tells_of_a_queue_inside_the_client() -> None:
    """Five should have been on the wire and two were: the others waited here."""
    found = little(2.0, answers=600, seconds=60, mean_latency=0.5)
    assert found.holds is False
    assert found.gap == pytest.approx(0.6)


def test_little_says_nothing_of_too_little() -> None:
    """Chance alone is larger, or most requests straddle the edges."""
    assert little(1.0, answers=20, seconds=60, mean_latency=0.5).holds is None
    assert little(1.0, answers=600, seconds=60, mean_latency=30).holds is None
    assert little(1.0, answers=0, seconds=0, mean_latency=0).holds is None

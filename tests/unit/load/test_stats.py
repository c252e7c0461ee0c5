"""Quantiles that never flatter, and a run that checks itself."""

import pytest

from ocrgate.load.stats import Gauge, little, quantile, spread, wilson, without_one


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
    found = little(5.0, requests=600, seconds=60, mean=0.5)
    assert found.holds is True
    assert found.gap == pytest.approx(0.0)


def test_little_tells_of_a_queue_inside_the_client() -> None:
    """Five should have been on the wire and two were: the others waited here."""
    found = little(2.0, requests=600, seconds=60, mean=0.5)
    assert found.holds is False
    assert found.gap == pytest.approx(0.6)


def test_little_says_nothing_of_too_little() -> None:
    """Chance alone is larger."""
    assert little(1.0, requests=20, seconds=60, mean=0.5).holds is None
    assert little(1.0, requests=0, seconds=0, mean=0).holds is None


def test_a_share_of_none_is_not_surely_none() -> None:
    """Of none in 100 it may be 3.7 %, of none in none anything."""
    assert wilson(0, 100) == pytest.approx((0.0, 0.0370), abs=1e-4)
    assert wilson(100, 100) == pytest.approx((0.9630, 1.0), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_an_interval_of_a_share_is_wilson_s() -> None:
    """Newcombe (1998), table I: 81 of 263, 15 of 148."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)


@pytest.mark.parametrize("share", [0.1, 0.01, 0.001])
def test_enough_without_one_is_just_enough(share: float) -> None:
    count = without_one(share)
    assert wilson(0, count)[1] <= share < wilson(0, count - 1)[1]


def test_few_values_tell_of_few_quantiles() -> None:
    """The p99 of 20 is the largest of them, and called so."""
    few, many = spread(range(20)), spread(range(100))
    assert few is not None
    assert many is not None
    assert [few.tells(name) for name in ("p50", "p90", "p95", "p99")] == [True, True, True, False]
    assert many.tells("p99")

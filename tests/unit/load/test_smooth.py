"""Noise is taken off curves without bending them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ocrgate.load.smooth import rising, unimodal

VALUES = st.lists(st.floats(0.1, 100.0), min_size=1, max_size=12)


@given(VALUES)
def test_a_rising_curve_rises_and_keeps_the_mean(values: list[float]) -> None:
    curve = rising(values, [1.0] * len(values))
    assert all(a <= b + 1e-9 for a, b in pairwise(curve))
    assert abs(sum(curve) - sum(values)) < 1e-6 * len(values) * 100


@given(VALUES)
def test_what_rises_already_stays(values: list[float]) -> None:
    values = sorted(set(values))
    assert rising(values, [1.0] * len(values)) == values


@given(VALUES)
def test_a_curve_of_one_peak_rises_to_it_and_falls_from_it(values: list[float]) -> None:
    curve = unimodal(values, [1.0] * len(values))
    peak = curve.index(max(curve))
    assert all(a <= b + 1e-9 for a, b in pairwise(curve[: peak + 1]))
    assert all(a >= b - 1e-9 for a, b in pairwise(curve[peak:]))


@given(VALUES, VALUES)
def test_one_clean_peak_stays(left: list[float], right: list[float]) -> None:
    values = [*sorted(set(left)), 200.0, *sorted(set(right), reverse=True)]
    assert unimodal(values, [1.0] * len(values)) == values


def test_a_dip_of_noise_is_filled() -> None:
    assert unimodal([1.0, 2.0, 1.8, 3.0, 2.0], [1.0] * 5) == [1.0, 1.9, 1.9, 3.0, 2.0]


def test_a_sure_value_counts_more() -> None:
    assert rising([2.0, 1.0], [3.0, 1.0]) == [1.75, 1.75]


def test_neighbours_in_the_wrong_order_share_their_mean() -> None:
    """Ayer's example by hand."""
    assert rising([1.0, 3.0, 2.0, 4.0]) == [1.0, 2.5, 2.5, 4.0]
    assert rising([3.0, 2.0, 1.0]) == [2.0, 2.0, 2.0]


def test_what_rises_and_falls_stays() -> None:
    """No error is made where none is needed."""
    assert unimodal([1.0, 5.0, 9.0, 4.0]) == [1.0, 5.0, 9.0, 4.0]
    assert unimodal([]) == []

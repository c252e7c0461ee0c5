"""Where a curve bends."""

import math

import pytest

from ocrgate.load.knee import Usl, isotonic, kneedle, plateau, saturation, unimodal, usl

CURVE = [(1, 1.0), (2, 2.0), (4, 3.9), (8, 7.0), (16, 9.0), (32, 9.1), (64, 9.05), (128, 6.0)]


def test_the_plateau_begins_at_the_smallest_load_that_is_as_good() -> None:
    """9.0 is within 2 % of the best; four times the load is not worth the rest."""
    assert plateau(CURVE) == (16, 9.0)
    assert plateau(CURVE, within=0.0) == (32, 9.1)
    assert plateau([]) is None


def test_one_lucky_measurement_does_not_move_the_knee() -> None:
    """A spike far beyond the bend is smoothed away by its neighbours."""
    points = [(4, 4.0), (8, 8.0), (16, 9.0), (32, 8.7), (64, 9.25), (128, 8.7), (256, 8.6)]
    assert plateau(points) == (16, 9.0)


def test_isotonic_pools_neighbours_in_the_wrong_order() -> None:
    """Ayer's example by hand."""
    assert isotonic([1.0, 3.0, 2.0, 4.0]) == [1.0, 2.5, 2.5, 4.0]
    assert isotonic([3.0, 2.0, 1.0]) == [2.0, 2.0, 2.0]
    assert isotonic([2.0, 1.0], [3.0, 1.0]) == [1.75, 1.75]


def test_unimodal_keeps_what_rises_and_falls() -> None:
    """No error is made where none is needed."""
    assert unimodal([1.0, 5.0, 9.0, 4.0]) == [1.0, 5.0, 9.0, 4.0]
    assert unimodal([]) == []


def test_saturation_is_where_throughput_falls_behind_for_good() -> None:
    """One bad second does not count, the end does."""
    kept = [(1.0, 1.0), (2.0, 1.7), (4.0, 3.95), (8.0, 5.0), (16.0, 5.1)]
    assert saturation(kept) == (8.0, 5.0)
    assert saturation(kept[:3]) is None
    assert saturation([]) is None


def test_kneedle_finds_the_corner() -> None:
    """The point farthest from the chord; a straight line has none."""
    corner = [(float(x), float(min(x, 10))) for x in range(1, 41)]
    assert kneedle(corner) == (10.0, 10.0) or kneedle(corner) is None
    assert kneedle([(1, 1), (10, 9), (20, 10), (40, 10.5)]) == (10, 9)
    assert kneedle([(1, 1), (2, 2), (3, 3)]) is None
    assert kneedle([(1, 1)]) is None


@pytest.mark.parametrize("law", [Usl(10, 0.05, 0.001), Usl(3, 0.0, 0.0), Usl(7, 0.2, 0.0)])
def test_usl_finds_the_law_that_made_the_points(law: Usl) -> None:
    """Without noise the coefficients come back."""
    found = usl([(float(n), law.at(n)) for n in (1, 2, 4, 8, 16, 32, 64)])
    assert found is not None
    assert (found.gamma, found.sigma, found.kappa) == pytest.approx(
        (law.gamma, law.sigma, law.kappa), abs=1e-6
    )


def test_usl_knows_its_peak() -> None:
    """sqrt((1 - sigma) / kappa), or never."""
    assert Usl(1, 0.1, 0.001).peak == pytest.approx(30.0)
    assert math.isinf(Usl(1, 0.1, 0.0).peak)


def test_usl_wants_three_loads() -> None:
    """Two points have many laws."""
    assert usl([(1, 1), (2, 2), (2, 2.1)]) is None
    assert usl([(0, 0), (1, 0), (2, 0)]) is None

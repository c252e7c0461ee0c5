"""What is not known is drawn; what was measured is drawn less."""

from statistics import median

import pytest
from tests.unit.load.plan.test_wish import wish

from ocrgate.load.plan.uncertain import LONGER, Known, draws

COUNT = 400


def test_nine_of_ten_draws_lie_within_the_factor() -> None:
    drawn = [each.longer for each in draws(wish(), Known(), COUNT)]
    inside = sum(1 / LONGER <= each <= LONGER for each in drawn)
    assert inside / COUNT == pytest.approx(0.9, abs=0.05)
    assert median(drawn) == pytest.approx(1.0, abs=0.05)


def test_no_share_of_a_data_sheet_is_more_than_there_is() -> None:
    drawn = [each.assumed for each in draws(wish(), Known(), COUNT)]
    assert max(max(each.bandwidth, each.rate, each.attention) for each in drawn) <= 0.95


def test_a_measured_pace_leaves_nothing_else_to_guess() -> None:
    given = wish()
    for each in draws(given, Known(pace=1.1, lengths=True), 50):
        assert each.longer == 1.0
        assert each.assumed.bandwidth == given.assumed.bandwidth
        assert 0.8 < each.assumed.slower < 1.25


def test_the_same_seed_draws_the_same() -> None:
    assert list(draws(wish(), Known(), 5)) == list(draws(wish(), Known(), 5))

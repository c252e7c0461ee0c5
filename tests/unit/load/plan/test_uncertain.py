"""What is not known is drawn; what was measured is drawn less."""

from dataclasses import replace
from statistics import median

import pytest
from tests.unit.load.plan.test_wish import wish

from ocrgate.load.plan.uncertain import LONGER, Known, draws
from ocrgate.simulate.gpus import Assumed

COUNT = 400


def test_nine_of_ten_draws_lie_within_the_factor() -> None:
    drawn = [each.longer for each in draws(wish(), Known(), COUNT)]
    inside = sum(1 / LONGER <= each <= LONGER for each in drawn)
    assert inside / COUNT == pytest.approx(0.9, abs=0.05)
    assert median(drawn) == pytest.approx(1.0, abs=0.05)


def test_no_share_of_a_data_sheet_is_more_than_there_is() -> None:
    drawn = [each.assumed for each in draws(wish(), Known(), COUNT)]
    assert max(max(each.bandwidth, each.rate, each.attention) for each in drawn) <= 0.95


def test_every_guess_is_brought_to_agree_with_what_was_measured() -> None:
    """What the measurement leaves open is still guessed at, its own error with it."""

    def twice(assumed: Assumed) -> Assumed:
        return replace(assumed, slower=2.0)

    drawn = list(draws(wish(), Known(pace=1.1, lengths=True, matched=twice), 50))
    assert {each.longer for each in drawn} == {1.0}
    assert len({each.assumed.bandwidth for each in drawn}) > 10
    assert all(1.6 < each.assumed.slower < 2.5 for each in drawn)


def test_the_same_seed_draws_the_same() -> None:
    assert list(draws(wish(), Known(), 5)) == list(draws(wish(), Known(), 5))

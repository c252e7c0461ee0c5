"""What is not known is drawn; what was measured is drawn less."""

from dataclasses import replace
from statistics import correlation, median

import pytest
from tests.unit.load.plan.test_wish import wish

from ocrgate.load.plan.pages import Measured, named
from ocrgate.load.plan.uncertain import FACTORS, MODEL, Known, draws
from ocrgate.load.plan.wish import Wish
from ocrgate.simulate.gpus import Assumed

COUNT = 400


def test_nine_of_ten_draws_lie_within_the_factor() -> None:
    given = wish().assumed
    for name in ("kv_bandwidth", "beyond_weights"):  # the shares of the others end at 0.95
        drawn = [getattr(each.assumed, name) / getattr(given, name) for each in _drawn()]
        inside = sum(1 / FACTORS[name] <= each for each in drawn) / COUNT
        assert inside == pytest.approx(0.95, abs=0.04)
    paces = [each.assumed.slower for each in _drawn()]
    assert sum(1 / MODEL <= each <= MODEL for each in paces) / COUNT == pytest.approx(0.9, abs=0.05)
    assert median(paces) == pytest.approx(1.0, abs=0.05)


def test_all_that_the_processor_does_is_slow_together() -> None:
    drawn = [each.assumed for each in _drawn()]
    hosts, pictures = [each.host for each in drawn], [each.prepare for each in drawn]
    assert correlation(hosts, pictures) > 0.2
    assert abs(correlation(hosts, [each.attention for each in drawn])) < 0.15


def test_no_share_of_a_data_sheet_is_more_than_there_is() -> None:
    drawn = [each.assumed for each in _drawn()]
    assert max(max(each.bandwidth, each.rate, each.attention) for each in drawn) <= 0.95


def test_every_guess_is_brought_to_agree_with_what_was_measured() -> None:
    """What the measurement leaves open is still guessed at, its own error with it."""

    def twice(assumed: Assumed) -> Assumed:
        return replace(assumed, slower=2.0)

    drawn = list(draws(wish(), Known(pace=1.1, matched=twice), 50))
    assert len({each.assumed.bandwidth for each in drawn}) > 10
    assert all(1.6 < each.assumed.slower < 2.5 for each in drawn)


def test_the_same_seed_draws_the_same() -> None:
    assert list(draws(wish(), Known(), 5)) == list(draws(wish(), Known(), 5))


def _drawn() -> list[Wish]:
    return list(draws(wish(), Known(), COUNT))


def test_a_measured_engine_says_nothing_of_other_pages() -> None:
    """A run settles the pace; pages that it did not read are as uncertain as ever."""
    others = wish(pages=named("dense"))
    assert len({each.pages for each in draws(others, Known(pace=1.1), 10)}) == 10
    counted = wish(pages=Measured(((700, 300),)))
    assert {each.pages for each in draws(counted, Known(pace=1.1), 10)} == {counted.pages}

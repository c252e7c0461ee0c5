"""What is said of pages decides how far they may be others."""

import math
import random
from statistics import median, stdev

import pytest
from tests.unit.load.plan.test_wish import GRID

from ocrgate.load.plan.doubt import COUNTED, NAMED, TOLD, doubt, redrawn
from ocrgate.load.plan.pages import Measured, Prepared, Replayed, named, weighed
from ocrgate.load.tune.virtual import Pages
from ocrgate.simulate.workload import Mix

COUNT = 300
TEXTS = (615, 1000, 810, 780, 838, 259)
SIDES = (1754, 2014, 2048, 2530, 4872, 1782)
"""Median tokens (o200k) and long sides of six public corpora of whole pages."""


def test_what_was_counted_is_not_in_doubt() -> None:
    source = random.Random(1)
    for pages in (Measured(((500, 20),)), Replayed(((500, 20),))):
        assert doubt(pages) == COUNTED
        assert redrawn(pages, source) is pages


def test_a_name_says_less_than_a_size_and_a_text() -> None:
    assert doubt(named("dense")) == NAMED
    assert doubt(named("1240x1754:700")) == TOLD
    assert _spread(named("1240x1754:700")) < 0.5 * _spread(named("dense"))


@pytest.mark.parametrize(("medians", "factor"), [(TEXTS, NAMED.longer), (SIDES, NAMED.larger)])
def test_the_factors_are_those_between_corpora(medians: tuple[int, ...], factor: float) -> None:
    assert math.exp(1.645 * stdev(map(math.log, medians))) == pytest.approx(factor, rel=0.05)


def test_sizes_that_were_told_stay() -> None:
    found = redrawn(named("1240x1754:700"), random.Random(2))
    assert isinstance(found, Mix)
    assert found.kinds[0].small == found.kinds[0].large == (1240, 1754)


def test_the_weights_of_a_mix_are_drawn_around_what_is_thought() -> None:
    mix = named("mix")
    assert isinstance(mix, Mix)
    source = random.Random(3)
    shares = [_shares(redrawn(mix, source)) for _ in range(COUNT)]
    for place, kind in enumerate(mix.kinds):
        found = [each[place] for each in shares]
        assert sum(found) / COUNT == pytest.approx(kind.weight, abs=0.04)
    assert max(each[4] for each in shares) > 0.3  # a newspaper's archive sends nothing else
    assert min(each[0] for each in shares) < 0.05


def test_half_of_all_guesses_ask_for_more_and_half_for_less() -> None:
    usual = _text(named("dense"))
    source = random.Random(4)
    assert median(_text(redrawn(named("dense"), source)) for _ in range(60)) == pytest.approx(
        usual, rel=0.25
    )


def _shares(pages: Pages) -> list[float]:
    assert isinstance(pages, Mix)
    whole = sum(kind.weight for kind in pages.kinds)
    return [kind.weight / whole for kind in pages.kinds]


def _text(pages: Pages) -> float:
    return weighed(Prepared(pages, GRID.tokens, 1024), 8192, count=300).after


def _spread(pages: Pages) -> float:
    source = random.Random(5)
    return stdev(math.log(_text(redrawn(pages, source))) for _ in range(60))

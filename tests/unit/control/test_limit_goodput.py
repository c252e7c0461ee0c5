"""Elasticity of throughput, and whether signals are believed."""

import math
import random

import pytest

from ocrgate.control.limit.goodput import Elasticity, Goodput
from ocrgate.control.limit.law import Signals
from ocrgate.control.limit.trust import Trust


def watched(rate: float, noise: float = 0.0, power: float = 1.0) -> tuple[Goodput, float]:
    """Ten seconds in which 20 to 40 pages in flight do ``rate * pages ** power`` work a second."""
    chance = random.Random(1)
    goodput, now = Goodput(), 0.0
    for step in range(40):
        now = step / 4
        pages = 20 + step // 2
        goodput.occupied(now, pages)
        goodput.progress(now, rate * pages**power / 4 * (1 + noise * chance.uniform(-1, 1)))
    return goodput, now


@pytest.mark.parametrize("power", [1.0, 0.5, 0.0, -0.5])
def test_the_slope_is_that_of_the_engine(power: float) -> None:
    goodput, now = watched(30.0, power=power)
    seen = goodput.elasticity(now)
    assert seen is not None
    assert seen.slope == pytest.approx(power, abs=0.12)


def test_noise_makes_it_doubtful_not_wrong() -> None:
    seen, doubtful = (watched(30.0, noise)[0].elasticity(9.75) for noise in (0.0, 0.8))
    assert seen is not None
    assert doubtful is not None
    assert seen.above(0.5)
    assert doubtful.error > 2 * seen.error


def test_doubt_is_neither_above_nor_below() -> None:
    assert not Elasticity(0.1, 0.2).above(0.0)
    assert not Elasticity(0.1, 0.2).below(0.2)
    assert Elasticity(0.1, 0.01).below(0.2)


def test_what_is_likely_anyway_outweighs_what_is_hardly_known() -> None:
    prior = Elasticity(0.5, 0.5)
    assert not Elasticity(-2.6, 1.2).given(prior).below(0.1)
    sure = Elasticity(-0.9, 0.05).given(prior)
    assert sure.slope == pytest.approx(-0.9, abs=0.02)
    assert sure.error < 0.05
    assert sure.below(0.1)


def test_few_points_are_seldom_certain_by_chance() -> None:
    """Work that grows with the root of the pages is found not to in a few of 1,000 histories."""
    wrong = 0
    for seed in range(1000):
        chance, goodput = random.Random(seed), Goodput()
        for step in range(15):
            now = step / 4
            pages = round(8 * 1.5**now)
            goodput.occupied(now, pages)
            work = 25.0 * math.sqrt(pages) / 4 * chance.gauss(1.0, 0.5)
            goodput.progress(now + 0.1, max(0.0, work))
        seen = goodput.elasticity(3.6)
        wrong += seen is not None and seen.below(0.1)
    assert wrong <= 4


def test_concurrency_that_never_changed_proves_nothing() -> None:
    goodput = Goodput()
    for step in range(40):
        goodput.occupied(step / 4, 30)
        goodput.progress(step / 4, 100.0)
    assert goodput.elasticity(9.75) is None
    rate = goodput.rate(9.75, 2.0)
    assert rate is not None
    assert rate.mean == pytest.approx(400.0)


def test_a_pause_is_no_measurement_and_old_ones_are_forgotten() -> None:
    goodput, now = watched(30.0)
    goodput.occupied(now + 100.0, 30)
    assert goodput.elasticity(now + 100.0) is None
    assert goodput.rate(now + 100.0, 5.0) is None


def flowing(trust: Trust, signals: Signals, inflight: int, seconds: float) -> Signals | None:
    """The signals of the last of the polls, between which tokens flow."""
    seen = None
    for step in range(round(seconds * 4)):
        trust.progress(100.0)
        seen = trust.accept(step / 4, signals, inflight)
    return seen


def test_signals_that_stand_still_while_tokens_flow_are_stuck() -> None:
    assert flowing(Trust(), Signals(8.0, 0.0, 0.4, 0.0), 8, 4.0) is not None
    assert flowing(Trust(), Signals(8.0, 0.0, 0.4, 0.0), 8, 6.0) is None


def test_an_engine_without_a_cache_gauge_may_stand_still_when_full() -> None:
    assert flowing(Trust(), Signals(8.0, 0.0, None, None), 8, 60.0) is not None


def test_without_tokens_signals_may_stand_still() -> None:
    trust = Trust()
    seen = [trust.accept(float(i), Signals(0.0, 0.0, 0.0, 3.0), 0) for i in range(100)]
    assert None not in seen


@pytest.mark.parametrize(
    "signals",
    [
        Signals(running=-1.0),
        Signals(waiting=math.nan),
        Signals(kv_usage=1.5),
        Signals(preemptions_total=math.inf),
    ],
)
def test_what_cannot_be_is_not_believed(signals: Signals) -> None:
    assert Trust().accept(0.0, signals, 5) is None


def test_what_others_wait_for_is_left_out() -> None:
    seen = Trust().accept(0.0, Signals(10.0, 30.0, 0.5, 0.0), inflight=15)
    assert seen is not None
    assert seen.waiting == 5.0

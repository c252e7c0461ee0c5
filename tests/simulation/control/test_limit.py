"""The limit laws in front of eight engines at twice their load; the knee is measured each time.

``python -m pytest tests/simulation/control/test_limit.py`` makes every figure that is bounded here.
"""

import random
import statistics
from collections.abc import Callable

import pytest
from tests.simulation.control.policies import LawPolicy
from tests.simulation.control.scheduler import Engine, FixedPolicy, Outcome, Policy, Run
from tests.simulation.control.shapes import CASES, SEEDS, knee, run

from ocrgate.control.limit.engine import EngineLimit, EngineParams
from ocrgate.control.limit.fixed import FixedLimit
from ocrgate.control.limit.latency import LatencyLimit, LatencyParams
from ocrgate.control.limit.law import Signals

HALVED_SEEDS = range(1, 9)


def mean(runs: list[Outcome], figure: Callable[[Outcome], float]) -> float:
    return statistics.mean(figure(each) for each in runs)


@pytest.mark.parametrize("start", [2, 8, 100, 1000])
@pytest.mark.parametrize("name", CASES)
def test_from_any_start_the_engine_law_is_at_the_knee_in_ten_seconds(name: str, start: int) -> None:
    """Within 15 % of the knee's token rate after 10 s, and near its useful work from then on."""
    best = knee(name)
    laws = [LawPolicy(EngineLimit(EngineParams(start=start))) for _ in SEEDS]
    runs = [run(CASES[name], law, seed, 40.0) for law, seed in zip(laws, SEEDS, strict=True)]
    assert mean(runs, lambda each: each.streamed(10, 15)) >= 0.85 * best.streamed
    assert mean(runs, lambda each: each.useful(10, 40)) >= 0.9 * best.useful
    assert mean(runs, lambda each: each.goodput(10, 40)) >= 0.88 * best.pages
    assert sum(each.preemptions(10, 40) for each in runs) <= 10 * len(runs)


@pytest.mark.parametrize("start", [2, 8, 100])
@pytest.mark.parametrize("name", CASES)
def test_without_the_engines_signals_the_latency_law_finds_the_knee(name: str, start: int) -> None:
    best = knee(name)
    climb = EngineParams(start=start, standing=0.5)
    laws = [LawPolicy(LatencyLimit(LatencyParams(climb=climb)), shows=False) for _ in SEEDS]
    runs = [run(CASES[name], law, seed, 40.0) for law, seed in zip(laws, SEEDS, strict=True)]
    assert mean(runs, lambda each: each.streamed(10, 15)) >= 0.85 * best.streamed
    assert mean(runs, lambda each: each.goodput(10, 40)) >= 0.85 * best.pages


def halved(policy: Policy, seed: int) -> Outcome:
    """KV is cut to a half at 60 s, at the load that was twice the knee before."""
    made = Run(CASES["facts"].shape, policy, CASES["facts"].rate, seed)
    made.at(60.0, lambda: setattr(made.engine, "kv", 20_000))
    return made.run(180.0)


@pytest.mark.timeout(60)
def test_after_half_the_cache_is_gone_the_law_is_at_the_new_knee() -> None:
    """Goodput within 5 % of the best fixed limit's in the same run, a third of its preemptions."""
    fixed = {
        limit: [halved(FixedPolicy(limit), seed) for seed in HALVED_SEEDS]
        for limit in (15, 16, 18, 20, 24, 32)
    }
    best = max(fixed.values(), key=lambda runs: mean(runs, lambda each: each.goodput(70, 180)))
    ours = [halved(LawPolicy(EngineLimit()), seed) for seed in HALVED_SEEDS]
    for figure in (lambda each: each.goodput(70, 180), lambda each: each.useful(70, 180)):
        assert mean(ours, figure) >= 0.95 * mean(best, figure)
    preempted = [mean(runs, lambda each: each.preemptions(70, 180)) for runs in (ours, best)]
    assert preempted[0] <= preempted[1] / 3
    assert all(12 <= each.limit_at(70) <= 20 for each in ours)


@pytest.mark.parametrize("seed", SEEDS)
def test_four_times_the_cache_is_made_use_of_in_fifteen_seconds(seed: int) -> None:
    """Long out of slow start, the limit is four times too low: small pages after dense ones."""
    made = Run(CASES["facts"].shape, LawPolicy(EngineLimit()), CASES["facts"].rate, seed)
    made.engine.kv = 10_000
    made.at(40.0, lambda: setattr(made.engine, "kv", 40_000))
    outcome = made.run(70.0)
    assert outcome.limit_at(39) <= 10
    assert outcome.limit_at(55) >= 28
    assert outcome.useful(55, 70) >= 0.85 * knee("facts").useful


def test_after_two_idle_minutes_the_limit_is_found_again_in_ten_seconds() -> None:
    made = Run(CASES["facts"].shape, LawPolicy(EngineLimit()), CASES["facts"].rate, 1)
    made.at(20.0, lambda: setattr(made, "rate", 0.3))
    made.at(150.0, lambda: setattr(made, "rate", CASES["facts"].rate))
    outcome = made.run(180.0)
    assert outcome.limit_at(150) <= 16
    assert outcome.limit_at(161) >= 28
    assert outcome.useful(160, 180) >= 0.9 * knee("facts").useful


class Seldom(LawPolicy):
    """An engine that is polled once a second."""

    def poll(self, now: float, engine: Engine, work: float) -> None:
        self.shows = int(now * 4) % 4 == 0
        super().poll(now, engine, work)


@pytest.mark.parametrize("name", ["facts", "small", "wide"])
def test_one_poll_a_second_is_enough(name: str) -> None:
    runs = [run(CASES[name], Seldom(EngineLimit()), seed, 60.0) for seed in SEEDS]
    assert mean(runs, lambda each: each.goodput(10, 60)) >= 0.92 * knee(name).pages


class Blind(LawPolicy):
    """An engine whose signals do not come for 30 s."""

    def read(self, now: float, engine: Engine) -> Signals | None:
        return None if 20 <= now < 50 else super().read(now, engine)


def test_thirty_seconds_without_signals_cost_less_than_a_tenth() -> None:
    laws = [Blind(EngineLimit()) for _ in SEEDS]
    runs = [run(CASES["facts"], law, seed, 50.0) for law, seed in zip(laws, SEEDS, strict=True)]
    assert mean(runs, lambda each: each.goodput(20, 50)) >= 0.9 * knee("facts").pages
    assert {"stale", "decay"} <= {change.reason for _, change in laws[0].changes}


class Liar(LawPolicy):
    """An engine whose signals are not true from 20 s on."""

    def __init__(self, lie: Callable[[Signals], Signals]) -> None:
        super().__init__(EngineLimit())
        self._lie = lie

    def read(self, now: float, engine: Engine) -> Signals | None:
        true = super().read(now, engine)
        assert true is not None
        return self._lie(true) if now >= 20 else true


NOISE = random.Random(7)
LIES: dict[str, Callable[[Signals], Signals]] = {
    "others wait": lambda true: Signals(true.running, 50.0, true.kv_usage, true.preemptions_total),
    "all wait": lambda true: Signals(0.0, 50.0, true.kv_usage, true.preemptions_total),
    "a queue of changing length": lambda true: Signals(
        true.running, 40 + 20 * NOISE.random(), true.kv_usage, true.preemptions_total
    ),
    "one page for ever": lambda true: Signals(5.0, 9.0, 0.97, 3.0),
    "nothing is there": lambda true: Signals(0.0, 0.0, 0.0, 0.0),
    "impossible": lambda true: Signals(-3.0, float("nan"), 7.0, -1.0),
    "a full cache": lambda true: Signals(true.running, true.waiting, 1.0, true.preemptions_total),
}


@pytest.mark.parametrize("lie", LIES)
def test_signals_that_are_not_true_cost_less_than_an_eighth(lie: str) -> None:
    NOISE.seed(7)
    runs = [run(CASES["facts"], Liar(LIES[lie]), seed, 80.0) for seed in SEEDS]
    assert mean(runs, lambda each: each.goodput(20, 80)) >= 0.88 * knee("facts").pages


def test_the_fixed_law_is_the_semaphore_it_says() -> None:
    """Sixteen places of thirty-two: what the laws above are for."""
    runs = [run(CASES["facts"], LawPolicy(FixedLimit()), seed, 40.0) for seed in SEEDS]
    assert mean(runs, lambda each: each.goodput(10, 40)) < 0.7 * knee("facts").pages

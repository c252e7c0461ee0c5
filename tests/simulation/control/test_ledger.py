"""The ledger in front of engines whose cache is the bottleneck, at twice their load."""

import statistics
from collections.abc import Callable
from functools import partial

import pytest
from tests.simulation.control.policies import LedgerPolicy
from tests.simulation.control.scheduler import Engine, Outcome, Run
from tests.simulation.control.shapes import CASES, SEEDS, knee, run

from ocrgate.control.ledger import Ledger
from ocrgate.control.limit.engine import EngineLimit
from ocrgate.control.limit.fixed import FixedLimit, FixedParams
from ocrgate.control.limit.law import Limit

TIGHT = ("facts", "tight", "wide", "dense")
LAWS: dict[str, Callable[[int], Limit]] = {
    "engine": lambda slots: EngineLimit(),
    "slots": lambda slots: FixedLimit(FixedParams(slots)),
}


def mean(runs: list[Outcome], figure: Callable[[Outcome], float]) -> float:
    return statistics.mean(figure(each) for each in runs)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", TIGHT)
def test_with_known_lengths_nothing_is_ever_preempted(name: str, law: str) -> None:
    case = CASES[name]
    policies = [LedgerPolicy(LAWS[law](case.shape.slots), Ledger()) for _ in SEEDS]
    runs = [run(case, each, seed, 40.0) for each, seed in zip(policies, SEEDS, strict=True)]
    assert [each.preemptions(0, 40) for each in runs] == [0, 0]
    assert mean(runs, lambda each: each.useful(10, 40)) >= 0.9 * knee(name).useful


@pytest.mark.parametrize("name", TIGHT)
def test_with_poor_guesses_hardly_anything_is_preempted(name: str) -> None:
    """Guesses off by a log-normal factor of sigma 0.8: at most 15 in 1,000 admitted."""
    runs = [
        run(CASES[name], LedgerPolicy(EngineLimit(), Ledger(), 2.5), seed, 40.0, noise=0.8)
        for seed in SEEDS
    ]
    preempted = sum(each.preemptions(0, 40) for each in runs)
    assert preempted <= 0.015 * sum(each.admitted for each in runs) + 3
    assert mean(runs, lambda each: each.useful(10, 40)) >= 0.88 * knee(name).useful


def test_a_load_that_is_not_ours_is_made_room_for() -> None:
    """A neighbour takes a third of the cache at 20 s: the ledger learns it from the usage."""
    preempted = {}
    for told in (True, False):
        policy = Neighbour(told=told)
        made = Run(CASES["facts"].shape, policy, CASES["facts"].rate, 1)
        made.at(20.0, partial(setattr, made.engine, "kv", 26_000))
        preempted[told] = made.run(60.0).preemptions(25, 60)
    assert preempted[True] <= preempted[False] / 3


class Neighbour(LedgerPolicy):
    """The engine's cache is as large as ever, but others hold what is missing in it."""

    def __init__(self, *, told: bool) -> None:
        super().__init__(FixedLimit(FixedParams(48)), Ledger(capacity=40_000))
        self._told = told

    def poll(self, now: float, engine: Engine, work: float) -> None:
        for number, page in self._live.items():
            self.ledger.advance(number, engine.generated(page))
        if self._told:
            self.ledger.usage(min(1.0, (engine.held + 40_000 - engine.kv) / 40_000), now)

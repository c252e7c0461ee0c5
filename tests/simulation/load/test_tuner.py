"""The tuner on simulated engines with all their noise, against a sweep of the same settings.

The full table, twelve engines and three axes, is made by ``python -m benchmarks.load.tuner``.
"""

import pytest
from benchmarks.load.engines import cases
from benchmarks.load.tuner import RULES, space, stand, true, tuned

from ocrgate.load.tune.trial import Setting

SEEDS = range(1, 6)
SLOWER = ("narrow", "drifting", "one slow core", "first token")


def sweep(name: str) -> dict[Setting, tuple[float, float]]:
    """Goodput and share of failures of every setting, with pages that the tuner never sees."""
    found: dict[Setting, tuple[float, float]] = {}
    for value in space(1).axes[0].values:
        it = true((name, 1, (value,), range(101, 103), (100.0, 500)))
        found[(value,)] = it.goodput, it.failures
    return found


@pytest.fixture(scope="module")
def truths() -> dict[str, dict[Setting, tuple[float, float]]]:
    return {}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "name",
    ["f-model", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOWER)],
)
def test_it_comes_within_three_per_cent_of_the_best_in_twelve_trials(
    name: str, seed: int, truths: dict[str, dict[Setting, tuple[float, float]]]
) -> None:
    truth = truths.setdefault(name, sweep(name))
    best = max(goodput for goodput, failures in truth.values() if failures <= RULES.failures)
    setting, trials, sure, _ = tuned((name, 1, seed))
    assert setting is not None
    assert trials <= 12
    assert sure or trials == 12  # it goes on until it is, or has no trial left
    # One per cent for the sweep's own noise, which is shorter here than in the benchmark.
    assert truth[setting][0] >= 0.96 * best
    assert truth[setting][1] <= RULES.failures


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_an_engine_that_dies_rarely_is_found_out(seed: int) -> None:
    """The founding case: with 32 slots it dies in three of ten runs of two minutes, with 16 never.

    A tuner that believes one good run recommends 32.
    """
    setting, trials, _, history = tuned(("founding", 1, seed))
    assert setting is not None
    assert setting[0] == 16
    assert trials <= 12
    assert any(one.stop for one in history)


@pytest.mark.slow
def test_a_trial_with_more_than_half_of_what_died_is_not_made_again() -> None:
    _, _, _, history = tuned(("founding", 1, 1))
    dead = [one.trial.setting[0] for one in history if one.stop]
    after = [one.trial.setting[0] for one in history[history.index(_first_death(history)) + 1 :]]
    assert max(after) <= min(dead)


def _first_death(history: tuple[object, ...]) -> object:
    return next(one for one in history if getattr(one, "stop", None))


def test_all_cases_can_be_made_and_measured() -> None:
    for name, case in cases().items():
        assert stand(case, 1, 1).shape((4,)).max_num_seqs == 4, name

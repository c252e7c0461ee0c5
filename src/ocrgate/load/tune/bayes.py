"""Three axes or more: a tree-structured Parzen estimator proposes, from all trials so far."""

from typing import TYPE_CHECKING

from ocrgate.load.tune.evidence import condemned, sites
from ocrgate.load.tune.peril import Peril
from ocrgate.load.tune.trial import History, Purpose, Rules, Setting, Space, Trial

if TYPE_CHECKING:
    import optuna

_ASKED = 64  # times for a setting that is new and not condemned

_DARING = 0.35  # chance of the engine's death above which nothing is tried


def explore(history: History, space: Space, rules: Rules) -> Trial | None:
    """A setting that promises most (Bergstra and others 2011); None when it finds no new one.

    The search is made anew from the history each time, so that it needs no state of its own.

    Raises:
        ModuleNotFoundError: ``optuna`` is not there.
    """
    study = _study(history, space, rules)
    tried = sites(history)
    peril = Peril(tried.values(), space)
    distributions = _distributions(space)
    for _ in range(_ASKED):
        asked = study.ask(distributions)
        setting = tuple(axis.values[asked.params[axis.name]] for axis in space.axes)
        bad = condemned(history, space, setting) or peril.of(setting) > _DARING
        if setting not in tried and not bad:
            return Trial(setting, Purpose.EXPLORE)
    return None


def _study(history: History, space: Space, rules: Rules) -> "optuna.Study":
    import optuna  # noqa: PLC0415 - an extra, and half a second

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(
        seed=rules.seed + len(history), multivariate=True, n_startup_trials=1
    )
    study = optuna.create_study(sampler=sampler, direction="maximize")
    distributions = _distributions(space)
    for site in sites(history).values():
        if not space.holds(site.setting):
            continue
        study.add_trial(
            optuna.trial.create_trial(
                params=_places(site.setting, space),
                distributions=distributions,
                value=site.goodput if site.holds(rules) else 0.0,
            )
        )
    return study


def _distributions(space: Space) -> "dict[str, optuna.distributions.BaseDistribution]":
    from optuna.distributions import IntDistribution  # noqa: PLC0415 - as above

    return {axis.name: IntDistribution(0, len(axis.values) - 1) for axis in space.axes}


def _places(setting: Setting, space: Space) -> dict[str, int]:
    return {axis.name: axis.place(value) for axis, value in zip(space.axes, setting, strict=True)}

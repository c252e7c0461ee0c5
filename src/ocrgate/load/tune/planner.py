"""What to try next. Pure: the same history gives the same proposal, so a search can be resumed."""

from dataclasses import replace

from ocrgate.load.tune.bayes import explore
from ocrgate.load.tune.choose import confirm, plateau, size
from ocrgate.load.tune.evidence import bar, sites
from ocrgate.load.tune.line import climb, refine, step
from ocrgate.load.tune.near import nearby
from ocrgate.load.tune.trial import History, Purpose, Rules, Setting, Space, Trial

_KEPT = 5  # trials held back for confirmation in three dimensions or more, and
_SOAKS = 3  # for soaking


def propose(history: History, space: Space, rules: Rules | None = None) -> Trial | None:
    """The next trial; None when there is nothing more to learn, or the trials are used up.

    One axis: doubling from its start while it gains, then bisection around the best and around
    the edge of its plateau. Two: one after the other, and the first once more. Three or more: the
    first alone, a Bayesian search (the extra ``ocrgate[tune]``), then the neighbours of the best.
    Last, the setting to recommend is tried again beside its rivals, and for long where one has
    died.

    Raises:
        ModuleNotFoundError: three axes and no ``optuna``.
    """
    rules = rules or Rules()
    if len(history) >= rules.most(len(space.axes)):
        return None
    if not history:
        return Trial(space.start, Purpose.CLIMB)
    trial = _search(history, space, rules) or confirm(history, space, rules)
    if trial is None or trial.purpose is Purpose.SOAK:  # which shows that it lives, not how well
        return trial
    return replace(trial, bar=bar(history, rules, trial.repeat))


def _search(history: History, space: Space, rules: Rules) -> Trial | None:
    if len(space.axes) <= 2:
        return _in_turn(history, space, rules)
    first = space.climbing
    if first is not None and (trial := _one(history, space, rules, space.start, first)):
        return trial
    kept = _KEPT + (_SOAKS if any(site.died for site in sites(history).values()) else 0)
    if len(history) >= rules.most(len(space.axes)) - kept:
        return None
    if trial := nearby(history, space, rules):
        return trial
    searched = sum(one.trial.purpose is Purpose.EXPLORE for one in history)
    return explore(history, space, rules) if searched < rules.explore else None


def _in_turn(history: History, space: Space, rules: Rules) -> Trial | None:
    """Axis by axis: each from the best setting that the ones before it gave."""
    order = sorted(range(len(space.axes)), key=lambda place: not space.axes[place].climbs)
    origin = space.start
    for place in (*order, *order[:-1]):
        trial = _one(history, space, rules, origin, place)
        if trial is not None:
            return trial
        origin = _best_along(history, space, rules, origin, place)
    return None


def _one(history: History, space: Space, rules: Rules, origin: Setting, place: int) -> Trial | None:
    if not space.axes[place].climbs:
        return step(history, space, rules, origin, place)
    if trial := climb(history, space, rules, origin, place):
        return trial
    return refine(history, space, rules, origin, place)


def _best_along(
    history: History, space: Space, rules: Rules, origin: Setting, place: int
) -> Setting:
    """The good setting on the line from which another axis can show most what it gives.

    Of work at once that is the largest; of everything else the smallest, since what it leaves
    (memory, say) may be room for more work.
    """
    line = tuple(
        one
        for one in history
        if space.moved(one.trial.setting, place, origin[place]) == origin and one.trial.repeat == 0
    )
    good = plateau(line, space, rules)
    if not good:
        return origin
    best = max if space.axes[place].climbs else min
    return best(good, key=lambda site: size(site.setting, space)).setting

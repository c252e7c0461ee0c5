"""Which setting to recommend: the smallest of those that are as good as the best."""

from dataclasses import dataclass

from ocrgate.load.tune.evidence import (
    Site,
    condemned,
    doubtful,
    proven,
    sites,
    smoothed,
    strained,
)
from ocrgate.load.tune.trial import History, Purpose, Rules, Setting, Space, Trial

_SURELY = 3.0  # standard errors
_RIVALS = (2, 3)  # that are tried again beside the one to recommend: with one axis, with more


def standing(
    history: History, space: Space, rules: Rules, *, surely: bool = False
) -> list[tuple[Site, float]]:
    """The settings that may be recommended and their goodput, the best first.

    With one axis the curve is smoothed; with more, every setting stands for itself. With
    ``surely`` those that have still to be proven are left out.
    """
    found = sites(history)
    fit = [
        found[key]
        for key in sorted(found)
        if space.holds(key)
        and found[key].holds(rules)
        and found[key].goodput > 0
        and _is_safe(key, history, space, rules, surely=surely)
    ]
    goods = smoothed(fit) if len(space.axes) == 1 else [site.goodput for site in fit]
    return sorted(zip(fit, goods, strict=True), key=lambda pair: -pair[1])


def _is_safe(
    setting: Setting, history: History, space: Space, rules: Rules, *, surely: bool
) -> bool:
    if not condemned(history, space, setting):
        return True
    if not doubtful(history, space, setting):
        return False
    return not surely or proven(history, space, rules, setting)


def plateau(history: History, space: Space, rules: Rules, *, surely: bool = False) -> list[Site]:
    """The settings whose goodput is as good as the best; ``surely`` as for :func:`standing`."""
    ranked = standing(history, space, rules, surely=surely)
    return [site for site, value in ranked if value >= (1 - rules.plateau) * ranked[0][1]]


def smallest(history: History, space: Space, rules: Rules, *, surely: bool = False) -> Site | None:
    """The smallest setting whose goodput is within the plateau of the best; None without any."""
    good = plateau(history, space, rules, surely=surely)
    return min(good, key=lambda site: size(site.setting, space), default=None)


def size(setting: Setting, space: Space) -> tuple[float, ...]:
    """What is compared to call one setting smaller: first the work at once, then the rest."""
    place = space.climbing
    return setting if place is None else (setting[place], *setting)


def confirm(history: History, space: Space, rules: Rules) -> Trial | None:
    """The next trial that makes the recommendation sure; None when it is.

    Where another setting killed the engine, the setting to recommend has to live for
    :attr:`Rules.soak` lengths first, or under more strain where it is near the one that died. Then
    it and its rivals are tried again with other pages.
    """
    chosen = smallest(history, space, rules)
    if chosen is None:
        return None
    if trial := _soaked(chosen, history, space, rules):
        return trial
    ranked = standing(history, space, rules)
    wanted = rules.confirmations + _is_close(chosen, ranked, rules)
    rivals = [chosen, *_rivals(ranked, space, rules)]
    least = min(rivals, key=lambda site: site.trials)  # so that all meet the same pages
    if least.trials < wanted:
        length = _length(history, rivals, least.trials, rules)
        return Trial(least.setting, Purpose.CONFIRM, least.trials, length)
    return None


def _soaked(chosen: Site, history: History, space: Space, rules: Rules) -> Trial | None:
    """The next trial that shows that a setting lives; None where that needs, or has, no more."""
    found = sites(history)
    if not any(site.died for site in found.values()) or is_tested(chosen, history, space, rules):
        return None
    if not condemned(history, space, chosen.setting):
        return Trial(chosen.setting, Purpose.SOAK, chosen.trials, rules.soak_step)
    hard = strained(space, chosen.setting)
    before = found.get(hard)
    return Trial(hard, Purpose.SOAK, before.trials if before else 0, rules.soak_step)


def is_tested(site: Site, history: History, space: Space, rules: Rules) -> bool:
    """Whether a setting, or one that strains the engine more, has lived for long enough."""
    if proven(history, space, rules, site.setting):
        return True
    return site.lengths >= rules.soak and not condemned(history, space, site.setting)


def _rivals(ranked: list[tuple[Site, float]], space: Space, rules: Rules) -> list[Site]:
    """The best, each with another number of pages at once: that is what matters most.

    With three axes or more there are many, of which those are left out that are surely worse.
    """
    place, many = space.climbing or 0, len(space.axes) > 1
    least = (1 - rules.plateau) * ranked[0][1]
    found: dict[float, Site] = {}
    for site, good in ranked:
        if len(space.axes) <= 2 or good + _SURELY * site.error >= least:
            found.setdefault(site.setting[place], site)
    return list(found.values())[: _RIVALS[many]]


def _length(history: History, rivals: list[Site], repeat: int, rules: Rules) -> float:
    """Of a trial that confirms: the noise of one falls with the root of its length."""
    for one in history:
        if one.trial.repeat == repeat and one.trial.purpose is Purpose.CONFIRM:
            return one.trial.length
    noise = max(site.error / site.goodput * site.trials**0.5 for site in rivals)
    needed = (noise / rules.plateau) * (noise / rules.plateau)
    return min(rules.longest, max(1.0, float(round(needed))))


def _is_close(chosen: Site, ranked: list[tuple[Site, float]], rules: Rules) -> bool:
    """Whether a little more or less would let another setting be recommended."""
    best = ranked[0][1]
    behind = 1 - next(good for site, good in ranked if site == chosen) / best
    return chosen != ranked[0][0] and behind > rules.plateau / 2


@dataclass(frozen=True, slots=True)
class Choice:
    """What the search recommends.

    Attributes:
        setting: None where none may be recommended.
        site: what is known of it.
        best: the best goodput that was seen, and of which setting.
        sure: whether it was confirmed before the trials were used up.
    """

    setting: Setting | None
    site: Site | None = None
    best: tuple[Setting, float] | None = None
    sure: bool = False


def conclude(history: History, space: Space, rules: Rules) -> Choice:
    """The recommendation as far as the trials go.

    Where an engine died, only what was shown to live long enough is recommended if there is such
    a setting.
    """
    ranked = standing(history, space, rules, surely=True)
    chosen = smallest(history, space, rules, surely=True)
    if chosen is None:
        return Choice(None)
    if any(site.died for site in sites(history).values()):
        tested = [(one, good) for one, good in ranked if is_tested(one, history, space, rules)]
        if tested and not is_tested(chosen, history, space, rules):
            chosen = tested[0][0]
    best = ranked[0][0].setting, ranked[0][1]
    return Choice(chosen.setting, chosen, best, confirm(history, space, rules) is None)

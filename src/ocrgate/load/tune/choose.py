"""Which setting to recommend: the smallest of those that are as good as the best."""

from dataclasses import dataclass

from ocrgate.load.tune.evidence import Site, condemned, sites, smoothed
from ocrgate.load.tune.trial import History, Purpose, Rules, Setting, Space, Trial

_RIVALS = (2, 3)  # that are tried again beside the one to recommend: with one axis, with more


def standing(history: History, space: Space, rules: Rules) -> list[tuple[Site, float]]:
    """The settings that may be recommended and their goodput, the best first.

    With one axis the curve is smoothed; with more, every setting stands for itself.
    """
    found = sites(history)
    fit = [found[key] for key in sorted(found) if _is_fit(found[key], history, space, rules)]
    goods = smoothed(fit) if len(space.axes) == 1 else [site.goodput for site in fit]
    return sorted(zip(fit, goods, strict=True), key=lambda pair: -pair[1])


def _is_fit(site: Site, history: History, space: Space, rules: Rules) -> bool:
    return site.holds(rules) and site.goodput > 0 and not condemned(history, space, site.setting)


def plateau(history: History, space: Space, rules: Rules) -> list[Site]:
    """The settings whose goodput is as good as the best."""
    ranked = standing(history, space, rules)
    return [site for site, value in ranked if value >= (1 - rules.plateau) * ranked[0][1]]


def smallest(history: History, space: Space, rules: Rules) -> Site | None:
    """The smallest setting whose goodput is within the plateau of the best; None without any."""
    good = plateau(history, space, rules)
    return min(good, key=lambda site: size(site.setting, space), default=None)


def size(setting: Setting, space: Space) -> tuple[float, ...]:
    """What is compared to call one setting smaller: first the work at once, then the rest."""
    place = space.climbing
    return setting if place is None else (setting[place], *setting)


def confirm(history: History, space: Space, rules: Rules) -> Trial | None:
    """The next trial that makes the recommendation sure; None when it is.

    The setting to recommend and its rivals are tried again with other pages. Where another
    setting killed the engine, it has to live for :attr:`Rules.soak` lengths first.
    """
    chosen = smallest(history, space, rules)
    if chosen is None:
        return None
    ranked = standing(history, space, rules)
    wanted = rules.confirmations + _is_close(chosen, ranked, rules)
    rivals = [chosen, *_rivals(ranked, space)]
    least = min(rivals, key=lambda site: site.trials)  # so that all meet the same pages
    if least.trials < wanted:
        length = _length(history, rivals, least.trials, rules)
        return Trial(least.setting, Purpose.CONFIRM, least.trials, length)
    if _is_doubted(history) and chosen.lengths < rules.soak:
        return Trial(chosen.setting, Purpose.SOAK, chosen.trials, rules.soak_step)
    return None


def _rivals(ranked: list[tuple[Site, float]], space: Space) -> list[Site]:
    """The best, each with another number of pages at once: that is what matters most."""
    place = space.climbing or 0
    found: dict[float, Site] = {}
    for site, _ in ranked:
        found.setdefault(site.setting[place], site)
    return list(found.values())[: _RIVALS[len(space.axes) > 1]]


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


def _is_doubted(history: History) -> bool:
    return any(site.died for site in sites(history).values())


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
    ranked = standing(history, space, rules)
    chosen = smallest(history, space, rules)
    if chosen is None:
        return Choice(None)
    best = ranked[0][0].setting, ranked[0][1]
    return Choice(chosen.setting, chosen, best, confirm(history, space, rules) is None)

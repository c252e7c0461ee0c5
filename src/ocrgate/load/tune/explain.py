"""Why a setting is recommended, in a few sentences."""

from collections.abc import Iterator

from ocrgate.load.tune.choose import Choice
from ocrgate.load.tune.curve import why_not
from ocrgate.load.tune.evidence import Site, condemned, proven, sites, strained
from ocrgate.load.tune.trial import History, Purpose, Rules, Setting, Space


def explanation(history: History, space: Space, rules: Rules, choice: Choice) -> list[str]:
    """What was found and why, one sentence an entry."""
    if choice.setting is None or choice.site is None or choice.best is None:
        return list(_nothing(history, rules))
    return [
        _what(choice.site, choice.setting, space),
        _against(choice, space, rules),
        *_deaths(history, space, rules, choice.setting),
        *_bounded(space, choice.setting),
        *_sure(history, rules, choice),
    ]


def _nothing(history: History, rules: Rules) -> Iterator[str]:
    yield "Nothing can be recommended: no setting that was tried kept its promises."
    for site in sites(history).values():
        yield f"{_named(site.setting)}: {why_not(site, rules) or 'no page was read in time'}."


def _what(site: Site, setting: Setting, space: Space) -> str:
    told = ", ".join(f"{name} {value:g}" for name, value in space.named(setting).items())
    give = 2 * site.error
    return (
        f"Recommended: {told}: {site.goodput:.2f} pages/s in time (give or take {give:.2f}), "
        f"{site.failures:.1%} failed, {site.late:.1%} late, over {site.trials} trials."
    )


def _against(choice: Choice, space: Space, rules: Rules) -> str:
    assert choice.best is not None
    assert choice.site is not None
    best, goodput = choice.best
    if best == choice.setting:
        return "Nothing else that kept its promises gives more."
    return (
        f"The most was {goodput:.2f} pages/s, with {_named(best)} "
        f"({', '.join(space.named(best))}); within {rules.plateau:.0%} of it, "
        "the smallest setting is the best one: more at once only waits, and wastes."
    )


def _deaths(history: History, space: Space, rules: Rules, setting: Setting) -> Iterator[str]:
    found = sites(history)
    dead = sorted(site.setting for site in found.values() if site.died)
    if not dead:
        return
    died = (
        f"The engine died with {' and with '.join(map(_named, dead))} "
        f"({', '.join(axis.name for axis in space.axes)})"
    )
    held = sum(one.seconds for one in history if one.trial.setting == setting) / 60
    hard = strained(space, setting) if space.climbing is not None else setting
    if not condemned(history, space, setting):
        near = "near" if len(space.axes) > 2 else "beyond half of"
        yield (
            f"{died}, so nothing {near} that was taken, and the recommended setting was held for "
            f"{held:.0f} minutes."
        )
    elif proven(history, space, rules, setting):
        under = sum(one.seconds for one in history if one.trial.setting == hard) / 60
        yield (
            f"{died}. The recommended setting is beyond half of that, so it had to prove itself: "
            f"{_named(hard)} was held for {under:.0f} minutes."
        )


def _bounded(space: Space, setting: Setting) -> Iterator[str]:
    place = space.climbing
    if place is not None and setting[place] == space.axes[place].values[-1]:
        yield (
            f"{setting[place]:g} is the largest {space.axes[place].name} that was to be tried: "
            "more may give more."
        )


def _sure(history: History, rules: Rules, choice: Choice) -> Iterator[str]:
    confirmed = sum(
        one.trial.purpose in {Purpose.CONFIRM, Purpose.SOAK}
        for one in history
        if one.trial.setting == choice.setting
    )
    if not choice.sure:
        yield (
            f"It is not sure: the trials were used up (or the search was broken off) with "
            f"{confirmed} of the {rules.confirmations} that confirm it."
        )


def _named(setting: Setting) -> str:
    return " / ".join(f"{value:g}" for value in setting)

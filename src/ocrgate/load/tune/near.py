"""Three axes or more: the neighbours of the best settings, one step on one axis away."""

from collections.abc import Iterator

from ocrgate.load.tune.choose import plateau
from ocrgate.load.tune.evidence import Site, condemned, sites
from ocrgate.load.tune.trial import Axis, History, Purpose, Rules, Setting, Space, Trial


def nearby(history: History, space: Space, rules: Rules) -> Trial | None:
    """An untried neighbour of a setting that is as good as the best; None when all were tried.

    First more work at once, from where the risk is least; then less risk at the same goodput,
    since it may open the way to more work; then everything else.
    """
    good = plateau(history, space, rules)
    tried = sites(history)
    for setting in (*_more(good, space), *_safer(good, space), *_other(good, space)):
        if setting not in tried and not condemned(history, space, setting):
            return Trial(setting, Purpose.EXPLORE)
    return None


def _more(good: list[Site], space: Space) -> Iterator[Setting]:
    place = space.climbing
    if place is None:
        return
    for site in sorted(good, key=lambda site: _risk(site, space)):
        yield from _steps(site.setting, space, place, (1,))


def _risk(site: Site, space: Space) -> tuple[float, ...]:
    """What it asks for on the risky axes, the work at once last and the other way round."""
    others = [
        value
        for value, axis in zip(site.setting, space.axes, strict=True)
        if axis.risky and not axis.climbs
    ]
    work = [value for value, axis in zip(site.setting, space.axes, strict=True) if axis.climbs]
    return (*others, *(-value for value in work))


def _safer(good: list[Site], space: Space) -> Iterator[Setting]:
    for site in good:
        for place, axis in enumerate(space.axes):
            if axis.risky and not axis.climbs:
                yield from _steps(site.setting, space, place, (-1,))


def _other(good: list[Site], space: Space) -> Iterator[Setting]:
    for site in good[:2]:
        for place in range(len(space.axes)):
            yield from _steps(site.setting, space, place, (1, -1))


def _steps(setting: Setting, space: Space, place: int, steps: tuple[int, ...]) -> Iterator[Setting]:
    axis: Axis = space.axes[place]
    for step in steps:
        at = axis.place(setting[place]) + step
        if 0 <= at < len(axis.values):
            yield space.moved(setting, place, axis.values[at])

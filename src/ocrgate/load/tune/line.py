"""One axis: double until it gets no better, then look between, all else being as it is."""

import math
from collections.abc import Iterator
from itertools import pairwise

from ocrgate.load.tune.evidence import Site, ceiling, condemned, sites, smoothed
from ocrgate.load.tune.trial import Axis, History, Purpose, Rules, Setting, Space, Trial

_WORSE = 0.97  # of the best, beyond what noise makes: the curve falls


def along(history: History, space: Space, origin: Setting, place: int) -> list[Site]:
    """The settings tried that differ from ``origin`` on one axis at most, in its order."""
    found = sites(history)
    line = [
        space.moved(origin, place, value)
        for value in space.axes[place].values
        if space.moved(origin, place, value) in found
    ]
    return [found[setting] for setting in line]


def ladder(axis: Axis, start: float) -> Iterator[float]:
    """From a value upwards, each at least twice the one before; the last value ends it."""
    now = start
    yield now
    for value in axis.values:
        if value >= 2 * now or (value == axis.values[-1] and value > now):
            now = value
            yield now


def climb(
    history: History, space: Space, rules: Rules, origin: Setting, place: int
) -> Trial | None:
    """The next doubling from the origin's value; None when there is no more to gain that way."""
    found = sites(history)
    tried: list[Site] = []
    for value in ladder(space.axes[place], origin[place]):
        setting = space.moved(origin, place, value)
        if setting not in found:
            stop = _is_over(tried, rules) or condemned(history, space, setting)
            return None if stop else Trial(setting, Purpose.CLIMB)
        tried.append(found[setting])
    return None


def _is_over(tried: list[Site], rules: Rules) -> bool:
    """Whether the curve falls, nothing is read in bounds, or two doublings gained nothing."""
    if not tried:
        return False
    if not _reads(tried[-1], rules):
        return True
    best = max(tried, key=lambda site: site.goodput)
    noise = math.hypot(best.error, tried[-1].error)
    if tried[-1].goodput + noise < _WORSE * best.goodput:
        return True
    gains = [after.goodput / max(before.goodput, 1e-9) - 1 for before, after in pairwise(tried)]
    return len(gains) >= 2 and max(gains[-2:]) < rules.plateau


def _reads(site: Site, rules: Rules) -> bool:
    """Whether it keeps its promises and reads anything in time: more at once does not help else."""
    return site.holds(rules) and site.goodput > 0


def refine(
    history: History, space: Space, rules: Rules, origin: Setting, place: int
) -> Trial | None:
    """A value between two tried ones where the best, or a smaller one as good, may lie."""
    line = along(history, space, origin, place)
    held = [site for site in line if _reads(site, rules)]
    if not held:
        return _below(history, space, origin, place)
    limit = ceiling(history, space, origin, place)
    curve = smoothed(held)
    best = max(curve)
    peak = curve.index(best)
    edge = next(at for at, good in enumerate(curve) if good >= (1 - rules.plateau) * best)
    values = [site.setting[place] for site in line]
    for value in (held[edge].setting[place], held[peak].setting[place]):
        at = values.index(value)
        for low, high in ((at - 1, at), (at, at + 1)):
            if low < 0 or high >= len(values):
                continue
            middle = _between(space.axes[place], values[low], values[high])
            if middle is not None and middle <= limit / 4:  # near death only proven steps
                return Trial(space.moved(origin, place, middle), Purpose.REFINE)
    return None


def _between(axis: Axis, low: float, high: float) -> float | None:
    """The middle one of the values between two others."""
    first, last = axis.place(low), axis.place(high)
    return axis.values[(first + last) // 2] if last - first > 1 else None


def _below(history: History, space: Space, origin: Setting, place: int) -> Trial | None:
    """Half of the least value tried, when even that was too much."""
    line = along(history, space, origin, place)
    if not line:
        return None
    least = line[0].setting[place]
    lower = [value for value in space.axes[place].values if value <= least / 2]
    lower = lower or [value for value in space.axes[place].values[:1] if value < least]
    return Trial(space.moved(origin, place, lower[-1]), Purpose.CLIMB) if lower else None


def step(history: History, space: Space, rules: Rules, origin: Setting, place: int) -> Trial | None:
    """On an axis that does not climb: the neighbours of the best value, as long as that gains."""
    line = along(history, space, origin, place)
    held = [site for site in line if _reads(site, rules)]
    if not held:
        return None
    axis = space.axes[place]
    best = axis.place(max(held, key=lambda site: site.goodput).setting[place])
    tried = {site.setting[place] for site in line}
    for near in (best + 1, best - 1):
        if not 0 <= near < len(axis.values) or axis.values[near] in tried:
            continue
        setting = space.moved(origin, place, axis.values[near])
        if not condemned(history, space, setting):
            return Trial(setting, Purpose.EXPLORE)
    return None

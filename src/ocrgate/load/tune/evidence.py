"""What all trials together say of each setting."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ocrgate.load.smooth import unimodal
from ocrgate.load.tune.trial import History, Observation, Rules, Setting, Space, Stop

_LEAST_ERROR = 0.01  # of the goodput: nobody knows it better than that from one trial


@dataclass(frozen=True, slots=True)
class Site:
    """A setting that was tried.

    Attributes:
        setting: which.
        trials: how often.
        lengths: of all trials that ran to their end, in lengths of an ordinary one.
        goodput: mean, weighted by their length.
        error: its standard error.
        failures: share of all pages that failed.
        late: share of all answers that were too late.
        stops: why trials were ended early.
    """

    setting: Setting
    trials: int
    lengths: float
    goodput: float
    error: float
    failures: float
    late: float
    stops: frozenset[Stop]

    def holds(self, rules: Rules) -> bool:
        """Whether it may be recommended at all."""
        kept = self.failures <= rules.failures and self.late <= rules.late
        return kept and not self.stops

    @property
    def died(self) -> bool:
        """Whether it killed the engine."""
        return bool(self.stops & {Stop.DIED, Stop.UNSTARTED})


def sites(history: Iterable[Observation]) -> dict[Setting, Site]:
    """Every setting that was tried, and what its trials say together.

    Trials of equal ``repeat`` had the same pages. Those of another were easier or harder by the
    ratio that settings show which were tried with both; it is taken out.
    """
    seen = tuple(history)
    eases = {repeat: _ease(seen, repeat) for repeat in {one.trial.repeat for one in seen}}
    found: dict[Setting, list[Observation]] = {}
    for one in seen:
        ease = eases[one.trial.repeat]
        fair = replace(one, goodput=one.goodput / ease, error=one.error / ease)
        found.setdefault(one.trial.setting, []).append(fair)
    return {setting: _site(setting, trials) for setting, trials in found.items()}


def bar(history: History, rules: Rules, repeat: int) -> float:
    """The best goodput so far of a setting that keeps its promises, with the pages of a repeat."""
    good = [site.goodput for site in sites(history).values() if site.holds(rules)]
    return max(good, default=0.0) * _ease(history, repeat)


def _ease(seen: tuple[Observation, ...], repeat: int) -> float:
    """How many times the goodput is with the pages of a repeat what it is with the first ones."""
    first, other = (
        {one.trial.setting: one.goodput for one in seen if _whole(one, which)}
        for which in (0, repeat)
    )
    logs = [math.log(other[key] / first[key]) for key in first.keys() & other.keys()]
    return math.exp(sum(logs) / len(logs)) if logs else 1.0


def _whole(one: Observation, repeat: int) -> bool:
    return one.trial.repeat == repeat and one.stop is None and one.goodput > 0


def _site(setting: Setting, seen: list[Observation]) -> Site:
    weights = [max(one.seconds, 1e-9) for one in seen]
    total = sum(weights)
    goodput = sum(w * one.goodput for w, one in zip(weights, seen, strict=True)) / total
    variance = sum((w / total * one.error) ** 2 for w, one in zip(weights, seen, strict=True))
    pages = sum(one.served + one.failed for one in seen)
    return Site(
        setting,
        trials=len(seen),
        lengths=sum(one.trial.length for one in seen if one.stop is None),
        goodput=goodput,
        error=max(math.sqrt(variance), _LEAST_ERROR * goodput / math.sqrt(len(seen))),
        failures=sum(one.failed for one in seen) / max(pages, 1),
        late=sum(one.late * one.served for one in seen) / max(1, sum(one.served for one in seen)),
        stops=frozenset(one.stop for one in seen if one.stop is not None),
    )


def smoothed(line: list[Site]) -> list[float]:
    """Goodput along one axis without its noise: it rises to a peak and falls from there."""
    weights = [1 / max(site.error, 1e-9) ** 2 for site in line]
    return unimodal([site.goodput for site in line], weights)


def ceiling(history: History, space: Space, setting: Setting, place: int) -> float:
    """The value on a risky axis from which on the engine has died, all else being equal or less.

    A setting that killed it condemns all that ask at least as much on every risky axis.
    """
    risky = [number for number, axis in enumerate(space.axes) if axis.risky and number != place]
    dead = [
        site.setting[place]
        for site in sites(history).values()
        if site.died and all(site.setting[number] <= setting[number] for number in risky)
    ]
    return min(dead, default=math.inf)


def condemned(history: History, space: Space, setting: Setting) -> bool:
    """Whether a setting asks for more than half of what has killed the engine.

    On an axis of work at once that is half the number: where 64 died, 33 to 63 are not tried,
    since a death that takes minutes to come would be overlooked in one trial.
    """
    place = space.climbing
    if place is None or not space.axes[place].risky:
        return _dominated(history, space, setting)
    return setting[place] > ceiling(history, space, setting, place) / 2


def _dominated(history: History, space: Space, setting: Setting) -> bool:
    risky = [number for number, axis in enumerate(space.axes) if axis.risky]
    return bool(risky) and any(
        site.died and all(site.setting[number] <= setting[number] for number in risky)
        for site in sites(history).values()
    )

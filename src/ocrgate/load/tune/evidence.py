"""What all trials together say of each setting."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ocrgate.load.smooth import unimodal
from ocrgate.load.tune.trial import History, Observation, Rules, Setting, Space, Stop

_PROVABLE = 0.75  # of the work at once that killed the engine
_STRAIN = 1.125  # times the work at once that a setting has to bear to be proven
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
        preemptions: per page that was answered.
    """

    setting: Setting
    trials: int
    lengths: float
    goodput: float
    error: float
    failures: float
    late: float
    stops: frozenset[Stop]
    preemptions: float = 0.0

    def holds(self, rules: Rules) -> bool:
        """Whether it may be recommended at all."""
        kept = self.failures <= rules.failures and self.late <= rules.late
        return kept and not self.stops

    @property
    def died(self) -> bool:
        """Whether it killed the engine."""
        return bool(self.stops & {Stop.DIED, Stop.UNSTARTED})

    @property
    def unstarted(self) -> bool:
        """Whether the engine did not even start with it."""
        return Stop.UNSTARTED in self.stops and Stop.DIED not in self.stops


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
    served = max(1, sum(one.served for one in seen))
    return Site(
        setting,
        trials=len(seen),
        lengths=sum(one.trial.length for one in seen if one.stop is None),
        goodput=goodput,
        error=max(math.sqrt(variance), _LEAST_ERROR * goodput / math.sqrt(len(seen))),
        failures=sum(one.failed for one in seen) / max(pages, 1),
        late=sum(one.late * one.served for one in seen) / served,
        stops=frozenset(one.stop for one in seen if one.stop is not None),
        preemptions=sum(one.preemptions * one.served for one in seen) / served,
    )


def smoothed(line: list[Site]) -> list[float]:
    """Goodput along one axis without its noise: it rises to a peak and falls from there."""
    weights = [1 / max(site.error, 1e-9) ** 2 for site in line]
    return unimodal([site.goodput for site in line], weights)


def ceiling(history: History, space: Space, setting: Setting, place: int) -> float:
    """The value on a risky axis from which on the engine has died, all else being equal or less.

    A setting that killed it condemns all that ask at least as much on every risky axis.
    """
    dead = [
        site.setting[place]
        for site in sites(history).values()
        if site.died and _is_no_more(site, setting, space, place)
    ]
    return min(dead, default=math.inf)


def _is_no_more(site: Site, setting: Setting, space: Space, place: int | None) -> bool:
    """Whether what killed the engine asks for no more than a setting, ``place`` apart.

    An engine that does not start may lack room for its cache, which a larger share of the memory
    would give it. So that is held against the same on all other axes only.
    """
    return all(
        here == there if site.unstarted else here <= there or not axis.risky
        for number, (axis, here, there) in enumerate(
            zip(space.axes, site.setting, setting, strict=True)
        )
        if number != place
    )


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
    return any(axis.risky for axis in space.axes) and any(
        site.died and _is_no_more(site, setting, space, None) for site in sites(history).values()
    )


def doubtful(history: History, space: Space, setting: Setting) -> bool:
    """Whether a setting is condemned, but so far below what killed the engine that it may be
    proven: at most three quarters of the work at once, where a doubling has no value between.

    With one or two axes there are no trials left for that.
    """
    place = space.climbing
    if place is None or len(space.axes) <= 2 or not condemned(history, space, setting):
        return False
    limit = ceiling(history, space, setting, place)
    return setting[place] <= _PROVABLE * limit and strained(space, setting)[place] < limit


def strained(space: Space, setting: Setting) -> Setting:
    """The setting with an eighth more work at once: what lives through that has room to spare.

    Deaths that are rare, as those by a neighbour on the GPU that seldom takes much, become
    frequent where an eighth of the room is gone.
    """
    place = space.climbing
    assert place is not None
    return space.moved(setting, place, math.ceil(_STRAIN * setting[place]))


def proven(history: History, space: Space, rules: Rules, setting: Setting) -> bool:
    """Whether something that strains the engine more on every risky axis has lived for long."""
    place = space.climbing
    if place is None:
        return False
    hard = strained(space, setting)
    risky = [number for number, axis in enumerate(space.axes) if axis.risky]
    return any(
        site.lengths >= rules.soak
        and not site.died
        and all(site.setting[number] >= hard[number] for number in risky)
        for site in sites(history).values()
    )

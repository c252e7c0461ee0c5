"""Three axes or more: the neighbours of the best settings, those first that promise most."""

from collections.abc import Iterator

from ocrgate.load.tune.choose import plateau
from ocrgate.load.tune.effects import Effects
from ocrgate.load.tune.evidence import Site, condemned, doubtful, sites
from ocrgate.load.tune.peril import Peril
from ocrgate.load.tune.trial import History, Purpose, Rules, Setting, Space, Trial

_WAY = 0.5  # of what more work would give counts for a step that opens the way to it
_RESTART = 0.2  # of the goodput has to be hoped for to make up for a death
_LIKELY = 0.5  # chance of the engine's death from which on another way is looked for
_SHORT = 0.02  # preemptions per page that tell of a cache that is too small


def nearby(history: History, space: Space, rules: Rules) -> Trial | None:
    """An untried neighbour of a setting that is as good as the best; None when none promises more.

    What a step promises is what it did elsewhere (:mod:`ocrgate.load.tune.effects`), and a bit
    more where that is little known, so that no axis is given up for what was never seen; less what
    the engine's death would cost, times the chance of it (:mod:`ocrgate.load.tune.peril`). Where
    more work at once would give more but is likely to kill the engine, a step back on another
    risky axis, alone or together with more work, is worth something too.
    """
    around = _Around(history, space, rules)
    found = min(around.moves(), default=None)
    return None if found is None else Trial(found[-1], Purpose.EXPLORE)


class _Around:
    """The neighbourhood of the settings that are as good as the best."""

    def __init__(self, history: History, space: Space, rules: Rules) -> None:
        self._history, self._space, self._rules = history, space, rules
        self._tried = sites(history)
        self._effects = Effects(self._tried, space)
        self._peril = Peril(self._tried.values(), space)
        self._warned = any(site.died for site in self._tried.values())
        self._good = plateau(history, space, rules)

    def moves(self) -> Iterator[tuple[float, float, Setting]]:
        """Those that promise more than the plateau; the least is to be made first.

        Of equals that is the one with less peril, then the smaller one.
        """
        for site in self._good:
            for setting, gain in (*self._steps(site), *self._retreats(site)):
                peril = self._peril.of(setting)
                worth = gain * (1 - peril) - _RESTART * peril
                if worth > self._rules.plateau and self._may(setting):
                    yield -round(worth, 3), peril, setting

    def _may(self, setting: Setting) -> bool:
        if setting in self._tried:
            return False
        return doubtful(self._history, self._space, setting) or not condemned(
            self._history, self._space, setting
        )

    def _steps(self, site: Site) -> Iterator[tuple[Setting, float]]:
        """One step on one axis."""
        for place, axis in enumerate(self._space.axes):
            for up in (1, -1):
                there = self._moved(site.setting, place, up)
                if there is None:
                    continue
                effect = self._effects.step(site.setting, place, up)
                # where something has died, curiosity alone is no reason to risk more
                idle = self._warned and up > 0 and axis.risky and not axis.climbs
                known = idle and site.preemptions < _SHORT
                yield there, effect.log if known else effect.hope

    def _retreats(self, site: Site) -> Iterator[tuple[Setting, float]]:
        """Steps back on a risky axis that open the way to more work at once."""
        climbing = self._space.climbing
        more = None if climbing is None else self._moved(site.setting, climbing, 1)
        if climbing is None or more is None or self._is_open(more):
            return
        gain = self._effects.step(site.setting, climbing, 1).hope
        for place, axis in enumerate(self._space.axes):
            there = self._moved(site.setting, place, -1)
            if there is None or axis.climbs or not axis.risky:
                continue
            loss = self._effects.step(site.setting, place, -1).log
            beyond = self._moved(there, climbing, 1)
            if beyond is not None:
                yield beyond, gain + loss
            if beyond not in self._tried:
                yield there, _WAY * gain + loss

    def _is_open(self, setting: Setting) -> bool:
        return self._peril.of(setting) <= _LIKELY and not condemned(
            self._history, self._space, setting
        )

    def _moved(self, setting: Setting, place: int, up: int) -> Setting | None:
        axis = self._space.axes[place]
        at = axis.place(setting[place]) + up
        inside = 0 <= at < len(axis.values)
        return self._space.moved(setting, place, axis.values[at]) if inside else None

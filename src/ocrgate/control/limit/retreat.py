"""Whether fewer pages at once would bring more: tried, not believed.

Throughput has more than one best point where a step's time is a staircase (captured graphs, kernels
chosen by batch) or where what many pages need no longer fits a cache of the GPU. Growth that looks
only at the slope before its feet walks past the better one. What was seen below is a hint: the
pages there were others, and some rates are of a ramp. So the lower limit is tried for some seconds,
as in an experiment: what it brings is compared with what was before and, unless the difference is
beyond any doubt, with the old limit once more after it, since an engine may just have got faster by
itself. Only if it is better than both it is kept. A trial that fails costs seconds of a little less
throughput; each one makes the next wait three times as long.
"""

import math
from dataclasses import dataclass
from typing import Literal

from ocrgate.control.limit.goodput import Elasticity, Goodput, Rate


@dataclass(frozen=True, slots=True)
class RetreatParams:
    """How a lower limit is tried. Seconds, parts, and standard errors of a difference.

    Attributes:
        less: a lower limit is worth a trial from this part of the present one down.
        hint: part of the present rate, beside its noise, that must have been seen there.
        steep: elasticity from which on nobody looks below.
        seconds: rates of the present that are compared with.
        least: seconds of each half of a trial, from when its number of pages is in flight on.
        most: the same, at most.
        settle: seconds from then on that are not counted: the batch is another one than was there.
        patience: seconds in which that number must be reached.
        certain: the lower limit is kept at once if it is better by so much.
        sure: a comparison ends early if it is better by so much.
        better: the least that counts as better.
        worse: a trial ends early if it is worse by so much.
        again: seconds until the next trial; thrice as long after each that failed.
        rest: seconds until the next trial after one that was kept.
        longest: seconds, the bound of both.
    """

    less: float = 0.8
    hint: float = 0.9
    steep: float = 0.3
    seconds: float = 5.0
    least: float = 2.0
    most: float = 6.0
    settle: float = 1.0
    patience: float = 60.0
    certain: float = 5.0
    sure: float = 2.5
    better: float = 0.5
    worse: float = 1.0
    again: float = 10.0
    rest: float = 30.0
    longest: float = 480.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The limit from now on; whether the trial is over, and whether the lower one is kept."""

    limit: float
    over: bool = False
    kept: bool = False


class Retreat:
    """At most one trial at a time.

    Args:
        params: how it is tried.
    """

    def __init__(self, params: RetreatParams | None = None) -> None:
        self._params = params or RetreatParams()
        self._stage: Literal["none", "lower", "again"] = "none"
        self._old = self._lower = 0.0  # limits
        self._before = self._below = Rate(0.0, 0.0, 0.0)
        self._began = 0.0
        self._settled: float | None = None
        self._not_before = -math.inf
        self._again = self._params.again

    @property
    def under_way(self) -> bool:
        """Whether a trial is."""
        return self._stage != "none"

    def begin(self, now: float, limit: float, goodput: Goodput, flat: bool) -> float | None:
        """The lower limit that is tried from now on; None if none is worth it, or not yet.

        ``flat``: growth was seen to bring nothing here, also where nothing moved since.
        """
        params = self._params
        if self.under_way or now < self._not_before:
            return None
        before, slope = goodput.rate(now, params.seconds), goodput.elasticity(now)
        if before is None or not self._level(slope, flat):
            return None
        hint = params.hint * before.mean + before.noise
        lower = goodput.enough(now, params.less * limit, hint)
        if lower is None or lower < 1:
            return None
        self._old, self._lower, self._before = limit, lower, before
        self._enter("lower", now)
        return lower

    def _level(self, slope: Elasticity | None, flat: bool) -> bool:
        """Whether throughput does not grow any more: by the slope, where that says something."""
        steep = self._params.steep
        if slope is None or slope.error >= steep:
            return flat
        return slope.slope + slope.error < steep

    def give_up(self) -> None:
        """Something else moved the limit."""
        self._stage = "none"

    def judge(self, now: float, inflight: int, goodput: Goodput) -> Verdict | None:
        """What follows for the limit, if anything does, with so many pages in flight."""
        if self._settled is None:
            return self._settle(now, inflight)
        passed = now - self._settled
        rate = goodput.rate(now, passed)
        if passed < self._params.least or rate is None:
            return None
        if self._stage == "lower":
            return self._first(now, passed, rate)
        return self._second(now, passed, rate)

    def _settle(self, now: float, inflight: int) -> Verdict | None:
        lower = self._stage == "lower"
        aim = self._lower if lower else self._old
        if 0.9 * aim <= inflight <= aim + 1:
            self._settled = now + self._params.settle
        elif now > self._began + self._params.patience:
            return self._end(now, kept=False)
        return None

    def _first(self, now: float, passed: float, rate: Rate) -> Verdict | None:
        over, params = rate.over(self._before), self._params
        if over >= params.certain:
            return self._end(now, kept=True)
        if over <= -params.worse or (passed >= params.most and over < params.better):
            return self._end(now, kept=False)
        if over < params.sure and passed < params.most:
            return None
        self._below = rate
        self._enter("again", now)
        return Verdict(self._old)

    def _second(self, now: float, passed: float, rate: Rate) -> Verdict | None:
        over, params = self._below.over(rate), self._params
        if -params.worse < over < params.sure and passed < params.most:
            return None
        return self._end(now, kept=over >= params.better)

    def _enter(self, stage: Literal["lower", "again"], now: float) -> None:
        self._stage, self._began, self._settled = stage, now, None

    def _end(self, now: float, kept: bool) -> Verdict:
        params = self._params
        self._stage = "none"
        self._again = params.again if kept else min(3 * self._again, params.longest)
        self._not_before = now + (params.rest if kept else self._again)
        return Verdict(self._lower if kept else self._old, over=True, kept=kept)

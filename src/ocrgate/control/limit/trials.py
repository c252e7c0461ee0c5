"""Whether fewer pages at once would bring more, or many more: tried, not believed.

Throughput has more than one best point where a step's time is a staircase (captured graphs, kernels
chosen by batch) or where what many pages need no longer fits a cache of the GPU. Growth that looks
only at the slope before its feet walks past the better one. What was seen below is a hint: the
pages there were others, and some rates are of a ramp. So the lower limit is tried for some seconds,
as in an experiment: what it brings is compared with what was before and, unless the difference is
beyond any doubt, with the old limit once more after it, since an engine may just have got faster by
itself. Only if it is better than both it is kept. A trial that fails costs seconds of a little less
throughput; each one makes the next wait three times as long.

The other way round a step keeps growth below it, however much there is to win beyond: so twice as
many are tried too, and the next time four times as many, as far as the KV cache has room.
"""

import math
from dataclasses import dataclass
from typing import Literal

from ocrgate.control.limit.goodput import Elasticity, Goodput, Rate
from ocrgate.control.limit.lateness import Lateness
from ocrgate.control.limit.standing import Standing


@dataclass(frozen=True, slots=True)
class TrialParams:
    """How another limit is tried. Seconds, parts, and standard errors of a difference.

    Attributes:
        less: a lower limit is worth a trial from this part of the present one down.
        hint: part of the present rate, beside its noise, that must have been seen there.
        far: times of what about so many pages usually bring: more than that is far more.
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
        longest: seconds, the bound of all these.
        above: seconds on a plateau until more are tried; thrice as long after each that failed.
        dear: the same, in the time that pages take, where some come too late: so long they come
            later still after a trial of more, which is to cost a tenth of the time at most.
        filled: seconds in which so many more must come.
        gain: part by which they must be better.
        added: of so many more, some must come into the engine's batch.
    """

    less: float = 0.8
    hint: float = 0.9
    far: float = 1.2
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
    above: float = 20.0
    dear: float = 10.0
    filled: float = 10.0
    gain: float = 0.05
    added: int = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """The limit from now on; whether the trial is over, and whether the other limit is kept."""

    limit: float
    over: bool = False
    kept: bool = False


class Trials:
    """At most one trial at a time.

    Where pages come too late, pages in time are compared and not work, by the urgency that there
    was when the trial began (:mod:`ocrgate.control.limit.lateness`).

    Args:
        params: how it is tried.
        lateness: pages that come too late; None: nobody tells.
    """

    def __init__(self, params: TrialParams | None = None, lateness: Lateness | None = None) -> None:
        self._params = params or TrialParams()
        self._lateness = lateness or Lateness()
        self._stage: Literal["none", "other", "again"] = "none"
        self._old = self._other = 0.0  # limits
        self._were = 0.0  # pages in flight at the old one
        self._urgency = 1.0
        self._before = self._there = Rate(0.0, 0.0, 0.0, 0.0)
        self._began = 0.0
        self._settled: float | None = None
        self._not_before = -math.inf
        self._again = self._params.again
        self._not_above: float | None = None  # before the first plateau
        self._again_above = self._params.above
        self._times = 2.0

    @property
    def above(self) -> bool:
        """Whether more are being tried."""
        return self.under_way and self._other > self._old

    @property
    def under_way(self) -> bool:
        """Whether a trial is."""
        return self._stage != "none"

    def fewer(self, now: float, limit: float, goodput: Goodput, flat: bool) -> float | None:
        """The lower limit that is tried from now on; None if none is worth it, or not yet.

        ``flat``: growth was seen to bring nothing here, also where nothing moved since.
        """
        params = self._params
        if self.under_way or now < self._not_before:
            return None
        urgency = self._lateness.urgency(now)
        before = goodput.rate(now, params.seconds, urgency)
        slope = goodput.elasticity(now, urgency)
        if before is None or not self._level(slope, flat):
            return None
        hint = params.hint * before.mean + before.noise
        lower = goodput.enough(now, params.less * limit, hint, urgency)
        if lower is None or lower < 1:
            return None
        return self._begin(now, limit, lower, before)

    def far_better(self, now: float, limit: float, inflight: int, goodput: Goodput) -> float | None:
        """The lower limit that is tried since far fewer pages brought far more than those in flight
        do, whoever keeps more out; None if none did, or it is not time.
        """
        params = self._params
        urgency = self._lateness.urgency(now)
        before = goodput.rate(now, params.seconds, urgency)
        usual = goodput.usual(now, inflight, urgency)
        if self.under_way or now < self._not_before or before is None or usual is None:
            return None
        least = params.far * usual + before.noise
        lower = goodput.enough(now, params.less * inflight, least, urgency)
        return None if lower is None or lower < 1 else self._begin(now, limit, lower, before)

    def more(self, now: float, limit: float, most: float, goodput: Goodput) -> float | None:
        """The higher limit that is tried from now on, at most ``most``; None if it is not time.

        To be called on a plateau only: where growth was seen to bring nothing.
        """
        if self._not_above is None:
            self._not_above = now + max(self._params.above, self._dear(now))
        before = goodput.rate(now, self._params.seconds, self._lateness.urgency(now))
        higher = min(self._times * limit, most)
        if self.under_way or now < self._not_above or before is None or higher < 1.5 * limit:
            return None
        return self._begin(now, limit, higher, before)

    def _level(self, slope: Elasticity | None, flat: bool) -> bool:
        """Whether throughput does not grow any more: by the slope, where that says something."""
        steep = self._params.steep
        if slope is None or slope.error >= steep:
            return flat
        return slope.slope + slope.error < steep

    def give_up(self, now: float, limit: float) -> float:
        """Something else is the matter: the limit from now on.

        More pages are not tried again soon: the engine may have died of them.
        """
        if self.above:
            self._not_above, limit = now + self._params.longest, min(limit, self._old)
        self._stage = "none"
        return limit

    def is_vain(self, inflight: int, queue: Standing) -> bool:
        """Whether more are tried and the engine takes none of them into its batch."""
        added = inflight - self._old
        if not self.above or added < self._params.added:
            return False
        return queue.waiting >= added / 2 and queue.running <= self._old + 0.1 * added

    def fail(self, now: float) -> Verdict:
        """The trial is over, and the limit what it was."""
        return self._end(now, kept=False)

    def judge(self, now: float, inflight: int, goodput: Goodput) -> Verdict | None:
        """What follows for the limit, if anything does, with so many pages in flight."""
        if self._settled is None:
            return self._settle(now, inflight)
        passed = now - self._settled
        rate = goodput.rate(now, passed, self._urgency)
        if passed < self._params.least or rate is None:
            return None
        if self._stage == "other":
            return self._first(now, passed, rate)
        return self._second(now, passed, rate)

    def _settle(self, now: float, inflight: int) -> Verdict | None:
        limit, aim = self._old, self._were
        if self._stage == "other":
            limit = aim = self._other
        if 0.9 * aim <= inflight <= limit + 1:
            self._settled = now + self._params.settle
            return None
        params = self._params
        patience = params.filled if self.above and self._stage == "other" else params.patience
        return self._end(now, kept=False) if now > self._began + patience else None

    def _first(self, now: float, passed: float, rate: Rate) -> Verdict | None:
        over, params = rate.over(self._before), self._params
        if self.above and rate.mean < (1 + params.gain) * self._before.mean:
            over = min(over, 0.0)
        if over >= params.certain:
            return self._end(now, kept=True)
        if over <= -params.worse or (passed >= params.most and over < params.better):
            return self._end(now, kept=False)
        if over < params.sure and passed < params.most:
            return None
        self._there = rate
        self._enter("again", now)
        return Verdict(self._old)

    def _second(self, now: float, passed: float, rate: Rate) -> Verdict | None:
        over, params = self._there.over(rate), self._params
        if -params.worse < over < params.sure and passed < params.most:
            return None
        return self._end(now, kept=over >= params.better)

    def _dear(self, now: float) -> float:
        """Seconds between trials of more, by the harm that they do."""
        return self._params.dear * self._lateness.period(now)

    def _begin(self, now: float, limit: float, other: float, before: Rate) -> float:
        self._old, self._other, self._before = limit, other, before
        self._were, self._urgency = min(limit, before.pages), self._lateness.urgency(now)
        self._enter("other", now)
        return other

    def _enter(self, stage: Literal["other", "again"], now: float) -> None:
        self._stage, self._began, self._settled = stage, now, None

    def _end(self, now: float, kept: bool) -> Verdict:
        params, above = self._params, self.above
        self._stage = "none"
        if above:
            self._times = 2.0 if kept or self._times > 2 else 4.0
            longer = min(3 * self._again_above, params.longest)
            self._again_above = params.above if kept else longer
            self._not_above = now + max(self._again_above, self._dear(now))
        else:
            self._again = params.again if kept else min(3 * self._again, params.longest)
        self._not_before = now + (params.rest if kept else self._again)
        return Verdict(self._other if kept else self._old, over=True, kept=kept)

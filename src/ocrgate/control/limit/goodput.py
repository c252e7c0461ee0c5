"""Does more concurrency still bring more throughput? A regression over the last seconds.

Streamed work is counted in short buckets beside the mean number of pages in flight. The slope of
log(work rate) on log(in flight) is the elasticity: 1 while each further page brings its full share,
0 where it brings nothing. It comes with its standard error, so a law can tell "brings nothing"
from "not known". The idea is the correlation guard of failsafe-go's adaptive limiter and of Uber's
Cinnamon; with streamed progress it works without waiting for pages to end.
"""

import math
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Elasticity:
    """Slope of log throughput on log concurrency, and its standard error: of few points a larger
    one, so that two of them always mean the same certainty.
    """

    slope: float
    error: float

    def given(self, prior: "Elasticity") -> "Elasticity":
        """With what was known before, both weighed by their certainty (normal distributions)."""
        weight, known = 1 / self.error**2, 1 / prior.error**2
        slope = (weight * self.slope + known * prior.slope) / (weight + known)
        return Elasticity(slope, 1 / math.sqrt(weight + known))

    def below(self, bound: float) -> bool:
        """Whether it is less than ``bound`` beyond doubt (two standard errors)."""
        return self.slope + 2 * self.error < bound

    def above(self, bound: float) -> bool:
        """Whether it is more than ``bound`` beyond doubt (two standard errors)."""
        return self.slope - 2 * self.error > bound


@dataclass(frozen=True, slots=True)
class Rate:
    """Work per second over some time.

    Attributes:
        mean: of its buckets.
        noise: their standard deviation.
        error: standard error of the mean.
        pages: that were in flight on average.
    """

    mean: float
    noise: float
    error: float
    pages: float

    def over(self, other: "Rate") -> float:
        """By how many standard errors it is more than the other."""
        return (self.mean - other.mean) / math.hypot(self.error, other.error)


@dataclass(frozen=True, slots=True)
class GoodputParams:
    """How throughput is watched.

    Attributes:
        bucket: seconds over which one rate is taken.
        window: seconds after which a rate is forgotten, so that a change of traffic is too.
        near: rates count from this part of the present concurrency up: what was true far below
            says nothing of here.
        least: rates that a judgement needs.
        floor: least standard error per rate (as a part of it): rates that agree by chance are
            not certain.
        expected: elasticity that is likely before anything is seen, since most are between 0 and 1:
            where concurrency hardly moves, chance alone draws slopes far beyond.
        doubt: its standard error.
        memory: seconds for which it is remembered what so many pages brought.
        width: numbers of pages within this factor of each other are one level for that.
        learn: buckets over which a level's rate is averaged.
    """

    bucket: float = 0.5
    window: float = 15.0
    near: float = 0.35
    least: int = 5
    floor: float = 0.02
    expected: float = 0.5
    doubt: float = 0.5
    memory: float = 600.0
    width: float = 1.25
    learn: int = 10


@dataclass(slots=True)
class _Level:
    """What about so many pages at once brought, as a moving average, and when that was."""

    pages: float
    work: float
    seen: float
    count: int = 1

    def value(self, urgency: float) -> float:
        """What they brought."""
        return _value(self.pages, self.work, urgency)

    def learn(self, now: float, pages: float, work: float, most: int) -> None:
        self.count = min(self.count + 1, most)
        self.pages += (pages - self.pages) / self.count
        self.work += (work - self.work) / self.count
        self.seen = now


class Goodput:
    """Rates of work by concurrency.

    Args:
        params: how it is watched.
    """

    def __init__(self, params: GoodputParams | None = None) -> None:
        self._params = params or GoodputParams()
        self._points: deque[tuple[float, float, float]] = deque()
        self._levels: dict[int, _Level] = {}
        self._since: float | None = None
        self._seen = 0.0
        self._inflight = 0
        self._area = 0.0
        self._work = 0.0

    def occupied(self, now: float, inflight: int) -> None:
        """So many pages are in flight from ``now`` on."""
        self._elapse(now)
        self._inflight = inflight

    def progress(self, now: float, work: float) -> None:
        """So much work was streamed."""
        self._elapse(now)
        self._work += work

    def forget(self) -> None:
        """What was seen says nothing of what comes."""
        self._points.clear()
        self._levels.clear()

    def rate(self, now: float, seconds: float, urgency: float = 1.0) -> Rate | None:
        """The rate of the last ``seconds``; None without two buckets in them.

        Where there is ``urgency`` (:mod:`ocrgate.control.limit.lateness`), it is in proportion to
        pages in time, and to be compared with rates of the same urgency only. So in all methods.
        """
        points = [(pages, work) for when, pages, work in self._points if when > now - seconds]
        if len(points) < 2:
            return None
        lately = [_value(pages, work, urgency) for pages, work in points]
        mean = sum(lately) / len(lately)
        spread = sum((work - mean) ** 2 for work in lately) / (len(lately) - 1)
        noise = max(math.sqrt(spread), self._params.floor * urgency * mean)
        crowd = sum(pages for pages, _ in points) / len(points)
        return Rate(mean, noise, max(noise, 1e-9) / math.sqrt(len(lately)), crowd)

    def usual(self, now: float, pages: float, urgency: float = 1.0) -> float | None:
        """What about so many pages bring on average; None if that was not seen for long enough."""
        level = self._levels.get(self._place(pages)) if pages >= 1 else None
        if level is None or level.seen <= now - self._params.memory:
            return None
        return level.value(urgency) if level.count >= self._params.learn else None

    def enough(self, now: float, below: float, least: float, urgency: float = 1.0) -> float | None:
        """The fewest pages in flight that brought 95 % of the best rate remembered.

        Of numbers up to ``below``; None if none of those brought ``least`` or more.
        """
        since = now - self._params.memory
        known = [it for it in self._levels.values() if it.seen > since and it.pages <= below]
        enough = max(least, 0.95 * max((it.value(urgency) for it in known), default=0.0))
        return min((it.pages for it in known if it.value(urgency) >= enough), default=None)

    def elasticity(self, now: float, urgency: float = 1.0) -> Elasticity | None:
        """The slope around the present concurrency; None when there is too little to say.

        With ``e`` that of work, it is ``1 - urgency * (1 - e)``.
        """
        params = self._params
        least = params.near * max(self._inflight, 1)
        points = [
            (math.log(inflight), math.log(work))
            for when, inflight, work in self._points
            if when > now - params.window and inflight >= least and work > 0
        ]
        if len(points) < params.least:
            return None
        seen = _regress(points, params.floor)
        if seen is None:
            return None
        work = seen.given(Elasticity(params.expected, params.doubt))
        return Elasticity(1 - urgency * (1 - work.slope), urgency * work.error)

    def _elapse(self, now: float) -> None:
        if self._since is None:
            self._since = self._seen = now
        passed = max(0.0, now - self._seen)
        self._area += passed * self._inflight
        self._seen = max(self._seen, now)
        span = self._seen - self._since
        if span >= self._params.bucket:
            # A gap over four buckets is a pause of whoever calls, not a measurement.
            if span < 4 * self._params.bucket and self._area > 0:
                self._learn(self._area / span, self._work / span)
            while self._points and self._points[0][0] <= now - self._params.window:
                self._points.popleft()
            self._since, self._area, self._work = self._seen, 0.0, 0.0

    def _place(self, pages: float) -> int:
        return round(math.log(pages) / math.log(self._params.width))

    def _learn(self, pages: float, work: float) -> None:
        self._points.append((self._seen, pages, work))
        place = self._place(pages)
        level = self._levels.get(place)
        if level is None or level.seen <= self._seen - self._params.memory:
            self._levels[place] = _Level(pages, work, self._seen)
        else:
            level.learn(self._seen, pages, work, self._params.learn)


def _value(pages: float, work: float, urgency: float) -> float:
    """Work, or what is in proportion to pages in time: :mod:`ocrgate.control.limit.lateness`."""
    return work if urgency == 1 else pages * float((work / pages) ** urgency)


def _regress(points: list[tuple[float, float]], floor: float) -> Elasticity | None:
    """Least squares of y on x; None where all x are nearly equal."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread < count * 1e-5:
        return None
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    left = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    noise = max(math.sqrt(left / (count - 2)) * _few(count - 2), floor)
    return Elasticity(slope, noise / math.sqrt(spread))


def _few(freedom: int) -> float:
    """How much wider two standard errors of few points are: Student's t over the normal one, each
    at 97.5 % (the first terms of its expansion in 1 / freedom, right to 4 % from 3 on).
    """
    return 1.0 + 1.21 / freedom + 1.44 / freedom**2

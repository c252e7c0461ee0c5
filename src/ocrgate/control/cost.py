"""What a page will cost: exact input tokens, and output tokens as quantiles that are learned.

The tokens of an image follow exactly from its size, so the caller gives them. The length of the
text is learned per (model, task, bucket of the page's area): within one kind of page it is narrow
(receipts: p95 is 1.6 times p50), between kinds it spans four orders of magnitude.

Three levels are blended, each trusted by the number of its samples, in the logarithm of tokens:

* the prior: a curve of the median text length over the page's area, from public corpora (line
  crops, screenshots, posters, receipts, reports, books), with a log-normal spread of ``sigma``;
* the parent (model, task): how many times the prior's median pages really had, over all areas, so
  that a model that writes HTML, or a service that reads receipts, corrects every bucket at once;
* the bucket itself.

Pages that were cut, at their deadline or by a bound, count as longer than they were. If such pages
are refused from then on, nothing more would be learned of them; so an estimate that was given
``retry`` times with no page observed since is given once as if nothing were known of the class.

Each level keeps its last ``window`` samples, sorted. What is old leaves at its end, and at once
when ``drift`` samples in a row lie on the same side of the median, which happens by chance once in
thousands of pages. Buckets are bounded in number; the one that was fed least lately goes, and what
it knew stays in its parent. Observing is O(log window) comparisons, asking for a quantile O(1).
"""

import math
from bisect import bisect_right, insort
from collections import OrderedDict, deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist
from typing import TypeVar

from ocrgate.control.ledger import Promise

_Key = TypeVar("_Key", bound=Hashable)

CURVE = (
    (17_000, 11.0),  # line crops, 336x50
    (220_000, 75.0),  # small screenshots, 938x237
    (640_000, 85.0),  # posters and goods, 800x800, with the screenshots of that size
    (1_370_000, 300.0),  # receipts, 812x1682
    (2_170_000, 650.0),  # reports, 1240x1754
    (3_200_000, 900.0),  # dense documents, 1602x2014
)
"""Pixels of the page as it came, and median tokens of its text in a large vocabulary."""

MARKUP: Mapping[str, float] = {"table": 2.0, "markdown": 1.2}
"""Times the plain text that a task writes: mark-up adds 1.5 to 3 times on pages of tables."""


@dataclass(frozen=True, slots=True)
class LengthParams:
    """How lengths are learned.

    Attributes:
        sigma: spread of the prior, standard deviation of the logarithm.
        strength: samples at which a level weighs as much as the one above it.
        window: samples that a level keeps.
        drift: samples in a row on one side of the median that make the older ones obsolete.
        retry: estimates without an observation after which one is made without its samples.
        buckets: buckets and parents that are kept, of each.
        low: share of pages that are no longer than the low estimate.
        high: share of pages that are no longer than the high estimate.
        markup: times the plain text that each task writes.
    """

    sigma: float = 0.9
    strength: float = 5.0
    window: int = 128
    drift: int = 14
    retry: int = 32
    buckets: int = 512
    low: float = 0.1
    high: float = 0.9
    markup: Mapping[str, float] = field(default_factory=lambda: MARKUP)

    def __post_init__(self) -> None:
        bounds = {
            "sigma": self.sigma > 0,
            "strength": self.strength > 0,
            "window": self.window > self.drift > 1,
            "buckets": self.buckets >= 1,
            "retry": self.retry >= 1,
            "quantiles": 0 < self.low < 0.5 < self.high < 1,
            "markup": all(each > 0 for each in self.markup.values()),
        }
        if wrong := [name for name, holds in bounds.items() if not holds]:
            raise ValueError(f"out of range: {', '.join(wrong)}")


@dataclass(frozen=True, slots=True)
class PageClass:
    """What pages of like length have in common.

    Attributes:
        model: the weights.
        task: what is read for.
        area: half octaves of the page's pixels, see :meth:`of`.
    """

    model: str
    task: str
    area: int

    @classmethod
    def of(cls, model: str, task: str, pixels: int) -> "PageClass":
        """The class of a page of so many pixels, as it came (before any resizing)."""
        return cls(model, task, round(2 * math.log2(max(pixels, 1))))


@dataclass(frozen=True, slots=True)
class Estimate:
    """Output tokens of a page: low, middle and high quantile."""

    low: float
    median: float
    high: float

    @property
    def mean(self) -> float:
        """Swanson's rule (Hurst, Brown, Swanson 2000), near enough for skewed distributions."""
        return 0.3 * self.low + 0.4 * self.median + 0.3 * self.high

    def promise(self, input_tokens: int, cap: int) -> Promise:
        """What the ledger holds for a page with so many input tokens, cut off after ``cap``."""
        expected = min(cap, round(self.mean))
        return Promise(input_tokens, expected, max(expected, min(cap, round(self.high))), cap)


class Lengths:
    """Output lengths by class of page.

    Args:
        params: how they are learned.
    """

    def __init__(self, params: LengthParams | None = None) -> None:
        self._params = params or LengthParams()
        self._normal = NormalDist(0.0, self._params.sigma)
        self._deviates: dict[float, float] = {}
        self._buckets: OrderedDict[PageClass, _Window] = OrderedDict()
        self._parents: OrderedDict[tuple[str, str], _Window] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def observe(self, key: PageClass, tokens: int, *, censored: bool = False) -> None:
        """A page had so many output tokens; ``censored``: at least (cancelled, or cut off)."""
        length = math.log(max(tokens, 1))
        prior = self._prior(key)
        self._feed(self._buckets, key).add(length, censored=censored)
        self._feed(self._parents, (key.model, key.task)).add(length - prior, censored=censored)

    def quantile(self, key: PageClass, share: float) -> float:
        """Output tokens that ``share`` of such pages do not exceed; share is in (0, 1)."""
        if not 0 < share < 1:
            raise ValueError("share is above 0 and below 1")
        deviate = self._deviates.get(share)
        if deviate is None:
            deviate = self._normal.inv_cdf(share)
            if len(self._deviates) < 64:
                self._deviates[share] = deviate
        parent = self._parents.get((key.model, key.task))
        ratio = self._blend(parent, share, deviate)
        length = self._blend(self._buckets.get(key), share, self._prior(key) + ratio)
        return math.exp(length)

    def estimate(self, key: PageClass) -> Estimate:
        """Low, middle and high quantile."""
        params = self._params
        shares = (params.low, 0.5, params.high)
        low, median, high = (self.quantile(key, share) for share in shares)
        window = self._buckets.get(key)
        if window is not None and window.asked_often(params.retry):
            prior = self._prior(key)
            fresh = [math.exp(prior + self._normal.inv_cdf(share)) for share in shares]
            low, median, high = map(min, (low, median, high), fresh)
        return Estimate(low, median, high)

    def _blend(self, window: "_Window | None", share: float, above: float) -> float:
        if window is None:
            return above
        weight = len(window) / (len(window) + self._params.strength)
        return weight * window.quantile(share) + (1 - weight) * above

    def _feed(self, windows: "OrderedDict[_Key, _Window]", key: "_Key") -> "_Window":
        window = windows.get(key)
        if window is None:
            window = windows[key] = _Window(self._params.window, self._params.drift)
            if len(windows) > self._params.buckets:
                windows.popitem(last=False)
        else:
            windows.move_to_end(key)
        return window

    def _prior(self, key: PageClass) -> float:
        """The logarithm of the median tokens, before anything is learned."""
        return _log_curve(key.area) + math.log(self._params.markup.get(key.task, 1.0))


@lru_cache(maxsize=256)
def _log_curve(area: int) -> float:
    """Straight lines between the points of the curve, in logarithms; flat beyond the last."""
    pixels = 2.0 ** (area / 2)
    if pixels <= CURVE[0][0]:
        return math.log(max(1.0, CURVE[0][1] * pixels / CURVE[0][0]))
    for (left, low), (right, high) in pairwise(CURVE):
        if pixels <= right:
            part = math.log(pixels / left) / math.log(right / left)
            return math.log(low) + part * math.log(high / low)
    return math.log(CURVE[-1][1])


class _Window:
    """The last samples of one level, in logarithms, also sorted."""

    __slots__ = ("_asked", "_drift", "_lately", "_run", "_size", "_sorted")

    def __init__(self, size: int, drift: int) -> None:
        self._size = size
        self._drift = drift
        self._lately: deque[float] = deque()
        self._sorted: list[float] = []
        self._asked = 0  # estimates since the last sample
        self._run = 0  # samples in a row above (positive) or below (negative) the median

    def __len__(self) -> int:
        return len(self._sorted)

    def quantile(self, share: float) -> float:
        """Between the two nearest samples; there is at least one."""
        place = share * (len(self._sorted) - 1)
        left = int(place)
        low = self._sorted[left]
        high = self._sorted[min(left + 1, len(self._sorted) - 1)]
        return low + (place - left) * (high - low)

    def add(self, value: float, *, censored: bool) -> None:
        """One more sample; a censored one counts as the middle one of those beyond it."""
        self._asked = 0
        if censored:
            value = self._beyond(value)
        self._follow(value)
        self._lately.append(value)
        insort(self._sorted, value)
        if len(self._lately) > self._size:
            gone = self._lately.popleft()
            del self._sorted[bisect_right(self._sorted, gone) - 1]

    def asked_often(self, times: int) -> bool:
        """Whether this is the last of so many questions between two samples."""
        self._asked = (self._asked + 1) % times
        return self._asked == 0

    def _beyond(self, value: float) -> float:
        """Efron's redistribution to the right, in one piece; half as much again beyond the last."""
        place = bisect_right(self._sorted, value)
        longer = len(self._sorted) - place
        return self._sorted[place + longer // 2] if longer else value + math.log(1.5)

    def _follow(self, value: float) -> None:
        if len(self._sorted) < 2 * self._drift:
            return
        median = self._sorted[len(self._sorted) // 2]
        side = (value > median) - (value < median)
        self._run = self._run + side if side and self._run * side >= 0 else side
        if abs(self._run) >= self._drift:
            self._run = 0
            self._lately = deque(list(self._lately)[1 - self._drift :])
            self._sorted = sorted(self._lately)

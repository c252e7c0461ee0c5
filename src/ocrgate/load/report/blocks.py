"""How sure a figure is: resampling of pieces of time, since neighbours in a queue are alike.

Requests that meet in a server wait together, so they are not independent, and an interval from
single requests would be far too narrow. A step is cut into blocks of twice its typical latency, at
least 8 and at most 60, and blocks are drawn with replacement (block bootstrap, Künsch 1989). Where
neighbouring blocks are alike too, the draws are spread (:mod:`ocrgate.load.report.memory`).

Draws know only what was seen: of no failure in 50 requests they make none in any number, and no
wait that is longer than the longest. The share of requests that failed, or that waited longer than
so long, is therefore taken from a beta distribution (Jeffreys' prior), its interval is Wilson's,
and the interval of a percentile lies between those waits that the ends of that interval are shares
of (Woodruff, 1952). Requests that fail or wait together are worth fewer: the draws of blocks say
how many. Of long waits that cannot be told, since all may be of one bad moment; how far the more
usual ones come together (:data:`_LEVELS`) bounds what the rare ones are worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ocrgate.load.record import OK, Sample
from ocrgate.load.report.digest import CUT, StepDigest
from ocrgate.load.report.memory import widening
from ocrgate.load.stats import wilson

LEAST, MOST = 8, 60  # blocks
DRAWS = 1000
FEWEST = 30  # answers; with fewer an interval is a guess
_SAMPLES = 20_000  # a quantile of more is no more certain, its blocks decide
_BEYOND = 8  # independent answers beyond a quantile; with fewer it is one or the other slow page
_LEVELS = (0.5, 0.75, 0.9)  # of waits, at which it is seen how far they come together

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_SHARES = frozenset({"errors", "wrong", "cer"})
MORE_IS_BETTER = frozenset({"throughput", "goodput"})
MEASURES = (
    "throughput",
    "goodput",
    "errors",
    "p50",
    "p95",
    "p99",
    "first_p50",
    "first_p99",
    "wrong",
    "cer",
)
"""What is resampled: rates per second, shares 0 to 1, the rest in seconds."""


@dataclass(frozen=True)
class Resampled:
    """Each measure as it was, and as it might as well have come out (``DRAWS`` values).

    ``bounds``: intervals of 95 of 100 that are not those of the draws.
    """

    values: dict[str, float]
    draws: dict[str, Floats]
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)

    def interval(self, measure: str) -> tuple[float, float] | None:
        """Where it lies 95 times of 100; None where too little was measured."""
        drawn = self.draws.get(measure)
        if drawn is None or measure in self.bounds:
            return self.bounds.get(measure)
        low, high = np.quantile(drawn, [0.025, 0.975])
        return float(low), float(high)


@lru_cache(maxsize=64)
def resample(each: StepDigest, seed: int = 0) -> Resampled | None:
    """Resample a step. None where too little was answered for an interval that means something.

    The same record gives the same interval: draws depend on ``seed`` and on nothing else.
    """
    if len(each.served) < FEWEST or each.step.seconds <= 0:
        return None
    blocks = _count_blocks(each)
    weights = _draw(blocks, seed)
    samples = each.samples[:: len(each.samples) // _SAMPLES + 1]
    places = _Places(samples, each.step.begins, each.step.seconds / blocks, blocks)
    values, draws, worth = _counted(each, places, weights)
    values |= {"throughput": each.throughput} | ({"goodput": each.goodput} if each.promise else {})
    for rate, ended in _ended(each, blocks).items():
        drawn = values[rate] * _relative(ended, weights)
        draws |= _spread(rate, values[rate], drawn, ended)
    bounds = {name: wilson(values[name] * whole, whole) for name, whole in worth.items()}
    for name, whole in worth.items():
        draws[name] = _shares(values[name] * whole, whole, seed)
    for names, numbers, where in _timed(places):
        if len(numbers):
            more = _waits(names, numbers, where, weights, seed)
            values |= more.values
            draws |= more.draws
            bounds |= more.bounds
    return Resampled(values, draws, bounds)


def _shares(part: float, whole: float, seed: int) -> Floats:
    return np.random.default_rng([seed, 1]).beta(part + 0.5, whole - part + 0.5, DRAWS)


def _waits(
    names: Sequence[str], numbers: Floats, where: Ints, weights: Floats, seed: int
) -> Resampled:
    """Quantiles of sorted seconds. What is typical tells of a queue's memory better than the few
    that waited longest, so both count.
    """
    found = Resampled({}, {})
    usual = _independent(numbers, where, weights, _LEVELS)
    for name in names:
        share = float(name.rpartition("p")[2]) / 100
        found.values[name] = float(_at(numbers, np.array([share]))[0])
        part = float(np.mean(numbers > found.values[name]))
        worth = _independent(numbers, where, weights, (share,))
        if share > _LEVELS[-1]:
            worth = min(worth, usual)
            worth = worth if part * worth >= _BEYOND else 0.0
        less, more = wilson(part * worth, worth)
        if less * len(numbers) >= 1:
            low, high = _at(numbers, 1 - np.array([more, less]))
            found.bounds[name] = float(low), float(high)
            found.draws[name] = _at(numbers, 1 - _shares(part * worth, worth, seed))
    return found


def _independent(numbers: Floats, where: Ints, weights: Floats, levels: Sequence[float]) -> float:
    """Waits that know nothing of each other and tell as much of how many exceed each level.

    0 where the run is too short for a server's memory.
    """
    blocks, worth = weights.shape[1], float(len(numbers))
    whole, typical = _heap(where, blocks, np.ones(len(where))), _apart(numbers, where, blocks)
    for value in _at(numbers, np.array(levels)):
        beyond = _heap(where, blocks, numbers > value)
        if not beyond.any():
            continue
        factor = widening(_off(beyond, whole), typical)
        if factor is None:
            return 0.0
        part = float(beyond.sum() / whole.sum())
        drawn = part + factor * (_ratio(beyond, whole, weights) - part)
        worth = min(worth, _worth(part, float(whole.sum()), drawn))
    return worth


def _at(numbers: Floats, shares: Floats) -> Floats:
    """Quantiles of sorted numbers; each is one of them."""
    places = np.ceil(shares * len(numbers) - 1e-9).astype(np.intp) - 1
    return np.asarray(numbers[places.clip(0, len(numbers) - 1)], dtype=np.float64)


def _spread(measure: str, value: float, drawn: Floats, *series: Floats) -> dict[str, Floats]:
    """The draws of a measure, as far apart as the memory of its blocks asks for; none where the run
    is too short for that memory.
    """
    factor = widening(*series)
    if factor is None:
        return {}
    most = 1.0 if measure in _SHARES else np.inf
    return {measure: np.clip(value + factor * (drawn - value), 0.0, most)}


def _apart(marks: NDArray[np.bool_] | Floats, where: Ints, blocks: int) -> Floats:
    """What each block adds to a mean over all, beyond its part of it."""
    return _off(_heap(where, blocks, marks), _heap(where, blocks, np.ones(len(where))))


def _off(part: Floats, whole: Floats) -> Floats:
    return np.asarray(part - part.sum() / max(whole.sum(), 1.0) * whole, dtype=np.float64)


def _count_blocks(each: StepDigest) -> int:
    typical = each.latency.p50 if each.latency else 1.0
    return int(np.clip(each.step.seconds / max(2 * typical, 1e-3), LEAST, MOST))


def _draw(blocks: int, seed: int) -> Floats:
    """How often each block was drawn: ``(DRAWS, blocks)``."""
    picked = np.random.default_rng(seed).integers(0, blocks, size=(DRAWS, blocks))
    counts = np.zeros((DRAWS, blocks))
    np.add.at(counts, (np.arange(DRAWS)[:, None], picked), 1.0)
    return counts


class _Places:
    """Samples and the blocks in which they were due."""

    def __init__(self, samples: Sequence[Sample], begins: float, width: float, blocks: int) -> None:
        self.samples = samples
        self.blocks = blocks
        self.due = _place([s.intended for s in samples], begins, width).clip(0, blocks - 1)
        self.ok = np.array([s.outcome == OK for s in samples], dtype=bool)

    def per_block(self, chosen: NDArray[np.bool_] | Floats) -> Floats:
        """Sum of ``chosen`` in each block."""
        return _heap(self.due, self.blocks, chosen)


def _place(times: list[float], begins: float, width: float) -> Ints:
    return np.floor((np.array(times) - begins) / width).astype(np.intp)


def _heap(where: Ints, blocks: int, chosen: NDArray[np.bool_] | Floats) -> Floats:
    """Sum of ``chosen`` in each block; what lies outside of all is left out."""
    inside = (where >= 0) & (where < blocks)
    summed = np.bincount(where[inside], weights=chosen[inside], minlength=blocks)
    return np.asarray(summed, dtype=np.float64)


def _ended(each: StepDigest, blocks: int) -> dict[str, Floats]:
    """Answers that came in each block, also to what was due in the warm-up: all, and the good."""
    rows = [sample for sample in (*each.warming, *each.samples) if sample.outcome == OK]
    where = _place([s.done for s in rows], each.step.begins, each.step.seconds / blocks)
    ended = {"throughput": _heap(where, blocks, np.ones(len(rows)))}
    if each.promise:
        good = np.array([each.promise.good(sample) for sample in rows], dtype=bool)
        ended["goodput"] = _heap(where, blocks, good)
    return ended


def _counted(
    each: StepDigest, places: _Places, weights: Floats
) -> tuple[dict[str, float], dict[str, Floats], dict[str, float]]:
    """Shares: as they were, and redrawn; of requests also how many of them that is worth."""
    ok = places.ok
    wrong = ok & np.array([bool({*CUT} & {*sample.warnings}) for sample in places.samples])
    known = np.array([s.cer is not None and s.outcome == OK for s in places.samples], dtype=bool)
    errors = np.array([s.cer or 0.0 for s in places.samples]) * known
    shares = {
        "errors": (~ok, np.ones_like(ok)),
        "wrong": (wrong, ok),
        **({"cer": (errors, known)} if known.any() else {}),
    }
    values: dict[str, float] = {}
    draws: dict[str, Floats] = {}
    worth: dict[str, float] = {}
    for name, (part, whole) in shares.items():
        above, below = places.per_block(part), places.per_block(whole)
        values[name] = float(above.sum() / max(below.sum(), 1.0))
        drawn = _spread(name, values[name], _ratio(above, below, weights), _off(above, below))
        draws |= drawn
        if name in drawn and name != "cer":
            worth[name] = _worth(values[name], float(below.sum()), drawn[name])
    values["errors"] = each.errors
    return values, draws, worth


def _worth(share: float, whole: float, drawn: Floats) -> float:
    """Requests that know nothing of each other and tell as much: no more than there are."""
    between = float(np.var(drawn))
    return min(whole, share * (1 - share) / between) if between > 0 else whole


def _relative(per_block: Floats, weights: Floats) -> Floats:
    """Drawn sums as shares of the sum that was measured."""
    total = per_block.sum()
    return weights @ per_block / total if total else np.zeros(len(weights))


def _ratio(part: Floats, whole: Floats, weights: Floats) -> Floats:
    above, below = weights @ part, weights @ whole
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _timed(places: _Places) -> list[tuple[tuple[str, ...], Floats, Ints]]:
    """Names of measures, sorted seconds of what was answered, and the block of each."""
    latency = [s.latency for s in places.samples]
    first = [np.nan if s.first is None else s.first - s.intended for s in places.samples]
    return [
        (("p50", "p95", "p99"), *_sorted(places, latency)),
        (("first_p50", "first_p99"), *_sorted(places, first)),
    ]


def _sorted(places: _Places, seconds: list[float]) -> tuple[Floats, Ints]:
    numbers = np.array(seconds)
    there = np.flatnonzero(places.ok & ~np.isnan(numbers))
    order = there[np.argsort(numbers[there], kind="stable")]
    return numbers[order], places.due[order]

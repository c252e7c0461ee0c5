"""Runs side by side: what differs beyond noise, and what does not.

Both runs are resampled (:mod:`ocrgate.load.report.blocks`), the difference of a measure is drawn
from both, and of all differences those are called changes that pass Benjamini and Hochberg's step
at 5 %: asking seventy questions would find some answers by chance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ocrgate.load.report.blocks import DRAWS, MEASURES, MORE_IS_BETTER, Resampled, resample
from ocrgate.load.report.digest import Digest, StepDigest

Verdict = Literal["better", "worse", "same", "unsure"]
FALSE = 0.05  # expected share of chance among what is called a change


@dataclass(frozen=True, slots=True)
class Change:
    """One measure of one load in two runs.

    ``interval`` holds the difference, after minus before, in 95 of 100 draws; None where a run was
    too short for one.
    """

    load: StepDigest
    measure: str
    before: float
    after: float
    interval: tuple[float, float] | None
    verdict: Verdict

    @property
    def relative(self) -> float | None:
        """By which share of what was before; None from nothing."""
        return (self.after - self.before) / self.before if self.before else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run against the first one. ``alone`` are its loads that the first one did not hold."""

    name: str
    digest: Digest
    changes: Sequence[Change]
    alone: Sequence[StepDigest]

    @property
    def changed(self) -> list[Change]:
        """What differs beyond noise."""
        return [change for change in self.changes if change.verdict in {"better", "worse"}]


def compare(first: Digest, others: Sequence[tuple[str, Digest]]) -> list[Comparison]:
    """Each other run against the first, load by load."""
    drafts = [(name, other, *_pairs(first, other)) for name, other in others]
    found = [
        (name, other, [d for pair in pairs for d in _differences(*pair)], alone)
        for name, other, pairs, alone in drafts
    ]
    chance = [d.chance for _, _, differences, _ in found for d in differences]
    bound = threshold([each for each in chance if each is not None])
    return [
        Comparison(name, other, [d.judged(bound) for d in differences], alone)
        for name, other, differences, alone in found
    ]


def threshold(chances: Sequence[float], share: float = FALSE) -> float:
    """The largest probability that still counts, by Benjamini and Hochberg (1995)."""
    ordered = sorted(chances)
    held = [c for rank, c in enumerate(ordered, 1) if c <= share * rank / len(ordered)]
    return max(held, default=-1.0)


def load_key(each: StepDigest) -> tuple[object, ...]:
    """What makes two steps the same load."""
    step = each.step
    return (step.loop, step.concurrency, step.rate, step.label)


def _pairs(
    first: Digest, other: Digest
) -> tuple[list[tuple[StepDigest, StepDigest]], list[StepDigest]]:
    """Steps of the same load, and those of the other run that have no partner."""
    if len(first.steps) == len(other.steps) == 1:
        return [(first.steps[0], other.steps[0])], []
    partners = {load_key(each): each for each in reversed(first.steps)}
    pairs = [(partners[load_key(e)], e) for e in other.steps if load_key(e) in partners]
    return pairs, [each for each in other.steps if load_key(each) not in partners]


@dataclass(frozen=True, slots=True)
class _Difference:
    """A change that is not yet judged; ``chance`` that noise alone makes one as large."""

    load: StepDigest
    measure: str
    before: float
    after: float
    interval: tuple[float, float] | None
    chance: float | None

    def judged(self, bound: float) -> Change:
        verdict: Verdict = "unsure"
        if self.chance is not None:
            more = self.after > self.before
            good = more == (self.measure in MORE_IS_BETTER)
            verdict = "same" if self.chance > bound else ("better" if good else "worse")
        return Change(self.load, self.measure, self.before, self.after, self.interval, verdict)


def _differences(before: StepDigest, after: StepDigest) -> list[_Difference]:
    one, two = resample(before, seed=1), resample(after, seed=2)
    return [
        _difference(after, measure, values, one, two)
        for measure in MEASURES
        if (values := _both(before, after, measure)) is not None
    ]


def _both(before: StepDigest, after: StepDigest, measure: str) -> tuple[float, float] | None:
    one, two = _value(before, measure), _value(after, measure)
    return None if one is None or two is None else (one, two)


def _value(each: StepDigest, measure: str) -> float | None:
    """A measure as tables show it; goodput without a promise is throughput and left out."""
    simple = {
        "throughput": each.throughput,
        "goodput": each.goodput if each.promise else None,
        "errors": each.errors,
        "wrong": each.wrong,
        "cer": each.cer.mean if each.cer else None,
    }
    if measure in simple:
        return simple[measure]
    kind, _, name = measure.rpartition("_")
    spread = each.first if kind else each.latency
    return None if spread is None else spread.told(name)


def _difference(
    load: StepDigest,
    measure: str,
    values: tuple[float, float],
    one: Resampled | None,
    two: Resampled | None,
) -> _Difference:
    before, after = values
    if one is None or two is None or measure not in one.draws or measure not in two.draws:
        return _Difference(load, measure, before, after, None, None)
    drawn = two.draws[measure] - one.draws[measure]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return _Difference(
        load, measure, before, after, (float(low), float(high)), _chance(drawn, after - before)
    )


def _chance(drawn: "np.ndarray[tuple[int], np.dtype[np.float64]]", difference: float) -> float:
    """Two-sided probability of a difference by noise alone.

    By the share of draws on the other side of 0; where too few are there, by the normal curve of
    the same width, which knows smaller probabilities than one in a thousand.
    """
    if difference == 0:
        return 1.0
    other = np.count_nonzero(drawn <= 0 if difference > 0 else drawn >= 0)
    share = 2 * (other + 1) / (DRAWS + 1)
    width = float(np.std(drawn))
    normal = math.erfc(abs(difference) / width / math.sqrt(2)) if width else 0.0
    return min(1.0, share if other else min(share, normal))

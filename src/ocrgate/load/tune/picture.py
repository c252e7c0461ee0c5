"""The longest side of a page as it is sent, against what it does to the text.

A smaller picture costs fewer tokens and loses fine print. How much of the text is lost is measured
on the same pages at every side; a side is taken only if what it loses is surely within what the
user allowed, which is nothing unless told otherwise.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

_ROUNDS = 1000
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class SideTrial:
    """One side, tried.

    Attributes:
        side: longest side in pixels.
        errors: character error rate of each page, in the order of the pages; 1 where none came.
        goodput: pages a second in time, at the load that was asked for.
        tokens: of prompt, the mean page; 0 where the server does not tell.
    """

    side: int
    errors: tuple[float, ...]
    goodput: float
    tokens: float = 0.0

    @property
    def error(self) -> float:
        """Mean over pages."""
        return sum(self.errors) / len(self.errors) if self.errors else 1.0


@dataclass(frozen=True, slots=True)
class SideLine:
    """What is said of a side.

    Attributes:
        trial: what was tried.
        more: mean error more than at the largest side; ``surely``, at most that, with 95 %.
        allowed: whether that is within what the user allowed.
    """

    trial: SideTrial
    more: float
    surely: float
    allowed: bool


@dataclass(frozen=True, slots=True)
class SideChoice:
    """All sides, the largest first, and the one to take."""

    lines: tuple[SideLine, ...]
    side: int


def choose_side(
    trials: Sequence[SideTrial], allowed: float = 0.0, plateau: float = 0.02
) -> SideChoice:
    """The side with the most goodput among those that lose no more text than allowed.

    A smaller side is preferred to a larger one only if it gives more than ``plateau`` more: else
    there is nothing to gain for whatever it may lose on pages that were not tried.

    Args:
        trials: of the same pages; the largest side is what the others are held against.
        allowed: character error rate that may be lost, as a difference of means.
        plateau: share of goodput below which two sides are equals.

    Raises:
        ValueError: nothing was tried, or not on the same pages.
    """
    if not trials or len({len(trial.errors) for trial in trials}) != 1:
        raise ValueError("sides are compared on the same pages")
    ordered = sorted(trials, key=lambda trial: -trial.side)
    lines = tuple(_line(trial, ordered[0], allowed) for trial in ordered)
    chosen = ordered[0]
    for line in lines[1:]:
        if line.allowed and line.trial.goodput > (1 + plateau) * chosen.goodput:
            chosen = line.trial
    return SideChoice(lines, chosen.side)


def _line(trial: SideTrial, largest: SideTrial, allowed: float) -> SideLine:
    more = [here - there for here, there in zip(trial.errors, largest.errors, strict=True)]
    mean = sum(more) / len(more) if more else 0.0
    surely = upper(more)
    return SideLine(trial, mean, surely, surely <= allowed + 1e-9)


def upper(differences: Sequence[float]) -> float:
    """What the mean of such differences surely does not exceed: a one-sided bootstrap bound.

    Pages are drawn again with a fixed seed, so that the same pages give the same bound. With few
    pages it cannot be below their largest spread: a bound for chance is added.
    """
    count = len(differences)
    if not count:
        return 0.0
    source = random.Random(f"bootstrap {count}")  # noqa: S311 - not a secret
    means = sorted(sum(source.choices(differences, k=count)) / count for _ in range(_ROUNDS))
    return means[min(_ROUNDS - 1, math.ceil(_CONFIDENCE * _ROUNDS))]

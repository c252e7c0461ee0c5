"""The longest side of a page as it is sent, against what it does to the text.

A smaller picture costs fewer tokens and loses fine print. How much of the text is lost is measured
on the same pages at every side; a side is taken only if what it loses is surely within what the
user allowed, which is nothing unless told otherwise.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_PAGES = 20
"""Fewer say what a side costs, but not what it does to pages that were not tried."""

_ROUNDS = 1000
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class SideTrial:
    """One side, tried.

    Attributes:
        side: longest side in pixels.
        errors: character error rate of each page, in the order of the pages; None where it was not
            read at all.
        goodput: pages a second that were read, with as many at once as were asked for.
        tokens: of prompt, the mean page; 0 where the server does not tell.
        why: the commonest reason for which pages were not read; empty where all were.
    """

    side: int
    errors: tuple[float | None, ...]
    goodput: float
    tokens: float = 0.0
    why: str = ""

    @property
    def read(self) -> list[float]:
        """Errors of the pages that were read."""
        return [error for error in self.errors if error is not None]

    @property
    def unread(self) -> int:
        """Pages that were not."""
        return len(self.errors) - len(self.read)

    @property
    def error(self) -> float:
        """Mean over the pages that were read."""
        return sum(self.read) / len(self.read) if self.read else 1.0


@dataclass(frozen=True, slots=True)
class SideLine:
    """What is said of a side.

    Attributes:
        trial: what was tried.
        more: mean error more than at the largest side; ``surely``, at most that, with 95 %.
        why_not: why it may not be recommended; empty where it may.
    """

    trial: SideTrial
    more: float
    surely: float
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class SideChoice:
    """All sides, the largest first, and the one to take."""

    lines: tuple[SideLine, ...]
    side: int


def choose_side(
    trials: Sequence[SideTrial], allowed: float = 0.0, plateau: float = 0.02
) -> SideChoice:
    """The side with the most pages a second among those that lose no more text than allowed.

    A smaller side is preferred to a larger one only if it gives more than ``plateau`` more: else
    there is nothing to gain for whatever it may lose on pages that were not tried.

    Args:
        trials: of the same pages; the largest side is what the others are held against.
        allowed: character error rate that may be lost, as a difference of means.
        plateau: share of the pages a second below which two sides are equals.

    Raises:
        ValueError: nothing was tried, or not on the same pages.
    """
    if not trials or len({len(trial.errors) for trial in trials}) != 1:
        raise ValueError("sides are compared on the same pages")
    ordered = sorted(trials, key=lambda trial: -trial.side)
    lines = tuple(_line(trial, ordered[0], allowed) for trial in ordered)
    chosen = ordered[0]
    for line in lines[1:]:
        if not line.why_not and line.trial.goodput > (1 + plateau) * chosen.goodput:
            chosen = line.trial
    return SideChoice(lines, chosen.side)


def _line(trial: SideTrial, largest: SideTrial, allowed: float) -> SideLine:
    pairs = zip(trial.errors, largest.errors, strict=True)
    more = [here - there for here, there in pairs if here is not None and there is not None]
    mean = sum(more) / len(more) if more else 0.0
    surely = upper(more)
    if trial is largest:
        return SideLine(trial, mean, surely)
    return SideLine(trial, mean, surely, _why_not(trial, len(more), surely, allowed))


def _why_not(trial: SideTrial, compared: int, surely: float, allowed: float) -> str:
    if trial.unread:
        return f"{trial.unread} not read: {trial.why or 'no answer'}"
    if surely > allowed + 1e-9:
        return "loses too much text"
    return f"only {compared} pages" if compared < LEAST_PAGES else ""


def upper(differences: Sequence[float]) -> float:
    """What the mean of such differences surely does not exceed: a one-sided bootstrap bound.

    Pages are drawn again with a fixed seed, so that the same pages give the same bound. It knows
    nothing of faults that none of the pages shows: with ``n`` of them, one in ``n / 3`` may have
    such a fault (the rule of three), which is why few pages are not enough.
    """
    count = len(differences)
    if not count:
        return 0.0
    source = random.Random(f"bootstrap {count}")  # noqa: S311 - not a secret
    means = sorted(sum(source.choices(differences, k=count)) / count for _ in range(_ROUNDS))
    return means[min(_ROUNDS - 1, math.ceil(_CONFIDENCE * _ROUNDS))]

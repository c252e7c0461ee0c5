"""Three lanes: whose turn it is when a place is free.

Turns follow start-time fair queueing (Goyal, Vin, Cheng 1996) with the lanes' shares as weights.
Each lane has a counter of the seconds of places it held, divided by its share; the waiting lane
with the lowest counter goes next. From that one rule follow:

* a guaranteed share, however small the limit: over time, lanes that always wait get places in
  proportion to their shares;
* borrowing: a lane alone takes every place, and hardly pays for it later, because a lane whose
  queue was empty starts near the present level and not at its old one;
* catching up: what a lane left unused of its share in the last ``CATCH_UP`` seconds it may still
  take, so that a burst of a lane that stays within its share on average does not queue up;
* return: a borrowed place is not taken back, but the next free one goes to the lane that is behind;
* ageing: the counter of a lane that waits stands still while the others' rise, so its turn comes.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ocrgate.domain.ticket import Lane

CATCH_UP = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class LaneShares:
    """Guaranteed parts of the limit; they matter only while more than one lane waits.

    Only their proportions count. Each is above zero, so that no lane can starve.
    """

    interactive: float = 0.5
    standard: float = 0.35
    batch: float = 0.15

    def __post_init__(self) -> None:
        if min(self.interactive, self.standard, self.batch) <= 0:
            raise ValueError("every lane needs a share above 0")

    def of(self, lane: Lane) -> float:
        """The share of ``lane``."""
        return float(getattr(self, lane.value))

    def part(self, lane: Lane, waiting: Iterable[Lane]) -> float:
        """The fraction (0 to 1] that ``lane`` gets while it and ``waiting`` all want places."""
        return self.of(lane) / sum(self.of(each) for each in {lane, *waiting})


class Turns:
    """Whose turn it is.

    Args:
        shares: weights of the lanes.
    """

    def __init__(self, shares: LaneShares) -> None:
        self._shares = shares
        self._served = dict.fromkeys(Lane, 0.0)
        self._level = 0.0

    def retune(self, shares: LaneShares) -> None:
        """Other weights from now on; what was served so far counts by the old ones."""
        self._shares = shares

    def join(self, lane: Lane, limit: int) -> None:
        """``lane`` starts to wait after it had nothing waiting: old savings lapse.

        While all lanes wait, ``limit`` places raise the level by ``limit`` a second.
        """
        self._served[lane] = max(self._served[lane], self._level - CATCH_UP * limit)

    def next(self, waiting: Iterable[Lane]) -> Lane | None:
        """The lane to serve; among equals the more urgent one. None when nobody waits."""
        return min(waiting, key=lambda lane: (self._served[lane], lane.rank), default=None)

    def ordered(self, waiting: Iterable[Lane]) -> list[Lane]:
        """All of ``waiting``, the next first."""
        return sorted(waiting, key=lambda lane: (self._served[lane], lane.rank))

    def until(self, lane: Lane, pages: int, waiting: Iterable[Lane], seconds: float) -> float:
        """Places that become free until ``lane`` has got ``pages`` of them.

        Args:
            lane: whose turns are counted.
            pages: how many.
            waiting: lanes that want places too.
            seconds: for which a page holds its place.
        """
        others = [each for each in waiting if each is not lane]
        lead = min((self._served[each] for each in others), default=math.inf) - self._served[lane]
        soon = min(float(pages), max(0.0, lead * self._shares.of(lane) / seconds))
        return soon + (pages - soon) / self._shares.part(lane, others)

    def served(self, lane: Lane, seconds: float) -> None:
        """``lane`` got a place that it is expected to hold for ``seconds``."""
        self._level = max(self._level, self._served[lane])
        self.correct(lane, seconds)

    def correct(self, lane: Lane, seconds: float) -> None:
        """``lane`` held a place ``seconds`` longer (or shorter, if negative) than expected."""
        self._served[lane] += seconds / self._shares.of(lane)

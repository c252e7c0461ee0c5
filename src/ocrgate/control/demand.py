"""How much of what comes to a lane is turned away, and so how many entries need to wait in it.

Entries wait so that a place which becomes free finds somebody. More of them than that only wait:
where twice as much comes as can be read, a long queue lets nobody more be read, but makes all that
are read late, and those that are not hear it late. With a part ``share`` of all entries turned away
lately, there are ``1 / (1 - share)`` entries to each place that becomes free, and a queue of ``n``
is found empty about ``(1 - share) ** n`` of the time (as in M/M/1/n under overload). So

    depth = log(idle) / log(1 - share)

entries are enough to leave a part ``idle`` of the free places to whoever comes next: 3 at twice the
load, one at ten times, any number while nobody is turned away.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemandParams:
    """How deep a queue is under overload.

    Attributes:
        idle: part of the places becoming free that may find nobody waiting.
        memory: entries that come after which what was turned away before counts 1/e.
        seconds: time after which it does, if nobody comes.
    """

    idle: float = 0.1
    memory: float = 16.0
    seconds: float = 30.0

    def __post_init__(self) -> None:
        if not (0 < self.idle < 1 and self.memory >= 1 and self.seconds > 0):
            raise ValueError("idle is within 0 and 1, memory at least 1, seconds above 0")


class Demand:
    """What is turned away of what comes to one lane.

    Args:
        params: how deep the queue is under overload.
    """

    MOST = 0.95  # more would take longer to forget, and nobody waits then anyway
    LEAST = 0.01  # below it nothing is said of the depth

    def __init__(self, params: DemandParams) -> None:
        self._params = params
        self._share = 0.0
        self._seen = -math.inf

    def retune(self, params: DemandParams) -> None:
        """Judge by other numbers; what was seen is kept."""
        self._params = params

    def let_in(self, now: float) -> None:
        """An entry got a place."""
        if self._share:
            self._move(0.0, now)

    def turned_away(self, now: float) -> None:
        """An entry is told that too much comes, at once or after it has waited."""
        self._move(1.0, now)

    def share(self, now: float) -> float:
        """The part that is turned away; 0 to ``MOST``."""
        if not self._share:
            return 0.0
        faded = self._share * math.exp((self._seen - now) / self._params.seconds)
        return min(self.MOST, faded)

    def pressed(self, now: float) -> bool:
        """Whether something is turned away."""
        return self.share(now) >= self.LEAST

    def depth(self, now: float) -> float:
        """Entries that need to wait; below 1: whoever comes next is soon enough."""
        share = self.share(now)
        if share < self.LEAST:
            return math.inf
        return math.log(self._params.idle) / math.log(1 - share)

    def _move(self, towards: float, now: float) -> None:
        share = self.share(now)
        self._share = share + (towards - share) / self._params.memory
        self._seen = now

"""Which replica gets the next page.

The one with the most headroom: places that it has and does not use. Among equals the one that
takes the fewest seconds per token, then the one that was used least lately. A replica that is much
slower than the others counts with fewer places, in proportion to its pace.
"""

import math
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass

INPUT_WEIGHT = 1 / 32  # of an output token: prompts are read many tokens at a time


@dataclass(frozen=True, slots=True)
class BalanceParams:
    """How a replica's pace is learned and used.

    The pace is a mean of seconds per token that follows bad news faster than good (after Finagle's
    "peak EWMA"): a sample above it moves it by the part ``rise``; one below, by the part
    ``1 - exp(-seconds since the last sample / memory)``. Where it is more than ``slow`` times the
    median pace, the replica's places are multiplied by ``median / pace``.

    A replica that has nothing to do goes first if ``probe`` seconds have passed since it was used,
    and as many pages have gone elsewhere as there are replicas (times ``pace / median`` for a slow
    one). So nothing that is known of it grows old, and one that has recovered is found.
    """

    rise: float = 0.5
    memory: float = 10.0
    slow: float = 2.0
    probe: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.rise <= 1 or self.memory <= 0:
            raise ValueError("rise is above 0 and at most 1, memory above 0")
        if self.slow < 1 or self.probe < 0:
            raise ValueError("slow is at least 1, probe at least 0")


@dataclass(slots=True)
class _Load:
    slots: int
    inflight: int = 0
    pace: float | None = None
    sampled: float = -math.inf
    used: float = -math.inf
    turn: float = -math.inf
    busy: float = -math.inf


class Balance:
    """Chooses among replicas, which go by their index.

    Args:
        slots: pages that each can work on at the same time.
        params: how pace is learned and used.
    """

    def __init__(self, slots: Sequence[int], params: BalanceParams | None = None) -> None:
        self._params = params or BalanceParams()
        self._loads = [_Load(count) for count in slots]
        self._turns = 0
        self._work: float | None = None  # mean of a page, in output tokens

    def inflight(self, replica: int) -> int:
        """Pages that the replica has now."""
        return self._loads[replica].inflight

    def pace(self, replica: int) -> float | None:
        """Its seconds per token; the median of the others while nothing is known, None at first."""
        own = self._loads[replica].pace
        return self._median() if own is None else own

    def page(self) -> float | None:
        """Seconds that a usual page takes where the pace is usual; None before the first."""
        median = self._median()
        return None if median is None or self._work is None else median * self._work

    def health(self, replica: int) -> float:
        """The part of its places that counts: 1, or less where it is slow."""
        own, median = self.pace(replica), self._median()
        if own is None or not median or own <= self._params.slow * median:
            return 1.0
        return median / own

    def headroom(self, replica: int, now: float) -> float:
        """Places that it has and does not use; never above 0 while it says that it is busy."""
        load = self._loads[replica]
        if now < load.busy:
            return float(-load.inflight)
        return self._places(replica) - load.inflight

    def choose(self, candidates: Collection[int], now: float) -> int | None:
        """The one of ``candidates`` that should get the next page; None without any.

        When none has room, the one that is least full for its places.
        """
        waiting = [each for each in candidates if self._is_overdue(each, now)]
        if waiting:
            return min(waiting, key=lambda each: self._loads[each].turn)
        return min(candidates, key=lambda each: self._rank(each, now), default=None)

    def begin(self, replica: int, now: float) -> None:
        """The replica is given a page."""
        load = self._loads[replica]
        load.inflight += 1
        load.used = now
        load.turn = self._turns
        self._turns += 1

    def end(self, replica: int) -> None:
        """A page has left it, however it ended."""
        self._loads[replica].inflight -= 1

    def read(self, replica: int, seconds: float, work: float, now: float) -> None:
        """It read a page in ``seconds``.

        Args:
            replica: which one.
            seconds: from giving it the page to its answer.
            work: tokens, see :func:`work`; above 0.
            now: the instant of the answer.
        """
        self._work = work if self._work is None else 0.9 * self._work + 0.1 * work
        load, sample = self._loads[replica], seconds / work
        if load.pace is None:
            load.pace = sample
        else:
            load.pace += self._weight(load, sample, now) * (sample - load.pace)
        load.sampled = now

    def gave_up(self, replica: int, seconds: float, work: float, now: float) -> None:
        """A caller did not wait longer than ``seconds`` for its page, of which ``work`` was done.

        It would have taken longer, but who knows how long: at least ``seconds`` for the usual work.
        That is no news unless it is bad. So a server that hangs, and never answers, is slow.
        """
        usual = max(work, self._work or math.inf)
        if seconds / usual > (self.pace(replica) or math.inf):
            self.read(replica, seconds, usual, now)

    def busy(self, replica: int, until: float) -> None:
        """It says that it takes no more before ``until``."""
        self._loads[replica].busy = until

    def resize(self, replica: int, slots: int) -> None:
        """It has so many slots from now on."""
        self._loads[replica].slots = slots

    def forget(self, replica: int, slots: int) -> None:
        """Another server stands in its place, with so many slots."""
        load = self._loads[replica]
        load.slots = slots
        load.pace = None
        load.busy = -math.inf

    def _weight(self, load: _Load, sample: float, now: float) -> float:
        if sample > (load.pace or 0.0):
            return self._params.rise
        return 1 - math.exp(-(now - load.sampled) / self._params.memory)

    def _median(self) -> float | None:
        """The lower one of two in the middle: of two replicas the slower is not half the norm."""
        known = [load.pace for load in self._loads if load.pace is not None]
        return statistics.median_low(known) if known else None

    def _places(self, replica: int) -> float:
        return max(1.0, self._loads[replica].slots * self.health(replica))

    def _is_overdue(self, replica: int, now: float) -> bool:
        load = self._loads[replica]
        passed_over = self._turns - load.turn
        return (
            load.inflight == 0
            and now >= load.busy
            and now - load.used >= self._params.probe
            and passed_over * self.health(replica) >= len(self._loads)
        )

    def _rank(self, replica: int, now: float) -> tuple[float, float, float, float]:
        load = self._loads[replica]
        room = max(0, math.floor(self.headroom(replica, now)))
        full = 0.0 if room else (load.inflight + 1) / self._places(replica)
        busy = math.inf if now < load.busy else 0.0
        return (-room, busy or full, self.pace(replica) or 0.0, load.turn)


def work(input_tokens: int, output_tokens: int) -> float:
    """A page's work in output tokens; 1 for engines that count none, so their pace is per page."""
    return output_tokens + INPUT_WEIGHT * input_tokens or 1.0

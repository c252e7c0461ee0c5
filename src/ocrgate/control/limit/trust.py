"""Whether an engine's signals can be believed, and how old they are.

Three kinds of bad signals are known from the field: none (the poll fails), stuck ones (a cached
page, a dead exporter), and ones that contradict what the gate sees itself. The first is `stale`,
the others `distrust`; both say only that the law must do without for the moment.
"""

import math
from dataclasses import dataclass

from ocrgate.control.limit.law import Signals


@dataclass(frozen=True, slots=True)
class TrustParams:
    """When signals are not believed.

    Attributes:
        stuck: seconds after which signals that never moved while tokens flowed are stuck.
        moved: change of the gate's own pages in flight (as a part) that proves stuck a signal
            without KV usage, which may stand still on a full engine.
        empty: polls in a row with nothing running, though tokens flowed, that are not believed.
        missed: seconds without a poll after which the next one counts as missed.
    """

    stuck: float = 5.0
    moved: float = 0.5
    empty: int = 2
    missed: float = 1.5


class Trust:
    """Watches the signals of one replica.

    Args:
        params: when they are not believed.
    """

    def __init__(self, params: TrustParams | None = None) -> None:
        self._params = params or TrustParams()
        self._last: Signals | None = None
        self._same_since = 0.0
        self._work = 0.0  # since the signals moved last
        self._empty = 0  # polls in a row with an empty batch, though tokens flowed
        self._flowed = False  # anything since the last poll
        self._inflight = (math.inf, 0)
        self._seen: float | None = None
        self.missed = 0  # polls in a row

    def progress(self, work: float) -> None:
        """Tokens flowed."""
        self._work += work
        self._flowed = self._flowed or work > 0

    def miss(self, now: float) -> None:
        """A poll failed."""
        self._seen = now
        self.missed += 1

    def overdue(self, now: float) -> bool:
        """Whether a poll that should have come did not (it is counted as missed then)."""
        if self._seen is None:
            self._seen = now
        if now - self._seen <= self._params.missed:
            return False
        self.miss(now)
        return True

    def accept(self, now: float, signals: Signals, inflight: int) -> Signals | None:
        """The signals as far as they can be believed; None if they cannot.

        Whatever the gate did not send is left out of ``waiting``: others may share the engine,
        and no cut of ours shortens their queue.
        """
        self._seen, self.missed = now, 0
        # Tokens flow from a batch, and pages that wait stream none.
        self._empty = self._empty + 1 if signals.running == 0 and self._flowed else 0
        self._flowed = False
        if (
            self._empty >= self._params.empty
            or not _possible(signals)
            or self._is_stuck(now, signals, inflight)
        ):
            return None
        running, waiting = signals.running, signals.waiting
        if running is None or waiting is None:
            return signals
        ours = max(0.0, waiting - max(0.0, running + waiting - inflight))
        return Signals(running, ours, signals.kv_usage, signals.preemptions_total)

    def _is_stuck(self, now: float, signals: Signals, inflight: int) -> bool:
        if signals != self._last:
            self._last, self._same_since, self._work = signals, now, 0.0
            self._inflight = (inflight, inflight)
            return False
        low, high = self._inflight
        self._inflight = (min(low, inflight), max(high, inflight))
        if now - self._same_since < self._params.stuck or self._work <= 0:
            return False
        if signals.kv_usage or signals.running == 0:
            return True  # a cache in use moves with each token
        low, high = self._inflight
        return high - low > self._params.moved * max(high, 4)


def _possible(signals: Signals) -> bool:
    counts = (signals.running, signals.waiting, signals.preemptions_total)
    if any(each is not None and not 0 <= each < math.inf for each in counts):
        return False
    return signals.kv_usage is None or 0 <= signals.kv_usage <= 1.0 + 1e-6

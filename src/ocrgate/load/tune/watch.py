"""Whether a trial under way is worth its rest. Pure: it is told what was counted, and when."""

import math
from collections import deque
from dataclasses import dataclass, field

from ocrgate.load.tune.trial import Stop


@dataclass(frozen=True, slots=True)
class WatchParams:
    """When a trial is ended early.

    Storms and drowning are trouble, but no broken promise: an engine may throw many pages out of
    its batch, or have many left by their callers, and still read more in time than with less work
    at once. So they end a trial only when it surely gives less than the best that is known.

    Attributes:
        failures: share of pages that may fail.
        surely: failures before their share is believed.
        storm: preemptions per page that ended, and
        storm_seconds: over how long.
        missed: share of the pages too late that is more work than the engine can do, when it is
            surely above over ``drowning`` seconds.
        drowning: see ``missed``.
        settle: seconds before anything but a death or failures ends a trial.
    """

    failures: float = 0.01
    surely: int = 3
    storm: float = 2.0
    storm_seconds: float = 60.0
    missed: float = 0.75
    drowning: float = 60.0
    settle: float = 30.0


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted since the trial began, at ``at`` seconds.

    Attributes:
        at: seconds since its begin.
        served: pages answered in time.
        late: pages answered too late, or left by their callers.
        failed: pages that failed or were refused.
        preemptions: of the engine; None where it does not say.
        dead: whether the engine is gone.
    """

    at: float
    served: int = 0
    late: int = 0
    failed: int = 0
    preemptions: int | None = None
    dead: bool = False

    @property
    def ended(self) -> int:
        """Pages that came to an end, whichever."""
        return self.served + self.late + self.failed


@dataclass(slots=True)
class Watch:
    """Looks at one trial. Feed it every second or so.

    ``bar`` is what the trial has to reach, in pages a second in time; 0 where nothing is known.
    """

    params: WatchParams = field(default_factory=WatchParams)
    bar: float = 0.0
    _seen: deque[Counts] = field(default_factory=deque)

    def look(self, now: Counts) -> Stop | None:
        """Why the trial is to be ended; None while it may go on."""
        if now.dead:
            return Stop.DIED
        if self._fails(now):
            return Stop.ERRORS
        self._seen.append(now)
        horizon = max(self.params.storm_seconds, self.params.drowning)
        while len(self._seen) > 2 and self._seen[1].at <= now.at - horizon:
            self._seen.popleft()
        if now.at < self.params.settle:
            return None
        return self._storms(now) or self._drowns(now)

    def _fails(self, now: Counts) -> bool:
        """More failures than the bound, by two standard deviations of a Poisson count."""
        allowed = self.params.failures * now.ended
        return now.failed >= self.params.surely and now.failed > allowed + 2 * allowed**0.5

    def _since(self, seconds: float, now: Counts) -> Counts | None:
        found = [seen for seen in self._seen if seen.at <= now.at - seconds]
        return found[-1] if found else None

    def _storms(self, now: Counts) -> Stop | None:
        before = self._since(self.params.storm_seconds, now)
        if before is None or before.preemptions is None or now.preemptions is None:
            return None
        lost = now.preemptions - before.preemptions
        pages = max(1, now.ended - before.ended)
        storm = lost > max(10, self.params.storm * pages)
        return Stop.PREEMPTIONS if storm and self._is_beaten(now) else None

    def _drowns(self, now: Counts) -> Stop | None:
        before = self._since(self.params.drowning, now)
        if before is None:
            return None
        late, ended = now.late - before.late, now.ended - before.ended
        sure = ended > 0 and lower(late, ended) > self.params.missed
        return Stop.SATURATED if sure and self._is_beaten(now) else None

    def _is_beaten(self, now: Counts) -> bool:
        """Fewer pages so far than the bar asks for, by three deviations of a Poisson count.

        Three, since it is asked every second; so far and not lately, since trouble comes and goes.
        """
        expected = self.bar * now.at
        return not self.bar or now.served < expected - 3 * expected**0.5


def lower(hits: int, of: int, deviations: float = 2.0) -> float:
    """The least share that so many of so many can be told from (Wilson's interval, 1927)."""
    share, square = hits / of, deviations**2
    middle = share + square / (2 * of)
    half = deviations * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return (middle - half) / (1 + square / of)

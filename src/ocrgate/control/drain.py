"""How fast places become free, and when to come back.

All of it forgets: estimates rest on the last ``horizon`` seconds only. A stall therefore cannot
lock the gate, as it would if old slow pages kept refusing the fast ones that would disprove them.
"""

import bisect
import math
from collections import deque

from ocrgate.domain.ticket import weighted


class ServiceTimes:
    """Seconds that pages held their places lately.

    Args:
        horizon: seconds after which a sample is forgotten.
        size: most samples that are kept.
    """

    def __init__(self, horizon: float, size: int = 64) -> None:
        self._horizon = horizon
        self._size = size
        self._samples: deque[tuple[float, float]] = deque()
        self._sorted: list[float] = []
        self._total = 0.0

    def __len__(self) -> int:
        """Samples that are kept."""
        return len(self._samples)

    def retune(self, horizon: float, now: float) -> None:
        """Forget after another time from now on; what is known by now is kept."""
        self._lately(now)
        self._horizon = horizon

    def add(self, now: float, seconds: float) -> None:
        """A page ended well after holding its place for ``seconds``."""
        self._samples.append((now, seconds))
        bisect.insort(self._sorted, seconds)
        self._total += seconds
        if len(self._samples) > self._size:
            self._drop_oldest()

    def quantile(self, share: float, now: float) -> float | None:
        """The time under which ``share`` of the pages stayed; None without samples."""
        times = self._lately(now)
        return times[int(share * (len(times) - 1))] if times else None

    def mean(self, now: float) -> float | None:
        """Mean of the samples; None without any."""
        times = self._lately(now)
        return self._total / len(times) if times else None

    def _lately(self, now: float) -> list[float]:
        while self._samples and self._samples[0][0] < now - self._horizon:
            self._drop_oldest()
        return self._sorted

    def _drop_oldest(self) -> None:
        _, seconds = self._samples.popleft()
        del self._sorted[bisect.bisect_left(self._sorted, seconds)]
        self._total = self._total - seconds if self._samples else 0.0


class DrainRate:
    """Places freed per second while all were taken, fading with ``horizon`` seconds.

    Idle time says nothing about how fast a full gate drains, so it is left out. A stall is full
    time in which nothing is freed, so the rate falls while it lasts.
    """

    def __init__(self, horizon: float) -> None:
        self._horizon = horizon
        self._freed = 0.0
        self._busy = 0.0
        self._seen = -math.inf

    def retune(self, horizon: float) -> None:
        """Forget after another time; what is known is kept."""
        self._horizon = horizon

    def elapse(self, now: float, *, full: bool) -> None:
        """Time has passed up to ``now``; ``full`` says whether all places were taken meanwhile."""
        self._freed, self._busy = self._at(now, full=full)
        self._seen = now

    def freed(self) -> None:
        """A full gate lost one page; call after :meth:`elapse`."""
        self._freed += 1

    def rate(self, now: float, *, full: bool, guess: float | None) -> float | None:
        """Places per second; None when nothing is known.

        Args:
            now: the instant of asking.
            full: whether all places have been taken since the last event.
            guess: what the rate should be by other evidence (limit / service time, Little's law).
                It weighs as much as one freed place.
        """
        freed, busy = self._at(now, full=full)
        if guess is not None:
            return (freed + 1) / (busy + 1 / guess)
        return freed / busy if freed > 0 and busy > 0 else None

    def _at(self, now: float, *, full: bool) -> tuple[float, float]:
        passed = now - self._seen
        fade = math.exp(-passed / self._horizon)
        return self._freed * fade, self._busy * fade + (passed if full else 0.0)


class PageSpeed:
    """How long a page takes by its tokens: ``a * input + b * output`` seconds.

    Least squares over the pages of late, each fading with ``horizon`` seconds; neither ``a`` nor
    ``b`` is ever below 0. It is the time of a page beside as many others as there were.

    Args:
        horizon: seconds in which a page fades to 1/e, and after which the last is forgotten.
    """

    def __init__(self, horizon: float) -> None:
        self._horizon = horizon
        self._seen = -math.inf
        self._sums: tuple[float, ...] = (0.0,) * 7

    def retune(self, horizon: float) -> None:
        """Forget after another time; what is known is kept."""
        self._horizon = horizon

    def add(self, now: float, seconds: float, input_tokens: int, output_tokens: int) -> None:
        """A page ended well after ``seconds``."""
        fade = math.exp((self._seen - now) / self._horizon)
        fresh = (
            input_tokens * input_tokens,
            input_tokens * output_tokens,
            output_tokens * output_tokens,
            input_tokens * seconds,
            output_tokens * seconds,
            weighted(input_tokens, output_tokens),
            seconds,
        )
        old = self._sums
        self._sums = tuple(fade * old[n] + fresh[n] for n in range(7))
        self._seen = now

    def seconds(self, input_tokens: float, output_tokens: float, now: float) -> float | None:
        """What a page of so many tokens takes; None when nothing is known."""
        if self._seen < now - self._horizon:
            return None
        a, b = self._slopes()
        return a * input_tokens + b * output_tokens

    def per_token(self, now: float) -> float | None:
        """Seconds of a place per weighted token; None when nothing is known."""
        tokens, seconds = self._sums[5:]
        return seconds / tokens if tokens and self._seen >= now - self._horizon else None

    def _slopes(self) -> tuple[float, float]:
        ii, io, oo, it, ot, _, _ = self._sums
        det = ii * oo - io * io
        if det > 1e-9 * ii * oo:
            a, b = (oo * it - io * ot) / det, (ii * ot - io * it) / det
            if a >= 0 and b >= 0:
                return a, b
        whole = ii + 2 * io + oo  # both slopes alike, where they cannot be told apart
        if det <= 1e-9 * ii * oo:
            alike = (it + ot) / whole if whole else 0.0
            return alike, alike
        alone_a, alone_b = it / ii, ot / oo
        return (0.0, alone_b) if alone_b * ot >= alone_a * it else (alone_a, 0.0)


class Returns:
    """When the callers that were turned away from one lane should come back.

    After the backlog ahead of them, and after those who were told to come back before them: backlog
    over drain rate, where the backlog includes those who are away. Without it, all who are refused
    during a burst are told the same few seconds, come back together and are refused again.

    They are given what the lane had left in the seconds before, less ``SPARE`` as arrivals bunch,
    and ``SHARE`` of what it gets where that is more: new callers come as well. So after a burst on
    an idle server they come back as fast as it can read them, and not four times as late.

    Args:
        bounds: least and most seconds to say.
    """

    SHARE = 0.25
    SPARE = 0.2
    MEMORY = 20.0  # seconds; a shorter one would take the burst itself for what is usual

    def __init__(self, bounds: tuple[float, float]) -> None:
        self._bounds = bounds
        self._until = -math.inf
        self._begun = 0.0
        self._seen = -math.inf
        self._since = -math.inf  # how long those who are away have been looked at

    def retune(self, bounds: tuple[float, float], now: float) -> None:
        """Say other times from now on. Nobody is waited for longer than may be said."""
        self._bounds = bounds
        self._until = min(self._until, now + bounds[1])

    def began(self, now: float) -> None:
        """A page of the lane got a place."""
        self._begun = self._lately(now) + 1
        self._seen = now

    def after(self, ahead: int, rate: float | None, ticket_id: int, now: float) -> float:
        """Seconds to say to the next one; nothing is changed. See :func:`retry_after`."""
        return retry_after(ahead, rate, ticket_id, self._bounds, self._away(rate, now))

    def told(self, ahead: int, rate: float | None, now: float) -> None:
        """One more was told to come back."""
        if rate:
            away = self._away(rate, now)
            if away < self._until - now or away <= 0:
                self._since = now
            start = now + max(away, ahead / rate)
            self._until = min(now + self._bounds[1], start + 1 / self._for_them(rate, now))

    def _away(self, rate: float | None, now: float) -> float:
        """Seconds of work that those bring who were told to come back: as many of them as came of
        late. Many give up where they are told to wait for minutes, and nobody waits for those.
        """
        seconds = self._until - now
        if not rate or seconds <= 0 or now < self._since + self.MEMORY:
            return seconds
        return seconds * min(1.0, self._lately(now) / self.MEMORY / self._for_them(rate, now))

    def _for_them(self, rate: float, now: float) -> float:
        """Places a second that are theirs."""
        left = (1 - self.SPARE) * rate - self._lately(now) / self.MEMORY
        return max(self.SHARE * rate, left)

    def _lately(self, now: float) -> float:
        """Pages begun, each fading with ``MEMORY``; divided by it, pages a second."""
        return self._begun * math.exp((self._seen - now) / self.MEMORY)


def retry_after(
    ahead: int,
    rate: float | None,
    ticket_id: int,
    bounds: tuple[float, float],
    least_wait: float = 0.0,
) -> float:
    """Seconds after which a refused caller should come back: backlog ahead / drain rate.

    Spread by up to a fifth either way, always the same way for the same ticket, so that callers
    refused together do not return together; so also at the bounds.

    Args:
        ahead: tickets that would go first, the refused one included.
        rate: places that its lane gets per second; None when not known.
        ticket_id: of the refused ticket.
        bounds: least and most seconds to say.
        least_wait: seconds before which others have been told to come back.
    """
    least, most = bounds
    seconds = max(ahead / rate if rate else least, least_wait)
    middle = min(most / 1.2, max(least / 0.8, seconds))
    return min(most, max(least, middle * (0.8 + 0.4 * _spread(ticket_id))))


def _spread(number: int) -> float:
    """A fraction in [0, 1) from an integer: Fibonacci hashing (Knuth, TAOCP 3, 6.4)."""
    return (number * 0x9E3779B97F4A7C15 % 2**64) / 2**64

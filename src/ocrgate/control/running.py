"""Who has a place at the gate, and for how long."""

from collections import Counter
from dataclasses import dataclass

from ocrgate.domain.ticket import Lane, Ticket


@dataclass(frozen=True, slots=True)
class Placed:
    """A page that has a place.

    Attributes:
        ticket: its ticket.
        started: when it got the place, on a clock that stands still while the engine is away.
        expected: seconds of the place that it was thought to take.
        charged: service that its caller was charged for.
        before: seconds of places that all pages together had had by then.
    """

    ticket: Ticket
    started: float
    expected: float
    charged: float
    before: float


class Running:
    """The pages that have a place. While the engine is away, nobody's time runs.

    Attributes:
        away: whether the engine is.
    """

    def __init__(self) -> None:
        self.away = False
        self._pages: dict[int, Placed] = {}
        self._since = 0.0
        self._before = 0.0
        self._had = 0.0  # seconds of places that pages had until ``_seen``
        self._seen = 0.0

    def __len__(self) -> int:
        return len(self._pages)

    def __contains__(self, ticket_id: int) -> bool:
        return ticket_id in self._pages

    def lanes(self) -> Counter[Lane]:
        """How many there are of each lane."""
        return Counter(each.ticket.lane for each in self._pages.values())

    def begin(self, ticket: Ticket, now: float, *, expected: float, charged: float) -> None:
        """A page got a place."""
        at = self._elapse(now)
        self._pages[ticket.id] = Placed(ticket, at, expected, charged, self._had)

    def end(self, ticket_id: int, now: float) -> tuple[Placed, float, float]:
        """A page gives it back: it, the seconds for which it had both place and engine, and how
        many had a place meanwhile on average, itself too.
        """
        at = self._elapse(now)
        page = self._pages.pop(ticket_id)
        seconds = at - page.started
        crowd = (self._had - page.before) / seconds if seconds > 0 else len(self._pages) + 1.0
        return page, seconds, crowd

    def _elapse(self, now: float) -> float:
        """``now`` on the clock that stands still while the engine is away."""
        at = now - self.lost(now)
        self._had += len(self._pages) * (at - self._seen)
        self._seen = at
        return at

    def turn(self, now: float, *, away: bool) -> None:
        """The engine is away from now on, or there; where it was so already, nothing changes."""
        self._before, self._since = self.lost(now), now
        self.away = away

    def lost(self, now: float) -> float:
        """Seconds without an engine until ``now``."""
        return self._before + (now - self._since if self.away else 0.0)

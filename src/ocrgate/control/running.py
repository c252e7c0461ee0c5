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
    """

    ticket: Ticket
    started: float
    expected: float
    charged: float


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

    def __len__(self) -> int:
        return len(self._pages)

    def __contains__(self, ticket_id: int) -> bool:
        return ticket_id in self._pages

    def lanes(self) -> Counter[Lane]:
        """How many there are of each lane."""
        return Counter(each.ticket.lane for each in self._pages.values())

    def begin(self, ticket: Ticket, now: float, *, expected: float, charged: float) -> None:
        """A page got a place."""
        self._pages[ticket.id] = Placed(ticket, now - self.lost(now), expected, charged)

    def end(self, ticket_id: int, now: float) -> tuple[Placed, float]:
        """A page gives it back: it, and the seconds for which it had both place and engine."""
        page = self._pages.pop(ticket_id)
        return page, now - self.lost(now) - page.started

    def turn(self, now: float, *, away: bool) -> None:
        """The engine is away from now on, or there; where it was so already, nothing changes."""
        self._before, self._since = self.lost(now), now
        self.away = away

    def lost(self, now: float) -> float:
        """Seconds without an engine until ``now``."""
        return self._before + (now - self._since if self.away else 0.0)

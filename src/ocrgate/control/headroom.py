"""Room for a page beside its place: the seam of the ledger, and who may pass whom for want of it.

A big page that does not fit yet would hold up all the small ones behind it, although they fit; if
they may always pass, it never fits. So they may pass for a while: once a page was first in turn and
did not fit, at most ``passes`` others start before it, and none after ``seconds``. From then on
only those start that do not make it wait longer, as with backfilling schedulers (EASY; Lifka 1995);
it starts at the latest when nothing else runs. Pages that were first in turn and did not fit stand
in line for this.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from ocrgate.domain.ticket import Ticket


class Budget(Protocol):
    """What the pages that run may take, besides places (a ledger of tokens, see ``ledger``)."""

    def fits(self, ticket: Ticket, now: float) -> bool:
        """Whether the page may start beside those that run. It changes nothing."""
        ...

    def spares(self, ticket: Ticket, leading: Ticket, now: float) -> bool:
        """Whether the page may start now although ``leading`` has waited long enough for room,
        since it does not make that wait longer. It changes nothing.
        """
        ...

    def begin(self, ticket: Ticket, now: float) -> None:
        """The page has started. It may not fit when nothing else runs."""
        ...

    def end(self, ticket_id: int, now: float) -> None:
        """The page has ended, in whatever way."""
        ...


@dataclass(frozen=True, slots=True)
class PassingParams:
    """How long pages may pass one that does not fit, whether or not that makes it wait longer.

    Attributes:
        passes: pages that may start before it.
        seconds: time in which they may.
    """

    passes: int = 8
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.passes < 0 or self.seconds < 0:
            raise ValueError("passes and seconds are at least 0")


class Passing:
    """Which pages did not fit when it was their turn, and how often they were passed since.

    Args:
        params: how long they may be passed.
    """

    def __init__(self, params: PassingParams) -> None:
        self._params = params
        self._passed: OrderedDict[int, tuple[float, int]] = OrderedDict()
        self._started = 0

    def __len__(self) -> int:
        return len(self._passed)

    def retune(self, params: PassingParams) -> None:
        """Let them be passed for another time, those in line too."""
        self._params = params

    def note(self, ticket_id: int, now: float) -> None:
        """It was this one's turn, and it did not fit."""
        self._passed.setdefault(ticket_id, (now, self._started))

    def started(self, ticket_id: int) -> None:
        """A page has started."""
        self._started += 1
        self._passed.pop(ticket_id, None)

    def gone(self, ticket_id: int) -> None:
        """A ticket does not wait any more, in whatever way."""
        self._passed.pop(ticket_id, None)

    def next(self, now: float) -> int | None:
        """The one that nothing may pass any more: it was first in turn before all others here."""
        if not self._passed:
            return None
        ticket_id, (since, started) = next(iter(self._passed.items()))
        passes = self._started - started
        over = passes >= self._params.passes or now - since >= self._params.seconds
        return ticket_id if over else None

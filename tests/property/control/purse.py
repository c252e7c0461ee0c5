"""A budget that watches how it is used."""

from dataclasses import dataclass, field

from ocrgate.domain.ticket import Ticket


@dataclass
class Purse:
    """Room for so many input tokens; a ticket without a cost takes one."""

    capacity: int = 10
    held: dict[int, int] = field(default_factory=dict)

    def fits(self, ticket: Ticket, now: float) -> bool:
        """Whether there is as much left."""
        assert now >= 0
        return sum(self.held.values()) + size_of(ticket) <= self.capacity

    def spares(self, ticket: Ticket, leading: Ticket, now: float) -> bool:
        """Nobody knows when anything ends."""
        del ticket, leading, now
        return False

    def begin(self, ticket: Ticket, now: float) -> None:
        """Take it."""
        assert ticket.id not in self.held, "16: began twice"
        assert not self.held or self.fits(ticket, now), "16: began without room"
        self.held[ticket.id] = size_of(ticket)

    def end(self, ticket_id: int, now: float) -> None:
        """Give it back."""
        assert now >= 0
        assert self.held.pop(ticket_id, None) is not None, "16: ended what had not begun"


def size_of(ticket: Ticket) -> int:
    """What a ticket takes."""
    return ticket.cost.input_tokens if ticket.cost else 1

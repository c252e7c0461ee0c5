"""The unit of admission: one page of one caller."""

from dataclasses import dataclass
from enum import StrEnum


class Lane(StrEnum):
    """Classes of traffic, from the most to the least urgent."""

    INTERACTIVE = "interactive"
    STANDARD = "standard"
    BATCH = "batch"

    @property
    def rank(self) -> int:
        """0 for the most urgent."""
        return list(Lane).index(self)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One page that asks for a place.

    Attributes:
        id: unique in this process.
        lane: the class of traffic it travels in.
        caller: whose it is (key name, or the anonymous caller), the flow for fairness.
        arrived: instant of arrival, seconds of the gate's clock.
        deadline: instant after which nobody waits for it.
        bytes: what it holds in memory while it waits.
        pages: pages still to come of the same document, this one included; entry is judged on
            the time for all of them.
        continues: a later page of a document whose first page was admitted. It is not judged at
            entry again (what was accepted is not refused halfway); it can still expire.
    """

    id: int
    lane: Lane
    caller: str
    arrived: float
    deadline: float
    bytes: int = 0
    pages: int = 1
    continues: bool = False

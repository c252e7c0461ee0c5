"""The unit of admission: one page of one caller."""

from dataclasses import dataclass
from enum import StrEnum

OUTPUT_PRICE = 2
"""An output token weighs as much as this many input tokens (VTC, Sheng et al., OSDI 2024)."""


class Lane(StrEnum):
    """Classes of traffic, from the most to the least urgent."""

    INTERACTIVE = "interactive"
    STANDARD = "standard"
    BATCH = "batch"

    @property
    def rank(self) -> int:
        """0 for the most urgent."""
        return list(Lane).index(self)


def weighted(input_tokens: int, output_tokens: int) -> int:
    """What a page takes, in tokens of input."""
    return input_tokens + OUTPUT_PRICE * output_tokens


@dataclass(frozen=True, slots=True)
class Cost:
    """What a page is expected to take, in tokens.

    Attributes:
        input_tokens: of its prompt, image included; exact.
        low: output tokens that nearly every such page exceeds.
        median: output tokens that half of such pages exceed.
        high: output tokens that hardly any such page exceeds.
    """

    input_tokens: int
    low: int
    median: int
    high: int

    def __post_init__(self) -> None:
        if self.input_tokens < 0 or not 0 <= self.low <= self.median <= self.high:
            raise ValueError("input_tokens >= 0 and 0 <= low <= median <= high")


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
        cost: what this page is expected to take; None where tokens are not known, then only the
            time counts that pages held their places lately.
    """

    id: int
    lane: Lane
    caller: str
    arrived: float
    deadline: float
    bytes: int = 0
    pages: int = 1
    continues: bool = False
    cost: Cost | None = None

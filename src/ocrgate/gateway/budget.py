"""Bytes of request bodies that this process holds at the same time, bounded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from ocrgate.errors import Overloaded

_RETRY_AFTER = 1.0  # bodies come and go in seconds; the gate's own estimate speaks of pages


@dataclass(slots=True)
class BytesInFlight:
    """A second dimension of admission beside the gate's: memory.

    Charged with what has really arrived, not with what ``Content-Length`` announces, so that
    connections which promise much and send nothing keep nobody out.

    Attributes:
        capacity: bytes that may be held together.
        refused: told the seconds to wait with every refusal.
        held: bytes held now.
    """

    capacity: int
    refused: Callable[[float], None] = lambda _seconds: None
    held: int = 0

    def charge(self, size: int) -> None:
        """Hold ``size`` more bytes.

        Raises:
            Overloaded: they do not fit; nothing was charged.
        """
        if self.held + size > self.capacity:
            self.refused(_RETRY_AFTER)
            raise Overloaded(
                "the server holds as many request bytes as it may",
                reason="bytes",
                retry_after=_RETRY_AFTER,
            )
        self.held += size

    def release(self, size: int) -> None:
        """Hold ``size`` bytes less."""
        self.held -= size


@dataclass(slots=True)
class Lease:
    """One request's part of the budget; a context that gives all of it back."""

    budget: BytesInFlight
    held: int = 0

    def grow(self, size: int) -> None:
        """Hold ``size`` more bytes, or raise what :meth:`BytesInFlight.charge` raises."""
        self.budget.charge(size)
        self.held += size

    def shrink_to(self, size: int) -> None:
        """Give back what is held beyond ``size`` bytes."""
        excess = max(0, self.held - size)
        self.budget.release(excess)
        self.held -= excess

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shrink_to(0)

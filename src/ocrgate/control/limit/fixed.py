"""What people do by hand: a number. 16 is the founding case's choice for a 24 GB GPU."""

from dataclasses import dataclass

from ocrgate.control.limit.law import Change, Sample, Signals


@dataclass(frozen=True, slots=True)
class FixedParams:
    """A limit that stays.

    Attributes:
        limit: pages at the replica at the same time, at least 1.
    """

    limit: int = 16

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError("limit is at least 1")


class FixedLimit:
    """The law that learns nothing.

    Args:
        params: the number.
    """

    def __init__(self, params: FixedParams | None = None) -> None:
        self._change = Change((params or FixedParams()).limit, "fixed")

    def value(self, now: float) -> int:  # noqa: ARG002
        """The number."""
        return self._change.limit

    def occupied(self, now: float, inflight: int, started: int | None = None) -> None:
        """Not used."""

    def progress(self, now: float, work: float) -> None:
        """Not used."""

    def sample(self, now: float, sample: Sample) -> Change:  # noqa: ARG002
        """The number."""
        return self._change

    def signals(self, now: float, signals: Signals | None) -> Change:  # noqa: ARG002
        """The number."""
        return self._change

    def tick(self, now: float) -> Change:  # noqa: ARG002
        """The number."""
        return self._change

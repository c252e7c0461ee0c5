"""Which pages another engine may read in place of a refusal, and whether they end in time there."""

from dataclasses import dataclass

from ocrgate.domain.ticket import Lane, Ticket


@dataclass(frozen=True, slots=True)
class SpareParams:
    """How its time is foreseen.

    Attributes:
        usual: seconds that a page is thought to take before any was read.
        margin: times that must be left of a page's time.
        learn: the part that each page has in the mean.
    """

    usual: float = 2.0
    margin: float = 1.5
    learn: float = 0.2


class SpareTime:
    """Seconds that a page takes there: an exponential mean.

    Args:
        params: how it is foreseen.
    """

    def __init__(self, params: SpareParams | None = None) -> None:
        self._params = params or SpareParams()
        self._took = self._params.usual

    def learn(self, seconds: float) -> None:
        """A page was read in so many seconds."""
        self._took += self._params.learn * (seconds - self._took)

    def enough(self, left: float) -> bool:
        """Whether a page with so many seconds left ends in time, as far as can be foreseen."""
        return left > self._params.margin * self._took


def may_go_elsewhere(ticket: Ticket) -> bool:
    """Whether a page may be read by another engine at all.

    Only documents of one page, since the later pages of an accepted document are not refused, and
    none of the lane ``batch``, which has time.
    """
    return ticket.pages == 1 and not ticket.continues and ticket.lane is not Lane.BATCH

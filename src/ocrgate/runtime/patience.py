"""What a page does while no replica takes pages: it waits, it goes elsewhere, or it fails."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ocrgate.errors import EngineError


def _nowhere(error: EngineError) -> bool:  # noqa: ARG001 - the form of ``elsewhere``
    """There is no other engine."""
    return False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a page waits for a replica.

    A page that was accepted is not lost because the engine dies before its turn: it waits as those
    do that the engine had. One that has only just come is told at once instead.

    Attributes:
        deadline: instant at which its caller gives it up. A wait ends earlier, as soon as a usual
            page would not be read in time any more.
        waits: whether it was accepted; else it fails at once when no replica takes pages.
        waited: whether it has waited for its turn already. It then goes on waiting also when it is
            sent as a probe and the server cannot be reached, which one that has only just come does
            not.
        elsewhere: whether another engine reads the page at once that would wait for this reason.
            It is asked whenever there is news, and where it says so the page fails with that.
    """

    deadline: float = math.inf
    waits: bool = False
    waited: bool = False
    elsewhere: Callable[[EngineError], bool] = _nowhere

"""Where a curve bends: the load from which on more is offered than is answered."""

from collections.abc import Sequence

Point = tuple[float, float]


def saturation(points: Sequence[Point], within: float = 0.05) -> Point | None:
    """The first point of (offered rate, throughput) from which on throughput falls short.

    Short means by more than ``within`` of what is offered, there and at all higher rates. None
    where the server kept up to the end.
    """
    found = None
    for offered, value in reversed(points):
        if value >= offered * (1 - within):
            break
        found = (offered, value)
    return found

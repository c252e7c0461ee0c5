"""How many pages are prepared ahead of the engine.

A page is decoded once it has a place, so with as many places as the engine takes pages it would
stand still for each decoding. By Little's law

    slots * prepare / engine

pages are being prepared while so many slots are kept busy, with the mean seconds that a page takes
to be prepared and in the engine. They come unevenly: twice the square root of that is added, two
standard deviations of a Poisson distribution, and one that is ready. More would stand ready in a
line where pages can neither be reordered nor refused any more, and where their time runs out.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrefetchParams:
    """How far ahead.

    Attributes:
        most: bound, as part of the slots; also what holds before enough pages were seen.
        least: pages that must have been seen.
        memory: pages over which the means are taken.
    """

    most: float = 0.5
    least: int = 8
    memory: int = 64

    def __post_init__(self) -> None:
        if not (self.most > 0 and 1 <= self.least <= self.memory):
            raise ValueError("most is above 0, 1 <= least <= memory")


class Prefetch:
    """Pages ahead of one engine.

    Args:
        params: how far at most.
    """

    def __init__(self, params: PrefetchParams | None = None) -> None:
        self._params = params or PrefetchParams()
        self._seen = 0
        self._prepare = self._engine = 0.0

    def learn(self, prepare: float, engine: float) -> None:
        """A page took so many seconds to be prepared, and so many in the engine."""
        self._seen = min(self._seen + 1, self._params.memory)
        self._prepare += (prepare - self._prepare) / self._seen
        self._engine += (engine - self._engine) / self._seen

    def pages(self, slots: int) -> int:
        """Pages to be prepared while so many slots of the engine are in use, at least 1."""
        most = math.ceil(self._params.most * slots)
        if self._seen < self._params.least or self._engine <= 0:
            return most
        busy = slots * self._prepare / self._engine
        return min(most, 1 + math.ceil(busy + 2 * math.sqrt(busy)))

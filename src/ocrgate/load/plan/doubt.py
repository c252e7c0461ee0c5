"""How far the pages to come may be others than those that are planned for: mixes drawn anew.

Who names a sort of pages (``dense``, ``mix``) has said little of them. How little is taken from the
six public corpora of whole pages whose sizes and texts are known here: annual reports, an academic
benchmark, photographs by phone, scans in English, a journal and a novel in German. All would be
called ``dense``; the logarithms of their median texts have a standard deviation of 0.48, those of
their median long sides one of 0.38.
"""

import math
import random
from dataclasses import dataclass, replace

from ocrgate.load.plan.pages import Measured, Replayed
from ocrgate.load.tune.virtual import Pages
from ocrgate.simulate.workload import MIXES, Kind, Mix

NINETY = 1.645
"""Standard deviations on either side that hold nine tenths."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What may be otherwise; factors are such that nine of ten lie within them, either way.

    Attributes:
        longer: of the texts of a kind, in tokens.
        larger: of the sides of a kind, in pixels (before the gate makes them smaller).
        looping: of the share of pages on which the model repeats itself.
        mixed: whether the weights of several kinds are a guess.
    """

    longer: float = 1.0
    larger: float = 1.0
    looping: float = 1.0
    mixed: bool = False


NAMED = Doubt(longer=2.2, larger=1.9, looping=2.5, mixed=True)
"""Of a sort of pages that is only named."""

TOLD = Doubt(longer=1.25, looping=2.5)
"""Of pages whose size and text were told: a character is 0.75 to 1.1 tokens, as the language is."""

COUNTED = Doubt()
"""Of pages whose tokens were counted in a run."""


def doubt(pages: Pages) -> Doubt:
    """How far such pages are in doubt."""
    if isinstance(pages, Measured | Replayed):
        return COUNTED
    return NAMED if pages in MIXES.values() else TOLD


def redrawn(pages: Pages, source: random.Random) -> Pages:
    """The pages as they may turn out to be; those that were counted stay as they are."""
    about = doubt(pages)
    if not isinstance(pages, Mix) or about == COUNTED:
        return pages
    weights = _weights([kind.weight for kind in pages.kinds], source, about)
    kinds = zip(pages.kinds, weights, strict=True)
    loops = min(0.5, pages.loops * drawn(source, about.looping))
    return replace(
        pages,
        kinds=tuple(_kind(kind, weight, about, source) for kind, weight in kinds),
        loops=loops,
    )


def drawn(source: random.Random, factor: float) -> float:
    """Log-normal around 1; nine of ten lie within the factor."""
    return math.exp(source.gauss(0.0, math.log(factor) / NINETY))


def _weights(given: list[float], source: random.Random, about: Doubt) -> list[float]:
    """Dirichlet around the given ones, worth no more than one observation for each kind."""
    if not about.mixed or len(given) == 1:
        return given
    strength = len(given) / sum(given)
    found = [source.gammavariate(strength * weight, 1.0) for weight in given]
    return found if any(found) else given


def _kind(kind: Kind, weight: float, about: Doubt, source: random.Random) -> Kind:
    longer, larger = drawn(source, about.longer), drawn(source, about.larger)
    return replace(
        kind,
        weight=weight,
        small=_scaled(kind.small, larger),
        large=_scaled(kind.large, larger),
        median=kind.median * longer,
    )


def _scaled(size: tuple[int, int], factor: float) -> tuple[int, int]:
    width, height = (max(1, round(side * factor)) for side in size)
    return width, height

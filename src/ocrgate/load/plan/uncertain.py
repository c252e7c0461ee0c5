"""What is not known, and how far it may be off: draws of everything that a plan assumes."""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace

from ocrgate.load.plan.wish import Wish
from ocrgate.simulate.gpus import Assumed

FACTORS: Mapping[str, float] = {
    "bandwidth": 1.35,
    "kv_bandwidth": 1.35,
    "rate": 1.4,
    "prompt_rate": 1.4,
    "attention": 1.6,
    "host": 1.8,
    "host_sequence": 2.0,
    "beyond_weights": 1.4,
    "prepare": 1.5,
    "prepare_megapixel": 1.7,
}
"""Each may be so many times too large or too small, nine times of ten (log-normal, independent)."""

MODEL = 1.8
"""How far off the model itself may be, in the same sense: what it leaves out, or has wrong. The two
public figures that there are lie 1.8 times above and 1.4 times below it (docs/guides/plan.md)."""

LONGER = 1.25
"""The same for the length of texts."""

_NINETY = 1.645  # standard deviations that hold nine tenths


@dataclass(frozen=True, slots=True)
class Known:
    """What a measurement has settled.

    Attributes:
        pace: how far off the measurement itself may be, as a factor, in place of :data:`MODEL`;
            None where nothing was measured.
        lengths: whether the lengths of texts were measured.
        matched: brings other assumptions to agree with the measurement, so that they differ only
            in what it leaves open: how the engine does at another load than the measured one.
    """

    pace: float | None = None
    lengths: bool = False
    matched: Callable[[Assumed], Assumed] = lambda assumed: assumed


def draws(wish: Wish, known: Known, count: int, seed: int = 1) -> Iterator[Wish]:
    """The wish with everything that is not known drawn anew, so many times."""
    source = random.Random(f"plan {seed}")  # noqa: S311 - not a secret
    for _ in range(count):
        longer = 1.0 if known.lengths else _drawn(source, LONGER)
        assumed = _assumed(wish.assumed, known, source)
        yield replace(wish, assumed=assumed, longer=wish.longer * longer)


def _assumed(given: Assumed, known: Known, source: random.Random) -> Assumed:
    drawn = {
        each.name: getattr(given, each.name) * _drawn(source, FACTORS[each.name])
        for each in fields(given)
        if each.name in FACTORS
    }
    for share in ("bandwidth", "kv_bandwidth", "rate", "prompt_rate", "attention"):
        drawn[share] = min(0.95, drawn[share])
    guess = known.matched(replace(given, **drawn))
    return replace(guess, slower=guess.slower * _drawn(source, known.pace or MODEL))


def _drawn(source: random.Random, factor: float) -> float:
    return math.exp(source.gauss(0.0, math.log(factor) / _NINETY))

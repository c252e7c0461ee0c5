"""What is not known, and how far it may be off: draws of everything that a plan assumes."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace

from ocrgate.load.plan.doubt import drawn, redrawn
from ocrgate.load.plan.wish import Wish
from ocrgate.simulate.gpus import Assumed

FACTORS: Mapping[str, float] = {
    "bandwidth": 1.35,
    "kv_bandwidth": 1.35,
    "rate": 1.4,
    "prompt_rate": 1.4,
    "attention": 1.6,
    "host": 1.8,
    "host_sequence": 3.0,
    "beyond_weights": 1.4,
    "prepare": 1.5,
    "prepare_megapixel": 1.7,
}
"""Each may be so many times too large or too small, nine times of ten (log-normal, independent).

A token costs a server 6 us where eight of them go in one event, and ten times that where each goes
by itself."""

PROCESSOR = 1.6
"""The same for all that the machine's processor does, together: which one it has, nobody asks. A
virtual core of a server at 2.2 GHz and a desktop's at 5.7 lie 2.6 times apart."""

MODEL = 1.8
"""How far off the model itself may be, in the same sense: what it leaves out, or has wrong. This is
a judgement. What can be held against it is in docs/guides/plan.md."""

_SHARES = ("bandwidth", "kv_bandwidth", "rate", "prompt_rate", "attention")
_BY_PROCESSOR = ("host", "host_sequence", "prepare", "prepare_megapixel")


@dataclass(frozen=True, slots=True)
class Known:
    """What a measurement has settled of the engine. What is known of pages, the pages tell.

    Attributes:
        pace: how far off the measurement itself may be, as a factor, in place of :data:`MODEL`;
            None where nothing was measured.
        matched: brings other assumptions to agree with the measurement, so that they differ only
            in what it leaves open: how the engine does at another load than the measured one.
    """

    pace: float | None = None
    matched: Callable[[Assumed], Assumed] = lambda assumed: assumed


def draws(wish: Wish, known: Known, count: int, seed: int = 1) -> Iterator[Wish]:
    """The wish with everything that is not known drawn anew, so many times."""
    source = random.Random(f"plan {seed}")  # noqa: S311 - not a secret
    for _ in range(count):
        pages = redrawn(wish.pages, source)
        yield replace(wish, pages=pages, assumed=_assumed(wish.assumed, known, source))


def _assumed(given: Assumed, known: Known, source: random.Random) -> Assumed:
    guess = {
        each.name: getattr(given, each.name) * drawn(source, FACTORS[each.name])
        for each in fields(given)
        if each.name in FACTORS
    }
    processor = drawn(source, PROCESSOR)
    for slow in _BY_PROCESSOR:
        guess[slow] *= processor
    for share in _SHARES:
        guess[share] = min(0.95, guess[share])
    found = known.matched(replace(given, **guess))
    return replace(found, slower=found.slower * drawn(source, known.pace or MODEL))

"""Engines drawn by chance: no law was made for any of them, and nobody chose them.

Slots, memory, speed, pictures, lengths and drift are drawn from wide ranges, mostly evenly by their
logarithm. A third of the engines has steps whose time jumps, a sixth gets slower and slower beyond
some number of sequences, so that what is best lies far below the slots.
"""

import math
import random
from collections.abc import Iterator

from ocrgate.simulate.profile import Drift, Lengths, Preprocessing, Profile, Speed

PREFIX = "stranger-"
MODEL = 8192  # tokens of prompt and text at most
PROMPT = 2500  # tokens that are allowed for in the memory of a page


def stranger(number: int) -> Profile:
    """The engine of that number, always the same."""
    chance = random.Random(f"a stranger, {number}")
    slots = round(_evenly(chance, 8, 256))
    lengths = Lengths(
        _evenly(chance, 60, 500), chance.uniform(0.4, 0.9), 2048, chance.uniform(0, 0.04)
    )
    speed, about = _speed(chance, slots)
    crowd = slots * (3 * lengths.median + PROMPT)
    return Profile(
        name=f"{PREFIX}{number}",
        about=f"{about}; {slots} slots",
        source="Drawn by chance.",
        speed=speed,
        kv_tokens=round(_evenly(chance, max(MODEL + 4000.0, 0.1 * crowd), max(crowd, 2.0 * MODEL))),
        max_num_seqs=slots,
        max_num_batched_tokens=chance.choice([1024, 2048, 4096, 8192, 16384]),
        max_model_len=MODEL,
        block_size=chance.choice([16, 16, 32, 128]),
        watermark=chance.choice([0.0, 0.0, 0.02]),
        preprocessing=_preprocessing(chance),
        drift=_drift(chance),
        lengths=lengths,
    )


def patience(profile: Profile) -> float:
    """Seconds that its callers wait: thrice a middling page in a half full batch, at least 10."""
    step = profile.speed.step(max(2, profile.max_num_seqs // 2), 0)
    return max(10.0, float(round(3 * profile.lengths.median * step)))


def _evenly(chance: random.Random, low: float, high: float) -> float:
    """Evenly by the logarithm."""
    return math.exp(chance.uniform(math.log(low), math.log(high)))


def _speed(chance: random.Random, slots: int) -> tuple[Speed, str]:
    base, prompt = _evenly(chance, 0.002, 0.06), _evenly(chance, 3e-7, 3e-5)
    patch = prompt * _evenly(chance, 0.1, 1)
    kind = chance.choice(["a straight line"] * 3 + ["steps that jump"] * 2 + ["a hump"])
    if kind == "a straight line":
        return Speed(base, base * _evenly(chance, 0.1, 3) / slots, prompt, patch), kind
    knots = _stairs(chance, base, slots) if kind == "steps that jump" else ()
    return Speed(0, 0, prompt, patch, knots=tuple(knots) or _hump(chance, base, slots)), kind


def _stairs(chance: random.Random, seconds: float, slots: int) -> Iterator[tuple[int, float]]:
    """One to three jumps by a fifth to a half, with slight slopes between."""
    jumps = {round(_evenly(chance, 4, slots)) for _ in range(chance.randint(1, 3))}
    begins = [1, *sorted(jumps)]
    for begin, after in zip(begins, [*begins[1:], slots + 2], strict=True):
        seconds *= chance.uniform(1.2, 1.8) if begin > 1 else 1.0
        yield begin, seconds
        seconds *= 1 + 0.2 * (1 - begin / after)
        if after - 1 > begin:
            yield after - 1, seconds


def _hump(chance: random.Random, base: float, slots: int) -> tuple[tuple[int, float], ...]:
    """Twice the time at the best number of sequences; then more than in proportion to them."""
    best = round(_evenly(chance, 6, slots))
    most = max(best + 2, slots + 1)
    return (1, base), (best, 2 * base), (most, 2 * base * _evenly(chance, 1, 3) * most / best)


def _preprocessing(chance: random.Random) -> Preprocessing:
    if chance.random() < 0.5:
        return Preprocessing()
    return Preprocessing(_evenly(chance, 5e-4, 0.03), _evenly(chance, 5e-4, 0.02))


def _drift(chance: random.Random) -> Drift | None:
    if chance.random() < 0.65:
        return None
    return Drift(chance.uniform(0, 0.2), _evenly(chance, 10, 90), chance.uniform(0, 0.12))

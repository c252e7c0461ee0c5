"""Engines to try a law on, the load of each (about twice what it can do), and limits to sweep."""

import statistics
from dataclasses import dataclass
from functools import lru_cache

from tests.simulation.control.scheduler import FixedPolicy, Outcome, Policy, Run, Shape

SEEDS = (1, 2)


@dataclass(frozen=True, slots=True)
class Case:
    """An engine, its load in pages per second, and the limits among which its knee is."""

    shape: Shape
    rate: float
    limits: tuple[int, ...]


CASES = {
    "facts": Case(Shape(), 18.4, (24, 28, 32, 40, 48)),
    "small": Case(Shape(slots=8, kv=20_000), 6.5, (6, 8)),
    "tight": Case(Shape(slots=64, kv=20_000, median=400), 7.0, (12, 14, 16, 20, 24)),
    "large": Case(
        Shape(
            slots=256,
            kv=2_000_000,
            base=0.006,
            per_sequence=0.00003,
            per_prefill_token=0.000004,
            chunk=16384,
        ),
        100.0,
        (192, 256),
    ),
    "wide": Case(
        Shape(
            slots=256,
            kv=200_000,
            base=0.005,
            per_sequence=0.00004,
            per_prefill_token=0.000004,
            chunk=8192,
        ),
        85.0,
        (128, 160, 192),
    ),
    "slow": Case(
        Shape(
            slots=64,
            kv=100_000,
            base=0.02,
            per_sequence=0.0002,
            per_prefill_token=0.00003,
            median=120,
        ),
        16.0,
        (40, 48, 64),
    ),
    "roomy": Case(Shape(slots=16, kv=2_000_000), 11.0, (12, 16)),
    "dense": Case(
        Shape(
            slots=128,
            kv=150_000,
            base=0.006,
            per_sequence=0.00005,
            input=(1800, 2600),
            median=500,
            longest=4096,
        ),
        15.0,
        (40, 48, 64),
    ),
}


@dataclass(frozen=True, slots=True)
class Knee:
    """The best that any fixed limit gives, per second, and that limit's preemptions in all."""

    pages: float
    useful: float
    streamed: float
    preemptions: int


def run(case: Case, policy: Policy, seed: int, until: float, noise: float = 0.0) -> Outcome:
    """One run of a case."""
    made = Run(case.shape, policy, case.rate, seed)
    made.noise = noise
    return made.run(until)


@lru_cache(maxsize=32)
def knee(name: str, since: float = 10.0, until: float = 40.0) -> Knee:
    """Measured by a sweep over fixed limits, on the seeds that the laws are run on."""
    found = []
    for limit in CASES[name].limits:
        runs = [run(CASES[name], FixedPolicy(limit), seed, until) for seed in SEEDS]
        found.append(
            Knee(
                statistics.mean(each.goodput(since, until) for each in runs),
                statistics.mean(each.useful(since, until) for each in runs),
                statistics.mean(each.streamed(since, until) for each in runs),
                sum(each.preemptions(since, until) for each in runs),
            )
        )
    best = max(found, key=lambda each: each.useful)
    return Knee(max(each.pages for each in found), best.useful, best.streamed, best.preemptions)

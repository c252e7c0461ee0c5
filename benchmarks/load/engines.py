"""The engines that the tuner is measured on: made up with a purpose, and drawn by chance."""

import math
import random
from dataclasses import dataclass, replace
from itertools import count

from benchmarks.overload.strangers import patience, stranger

from ocrgate.load.tune.virtual import Pages
from ocrgate.simulate.gpus import SHEETS, Serving, derived
from ocrgate.simulate.profile import GIB, Drift, Memory, Preprocessing, Profile, Speed
from ocrgate.simulate.profiles import profile
from ocrgate.simulate.workload import (
    DENSE,
    MICE_AND_ELEPHANTS,
    OCR,
    SCREENSHOTS,
    SMALLER,
    Kind,
    Mix,
    PlainMix,
)

_RECEIPTS = Mix("receipts", (Kind("receipt", 1.0, (587, 1145), (935, 2141), 298, 0.33, 700),), 0.03)
_RECEIPTS_GPU = replace(
    derived(SHEETS["a100-40gb"], Serving()), drift=Drift(amplitude=0.1, period=45.0, noise=0.08)
)
_CROWDED = Profile(
    name="crowded",
    about="dies where more than 76 pages meet a neighbour on the GPU",
    source="Made up, after the tuner was finished.",
    speed=Speed(0.009, 1.2e-4, 4e-6, 1e-6),
    kv_tokens=500_000,
    max_num_seqs=512,
    max_num_batched_tokens=8192,
    memory=Memory(
        headroom=3 * GIB,
        per_sequence=24 * 1024**2,
        neighbour=1.2 * GIB,
        wakes_per_second=1 / 12,
        holds=8.0,
    ),
)
_OLD_CARD = Profile(
    name="old card",
    about="a step of 70 ms, a cache that nothing fills",
    source="Made up, after storms were judged by goodput: much memory, little pace.",
    speed=Speed(0.07, 8e-4, 2e-5, 3e-6),
    kv_tokens=1_500_000,
    max_num_seqs=512,
    max_num_batched_tokens=8192,
)
_TINY_CACHE = Profile(
    name="tiny cache",
    about="quick steps, and room for some six receipts",
    source="Made up, as the one before: little memory, much pace.",
    speed=Speed(0.0025, 2e-5, 1e-6, 2e-7),
    kv_tokens=9_000,
    max_num_seqs=512,
    max_num_batched_tokens=4096,
    max_model_len=8192,
)
_ONE_CORE = replace(
    derived(SHEETS["a100-40gb"], Serving(512, 8192)),
    preprocessing=Preprocessing(0.15, 0.06),
    drift=Drift(amplitude=0.05, period=60.0, noise=0.05),
)
_PROMPT = derived(SHEETS["l4-24gb"], Serving(512, 2048))
_SLOW_CORE = replace(profile("slow"), preprocessing=Preprocessing(0.08, 0.12))


@dataclass(frozen=True)
class Case:
    """An engine, its pages, how long their callers wait, and how long for the first token."""

    name: str
    engine: Profile
    mix: Pages
    deadline: float = 10.0
    gpu: float = 24 * GIB
    unseen: bool = False
    first: float = math.inf


def cases() -> dict[str, Case]:
    """Those that the tuner was developed on, and those that were made up when it was finished.

    Three were made up after its first version. What the third of them showed (storms have to be
    judged by goodput) was mended, so it is not unseen any more; four more were made up after that.
    """
    seen = (
        Case("f-model", profile("f-model"), PlainMix()),
        Case("founding", profile("founding-4090d"), SMALLER),
        Case("l4", profile("l4-24gb"), OCR, 20.0),
        Case("drifting", profile("drifting"), PlainMix()),
        Case("narrow", profile("narrow"), SCREENSHOTS),
        Case("one slow core", _SLOW_CORE, OCR, 45.0),
    )
    unseen = (
        Case("receipts", _RECEIPTS_GPU, _RECEIPTS, 6.0, 40 * GIB, unseen=True),
        Case("crowded", _CROWDED, MICE_AND_ELEPHANTS, 15.0, unseen=True),
        Case("old card", _OLD_CARD, DENSE, 180.0, unseen=True),
        Case("tiny cache", _TINY_CACHE, _RECEIPTS, 5.0, unseen=True),
        Case("one core prepares", _ONE_CORE, OCR, 8.0, 40 * GIB, unseen=True),
        Case("first token", _PROMPT, MICE_AND_ELEPHANTS, 30.0, unseen=True, first=1.5),
    )
    return {case.name: case for case in (*seen, *unseen)}


_LEAST, _MINUTE = 20.0, 60.0
DRAWN = "drawn "
"""What drawn engines are called, with a number behind it."""


def drawn(number: int) -> Case:
    """The engine of that number, its GPU, its pages and the patience of their callers.

    Speed, cache, preprocessing and drift are those of :mod:`benchmarks.overload.strangers`, of the
    first whose callers wait a minute at most: a trial has two. Half of them can die: of some 12 to
    800 pages at once with nine tenths of the memory, by themselves or with a neighbour on the GPU
    that wakes up every few seconds or minutes.
    """
    chance = random.Random(f"an engine for the tuner, {number}")
    strangers = (stranger(1000 * number + each) for each in count())
    found = next(each for each in strangers if patience(each) <= _MINUTE)
    engine = replace(found, name=f"{DRAWN}{number}", memory=_memory(chance))
    mixes: list[Pages] = [OCR, SCREENSHOTS, SMALLER, MICE_AND_ELEPHANTS, PlainMix()]
    mix = chance.choice(mixes)
    gpu = chance.choice([16, 24, 40, 80]) * GIB
    return Case(engine.name, engine, mix, max(_LEAST, patience(engine)), gpu, unseen=True)


def _memory(chance: random.Random) -> Memory | None:
    headroom, carried = chance.uniform(0.5, 5.0) * GIB, _evenly(chance, 12, 800)
    neighbour = chance.choice([0.0, 0.25, 0.5, 0.75]) * headroom
    every, holds = _evenly(chance, 5.0, 180.0), chance.uniform(1.0, 15.0)
    if chance.random() < 0.5:
        return None
    return Memory(
        headroom,
        headroom / carried,
        neighbour=neighbour,
        wakes_per_second=1 / every if neighbour else 0.0,
        holds=holds,
    )


def _evenly(chance: random.Random, low: float, high: float) -> float:
    """Evenly by the logarithm."""
    return math.exp(chance.uniform(math.log(low), math.log(high)))


def named(name: str) -> Case:
    """The engine of that name."""
    return drawn(int(name.removeprefix(DRAWN))) if name.startswith(DRAWN) else cases()[name]

"""The tuner against an exhaustive sweep of the same settings, in virtual time, noise on.

``python -m benchmarks.load.tuner [--axes 1|3] [--only NAME,NAME | --drawn COUNT] [--seeds 5]``

The truth of a case is a sweep of every setting with pages and chances that the tuner never sees,
without ending any trial early; with three axes the sixteen best are then measured again for
longer, so that the best of many noisy figures is not taken for the truth. What a tuner reached is
the true goodput of the setting that it recommends, as a share of that of the best setting whose
pages fail within the SLO.
"""

import argparse
import json
import time
from collections.abc import Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from statistics import mean

from benchmarks.load.engines import DRAWN, Case, cases, named

from ocrgate.load.tune.choose import conclude
from ocrgate.load.tune.planner import propose
from ocrgate.load.tune.trial import (
    Axis,
    History,
    Purpose,
    Rules,
    Setting,
    Space,
    Stop,
    Trial,
    warmup,
)
from ocrgate.load.tune.virtual import Shape, Stand, serving, slots, unlimited

SEQUENCES = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
BATCHED = (2048, 4096, 8192, 16384)
SHARES = (0.75, 0.8, 0.85, 0.9, 0.95)
RULES = Rules()
NEAR = 16  # of the best with three axes are measured again, for longer
QUICK, LONG = (25.0, 300), (100.0, 600)  # seconds and pages of a measurement


def space(axes: int) -> Space:
    """What is searched."""
    sequences = Axis("max-num-seqs", SEQUENCES, 4, climbs=True, risky=True, restarts=True)
    if axes == 1:
        return Space((sequences,))
    return Space(
        (
            sequences,
            Axis("max-num-batched-tokens", BATCHED, 8192, restarts=True),
            Axis("gpu-memory-utilization", SHARES, 0.9, risky=True, restarts=True),
        )
    )


def stand(case: Case, axes: int, seed: int, long: tuple[float, int] = (120.0, 500)) -> Stand:
    """Where trials of a case are made; ``long``: seconds and pages of one."""
    shape: Shape = slots(case.engine) if axes == 1 else serving(case.engine, case.gpu)
    first = warmup(120.0, case.deadline)
    made = Stand(shape, case.mix, case.deadline, long[0], first, pages=long[1], seed=seed)
    return replace(made, first=case.first)


@dataclass(frozen=True)
class Truth:
    """Of one setting: goodput, and the share of pages that fail."""

    goodput: float
    failures: float


def true(asked: tuple[str, int, Setting, range, tuple[float, int]]) -> Truth:
    """Over so many seeds, seconds and pages."""
    name, axes, setting, seeds, long = asked
    trial = Trial(setting, Purpose.CLIMB)
    made = [unlimited(stand(named(name), axes, seed, long)).measure(trial) for seed in seeds]
    failed, all_ = sum(o.failed for o in made), sum(o.failed + o.served for o in made)
    return Truth(mean(one.goodput for one in made), failed / max(1, all_))


def sweep(pool: Executor, case: Case, axes: int) -> dict[Setting, Truth]:
    """Every setting; with three axes those near the best for longer."""
    settings: list[Setting] = list(product(*(axis.values for axis in space(axes).axes)))
    if axes == 1:
        return look(pool, case, axes, settings)
    found = look(pool, case, axes, settings, range(101, 102), QUICK)
    good = [key for key, one in found.items() if one.failures <= RULES.failures]
    near = sorted(good, key=lambda key: -found[key].goodput)[:NEAR]
    return look(pool, case, axes, near)


def look(
    pool: Executor,
    case: Case,
    axes: int,
    settings: Iterable[Setting],
    seeds: range = range(101, 106),
    long: tuple[float, int] = LONG,
) -> dict[Setting, Truth]:
    """The truth of some settings."""
    listed = list(settings)
    asked = [(case.name, axes, setting, seeds, long) for setting in listed]
    return dict(zip(listed, pool.map(true, asked, chunksize=2), strict=True))


def tuned(asked: tuple[str, int, int]) -> tuple[Setting | None, int, bool, History]:
    """What the tuner recommends, after how many trials, and whether it is sure of it."""
    name, axes, seed = asked
    history: History = ()
    place, range_ = stand(named(name), axes, seed), space(axes)
    while (trial := propose(history, range_, RULES)) is not None:
        history += (place.measure(trial, len(history)),)
    choice = conclude(history, range_, RULES)
    return choice.setting, len(history), choice.sure, history


@dataclass(frozen=True)
class Line:
    """One tuner's run."""

    case: str
    axes: int
    seed: int
    setting: Setting | None
    share: float
    failures: float
    trials: int
    deaths: int
    sure: bool
    best: Setting
    goodput: float


def lines(pool: Executor, case: Case, axes: int, seeds: range) -> list[Line]:
    """All runs of a case."""
    truth = sweep(pool, case, axes)
    results = list(pool.map(tuned, [(case.name, axes, seed) for seed in seeds]))
    missing = {setting for setting, *_ in results if setting is not None} - truth.keys()
    truth |= look(pool, case, axes, missing)  # so that the best is not below what was found
    good = {key: one for key, one in truth.items() if one.failures <= RULES.failures}
    best = max(good, key=lambda key: good[key].goodput)
    made = []
    for seed, (setting, trials, sure, history) in zip(seeds, results, strict=True):
        it = truth[setting] if setting else Truth(0.0, 0.0)
        share = it.goodput / good[best].goodput
        made.append(
            Line(
                case.name,
                axes,
                seed,
                setting,
                share,
                it.failures,
                trials,
                sum(one.stop in {Stop.DIED, Stop.UNSTARTED} for one in history),
                sure,
                best,
                good[best].goodput,
            )
        )
    return made


def told(setting: Setting | None) -> str:
    """A setting in a cell."""
    return "-" if setting is None else " / ".join(f"{value:g}" for value in setting)


def row(case: Case, found: list[Line]) -> str:
    """One line of the table: the worst and the mean over seeds."""
    shares = [line.share for line in found]
    cells = [
        case.name + (" (unseen)" if case.unseen else ""),
        told(found[0].best),
        f"{found[0].goodput:.2f}",
        ", ".join(dict.fromkeys(told(line.setting) for line in found)),
        f"{min(shares):.3f}",
        f"{mean(shares):.3f}",
        f"{max(line.failures for line in found):.2%}",
        f"{max(line.trials for line in found)}",
        f"{max(line.deaths for line in found)}",
    ]
    return "| " + " | ".join(cells) + " |"


HEAD = (
    "| case | best of the sweep | pages/s | recommended | worst / best | mean / best | "
    "failures, worst | trials, most | deaths, most |\n|---|---|--:|---|--:|--:|--:|--:|--:|"
)


def show(line: Line) -> None:
    """Every trial of a run."""
    print("   ", line)
    for one in tuned((line.case, line.axes, line.seed))[3]:
        why = f"{one.trial.purpose} {one.trial.repeat}"
        print(f"      {told(one.trial.setting)}: {one.goodput:.2f} ({why}) {one.stop or ''}")


def options() -> argparse.Namespace:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--axes", type=int, default=1, choices=(1, 3))
    made.add_argument("--only", help="comma-separated: " + ", ".join(cases()))
    made.add_argument("--drawn", type=int, default=0, help="so many engines drawn by chance")
    made.add_argument("--first", type=int, default=3000, help="the number of the first of them")
    made.add_argument("--seeds", type=int, default=5)
    made.add_argument("--workers", type=int, default=2)
    made.add_argument("--out", type=Path, help="write all runs as JSON")
    made.add_argument("--history", action="store_true", help="show every trial")
    return made.parse_args()


def main() -> None:
    """Run it."""
    asked = options()
    begun = time.monotonic()
    every: list[Line] = []
    print(HEAD)
    with ProcessPoolExecutor(asked.workers) as pool:
        names = asked.only.split(",") if asked.only else list(cases())
        if asked.drawn:
            numbers = range(asked.first, asked.first + asked.drawn)
            names = [f"{DRAWN}{number}" for number in numbers]
        for name in names:
            case = named(name)
            found = lines(pool, case, asked.axes, range(1, asked.seeds + 1))
            every += found
            print(row(case, found), flush=True)
            if asked.history:
                for line in found:
                    show(line)
    met = sum(line.share >= 0.97 for line in every)
    failed = sum(line.failures > RULES.failures for line in every)
    print(
        f"\n{met} of {len(every)} runs within 3 % of the best, {failed} fail too often, "
        f"{sum(line.deaths for line in every)} deaths; {time.monotonic() - begun:.0f} s"
    )
    if asked.out:
        asked.out.write_text(json.dumps([asdict(line) for line in every], indent=1))


if __name__ == "__main__":
    main()

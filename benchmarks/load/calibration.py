"""How near a plan comes after ``--calibrate``, on engines whose shares are drawn at random.

``python -m benchmarks.load.calibration [--engines 4] [--seed 5]``

Each engine has the data sheet of a known GPU, but everything that a plan assumes beside it is drawn
anew, each apart, as far off as the plan says it may be: so no single factor mends all. A record of
closed loops of 4, 16 and 32 callers is made of it in virtual time, the plan is calibrated by that
record, and what it says of its own number of pages at once is held against the engine itself.
"""

import argparse
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from statistics import median

from ocrgate.engines.recipes.catalogue import recipe_for
from ocrgate.load.plan.calibrate import calibrated
from ocrgate.load.plan.outlook import Interval, outlook
from ocrgate.load.plan.pages import named
from ocrgate.load.plan.uncertain import Known, draws
from ocrgate.load.plan.wish import Model, Wish, gpu, shape
from ocrgate.load.record import OK, Record, Run, Sample, Samples, Step, Target
from ocrgate.load.tally import Tally
from ocrgate.load.tune.trial import Purpose, Trial
from ocrgate.load.tune.virtual import Stand, slots, unlimited

GPUS = ("L4", "A10", "A100-80", "RTX4090")
CALLERS = (4, 16, 32)
SECONDS = 120


def wish(name: str) -> Wish:
    """HunyuanOCR on a GPU, all kinds of pages, nine of ten within half a minute."""
    recipe = recipe_for("tencent/HunyuanOCR")
    weights = shape("hunyuanocr")
    assert weights is not None
    model = Model(recipe.title, weights, recipe.cost.tokens, recipe.serving.batched_tokens or 0)
    return Wish(gpu(name), model, named("mix"), deadline=30.0)


def measured(real: Wish, callers: int, deadline: float, seed: int) -> float:
    """Pages a second of an engine with so many callers."""
    stand = Stand(
        slots(real.profile()), real.prepared, deadline, SECONDS, pages=600, seed=seed,
        max_tokens=real.model.cap,
    )  # fmt: skip
    return unlimited(stand).measure(Trial((callers,), Purpose.CONFIRM)).goodput


def record(real: Wish, callers: tuple[int, ...] = CALLERS) -> Record:
    """What ``ocrgate bench -c 4,16,32 -d 2m`` would write of an engine that counts tokens."""
    steps: list[Step] = []
    rows: list[Sample] = []
    for number, count in enumerate(callers):
        done = round(measured(real, count, math.inf, number) * SECONDS)
        line = dict.fromkeys(range(SECONDS), done // SECONDS)
        line[0] += done - sum(line.values())
        tally = Tally(outcomes={OK: done}, seconds={f"done:{OK}": line})
        steps.append(
            Step(
                index=number, loop="closed", concurrency=count, begins=0, ends=SECONDS, tally=tally
            )
        )
        rows += samples(real, number, done)
    run = Run(started="2026-11-26T17:00:00+00:00", target=Target(url="http://engine"))
    return Record(run=run, steps=steps, samples=Samples(rows=rows))


def samples(real: Wish, step: int, count: int) -> Iterator[Sample]:
    """The pages that :func:`measured` drew, in their order."""
    pages = real.prepared.pages(random.Random(f"pages {step} 0"))
    for number, page in enumerate(islice(pages, count)):
        written = real.model.cap if page.loops_at is not None else page.output_tokens
        yield Sample(
            number=number,
            step=step,
            intended=number,
            sent=number,
            done=number,
            input_tokens=page.input_tokens,
            output_tokens=min(real.model.cap, written),
        )


@dataclass(frozen=True)
class Case:
    """One engine: what was planned without and with its record, and what it gives at each."""

    gpu: str
    at_once_before: int
    before: Interval
    real_before: float
    at_once: int
    after: Interval
    real: float


def holds(interval: Interval, value: float) -> bool:
    """Whether a value lies where it is said to."""
    return interval.low <= value <= interval.high


def cases(engines: int, seed: int) -> Iterator[Case]:
    """So many engines of each GPU."""
    for number, name in enumerate(GPUS):
        base = wish(name)
        before = outlook(base, rungs=False)
        for real in draws(base, Known(), engines, seed + number):
            fit = calibrated(record(real), base)
            assert fit.pages is not None
            after = outlook(fit.applied(replace(base, pages=fit.pages)), fit.known, rungs=False)
            first, then = (
                measured(real, plan.at_once, base.deadline, 9) for plan in (before, after)
            )
            yield Case(name, before.at_once, before.rate, first, after.at_once, after.rate, then)


def main() -> None:
    """Run it."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--engines", type=int, default=4, help="of each GPU")
    made.add_argument("--seed", type=int, default=5)
    asked = made.parse_args()
    found = []
    print("| GPU | at once | real | planned | calibrated: at once | real | planned | / real |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for case in cases(asked.engines, asked.seed):
        found.append(case)
        print(
            f"| {case.gpu} | {case.at_once_before} | {case.real_before:.2f} | {told(case.before)} "
            f"| {case.at_once} | {case.real:.2f} | {told(case.after)} "
            f"| {case.after.middle / case.real:.2f} |",
            flush=True,
        )
    before = sorted(abs(math.log(case.before.middle / case.real_before)) for case in found)
    after = sorted(abs(math.log(case.after.middle / case.real)) for case in found)
    held = (
        sum(holds(case.before, case.real_before) for case in found),
        sum(holds(case.after, case.real) for case in found),
    )
    print(f"\nin the interval: {held[0]} before, {held[1]} after, of {len(found)}")
    for name, off in (("before", before), ("after", after)):
        usual, worst = math.exp(median(off)), math.exp(max(off))
        print(f"off {name}: by a factor of {usual:.2f} (median), {worst:.2f} at worst")


def told(interval: Interval) -> str:
    """A figure and where it lies."""
    return f"{interval.middle:.2f} ({interval.low:.2f} to {interval.high:.2f})"


if __name__ == "__main__":
    main()

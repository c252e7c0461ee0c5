"""How near a plan comes after ``--calibrate``, on engines whose shares are drawn at random.

``python -m benchmarks.load.calibration [--engines 4] [--seed 5]``

Each engine has the data sheet of a known GPU, but everything that a plan assumes beside it is drawn
anew, each apart, its pages too, as far off as the plan says it may be: so no single factor mends
all. A record of closed loops of 4, 16 and 32 callers is made of it in virtual time. Plans are made
three times: from the name of the pages alone, with the pages that the record counted, and
calibrated by it. What each says of its own number of pages at once is held against the engine
itself, which is given fewer, as by a gate, where that many come too late.
"""

import argparse
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from statistics import median

from ocrgate.engines.recipes.catalogue import recipe_for
from ocrgate.load.plan.calibrate import calibrated, counted
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


def carried(real: Wish, at_once: int) -> float:
    """Pages a second in time of an engine with so many at once, or half of that, or a quarter..."""
    numbers = [at_once >> halvings for halvings in range(at_once.bit_length())]
    return max(measured(real, number, real.deadline, 9) for number in numbers)


PLANS = ("named", "counted", "calibrated")
"""What a plan knows: what the pages are called, the pages themselves, the engine's pace too."""


@dataclass(frozen=True)
class Case:
    """A plan of an engine, and what the engine gives."""

    at_once: int
    planned: Interval
    real: float

    @property
    def held(self) -> bool:
        """Whether what is real lies where it was said to."""
        return self.planned.low <= self.real <= self.planned.high

    @property
    def off(self) -> float:
        """Times too high or too low."""
        return math.exp(abs(math.log(self.planned.middle / self.real)))


def cases(engines: int, seed: int) -> Iterator[tuple[str, tuple[Case, ...]]]:
    """So many engines of each GPU, each planned for in each way."""
    for number, name in enumerate(GPUS):
        base = wish(name)
        for real in draws(base, Known(), engines, seed + number):
            run = record(real)
            fit = calibrated(run, base)
            same = replace(base, pages=counted(run))
            plans = ((base, None), (same, None), (fit.applied(same), fit.known))
            yield name, tuple(_case(asked, known, real) for asked, known in plans)


def _case(planned: Wish, known: Known | None, real: Wish) -> Case:
    found = outlook(planned, known, rungs=False)
    return Case(found.at_once, found.rate, carried(real, found.at_once))


def main() -> None:
    """Run it."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--engines", type=int, default=4, help="of each GPU")
    made.add_argument("--seed", type=int, default=5)
    asked = made.parse_args()
    found = []
    print(f"| GPU | {' | '.join(f'{name}: at once | planned | real' for name in PLANS)} |")
    print("|---|" + "--:|" * 3 * len(PLANS))
    for name, each in cases(asked.engines, asked.seed):
        found.append(each)
        cells = [f"{case.at_once} | {told(case.planned)} | {case.real:.2f}" for case in each]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print("\n| pages and engine | in the interval | off, median | off, worst | width, median |")
    print("|---|--:|--:|--:|--:|")
    for name, column in zip(PLANS, zip(*found, strict=True), strict=True):
        print(f"| {name} | {summed(column)} |")


def summed(column: Sequence[Case]) -> str:
    """All engines with one kind of plan."""
    held = sum(case.held for case in column)
    off = [case.off for case in column]
    width = median(case.planned.high / case.planned.low for case in column)
    return f"{held} of {len(column)} | {median(off):.2f} | {max(off):.2f} | {width:.1f} times"


def told(interval: Interval) -> str:
    """A figure and where it lies."""
    return f"{interval.middle:.2f} ({interval.low:.2f} to {interval.high:.2f})"


if __name__ == "__main__":
    main()

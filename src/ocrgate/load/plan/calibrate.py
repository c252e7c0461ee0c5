"""A plan made surer by a run: how much slower the engine was than the data sheet has it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import stdev

from ocrgate.errors import InvalidRequest
from ocrgate.load.plan.pages import Measured
from ocrgate.load.plan.uncertain import Known
from ocrgate.load.plan.wish import Wish
from ocrgate.load.record import OK, Record, Step
from ocrgate.load.slo import throughput
from ocrgate.load.tune.trial import Purpose, Trial
from ocrgate.load.tune.virtual import Stand, slots, unlimited

_ROUNDS = 4
_LEAST = 20  # pages of a step from which it is believed
_SURE = 1.08  # a measurement on one day is no nearer to the next day's than that
_ELSEWHERE = 1.35  # times further off on another GPU than the one that was measured
_NINETY = 1.645


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a run says.

    Attributes:
        slower: times as long as the data sheet's model that steps take.
        known: how sure that is.
        pages: those of the run; None where their tokens were not told.
        steps: closed loops that were used, with pages a second measured and as modelled now.
    """

    slower: float
    known: Known
    pages: Measured | None
    steps: tuple[tuple[int, float, float], ...]


def calibrated(record: Record, wish: Wish, *, elsewhere: bool = False) -> Calibration:
    """Fit the pace of the model to the closed loops of a record.

    Args:
        record: a run against an engine as the wish has it, its slots not fewer than its callers.
        wish: with the GPU, the model and the side of that run.
        elsewhere: whether the plan is for another GPU than the run's.

    Raises:
        InvalidRequest: the record has no closed loop with enough pages.
    """
    pages = _pages(record)
    used = replace(wish, pages=pages) if pages else wish
    points = [(step.concurrency, rate) for step, rate in _steps(record) if step.concurrency]
    if not points:
        raise InvalidRequest(
            "the record has no closed loop (bench --concurrency) with "
            f"{_LEAST} pages or more to calibrate by",
            field="--calibrate",
        )
    slower = wish.assumed.slower
    modelled = [0.0] * len(points)
    for _ in range(_ROUNDS):
        now = replace(used, assumed=replace(wish.assumed, slower=slower))
        modelled = [_modelled(now, callers) for callers, _ in points]
        slower *= math.exp(_mean(_logs(points, modelled)))
    off = _logs(points, modelled)
    spread = math.exp(_NINETY * stdev(off)) if len(off) > 1 else 1.15
    pace = max(_SURE, spread) * (_ELSEWHERE if elsewhere else 1.0)
    return Calibration(
        slower,
        Known(pace, lengths=pages is not None),
        pages,
        tuple((n, rate, m) for (n, rate), m in zip(points, modelled, strict=True)),
    )


def _steps(record: Record) -> list[tuple[Step, float]]:
    found = []
    for step in record.steps:
        rate = throughput(step)
        enough = step.tally.outcomes.get(OK, 0) >= _LEAST
        if step.loop == "closed" and rate and enough and not step.client.saturated:
            found.append((step, rate))
    return found


def _pages(record: Record) -> Measured | None:
    counts = tuple(
        (sample.input_tokens // sample.pages, sample.output_tokens // sample.pages)
        for sample in record.samples.rows
        if sample.outcome == OK and sample.input_tokens and sample.output_tokens
    )
    return Measured(counts) if len(counts) >= _LEAST else None


def _modelled(wish: Wish, callers: int) -> float:
    stand = Stand(
        slots(wish.profile()),
        wish.prepared,
        math.inf,
        120.0,
        seed=7,
        pages=300,
        max_tokens=wish.model.cap,
    )
    return unlimited(stand).measure(Trial((callers,), Purpose.CONFIRM)).goodput


def _logs(points: Sequence[tuple[int, float]], modelled: Sequence[float]) -> list[float]:
    """How many times as fast as measured the model is, in logarithms."""
    return [math.log(max(m, 1e-9) / rate) for (_, rate), m in zip(points, modelled, strict=True)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

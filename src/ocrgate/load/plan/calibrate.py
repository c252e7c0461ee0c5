"""A plan made surer by a run: how much slower the engine was than the data sheet has it."""

from dataclasses import dataclass, replace
from functools import partial

from ocrgate.errors import InvalidRequest
from ocrgate.load.plan.fit import Loop, fitted, matched
from ocrgate.load.plan.pages import Measured, Replayed
from ocrgate.load.plan.uncertain import Known
from ocrgate.load.plan.wish import Wish
from ocrgate.load.record import OK, Record, Sample, Step
from ocrgate.load.slo import throughput
from ocrgate.simulate.gpus import Assumed

_LEAST = 20  # pages of a step from which it is believed
_ELSEWHERE = 1.35  # times further off on another GPU than the one that was measured


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a run says.

    Attributes:
        assumed: the wish's assumptions with the pace that was found.
        known: how sure that is.
        pages: those of the run; None where their tokens were not told.
        steps: closed loops that were used, with pages a second measured and as modelled now.
    """

    assumed: Assumed
    known: Known
    pages: Measured | None
    steps: tuple[tuple[int, float, float], ...]

    def applied(self, wish: Wish) -> Wish:
        """The wish with the pace that was found; its pages stay."""
        slower, start = self.assumed.slower, self.assumed.slower_start
        return replace(wish, assumed=replace(wish.assumed, slower=slower, slower_start=start))


def calibrated(record: Record, wish: Wish, *, elsewhere: bool = False) -> Calibration:
    """Fit the pace of the model to the closed loops of a record.

    Args:
        record: a run against an engine as the wish has it, its slots not fewer than its callers.
        wish: with the GPU, the model and the side of that run.
        elsewhere: whether the plan is for another GPU than the run's.

    Raises:
        InvalidRequest: the record has no closed loop with enough pages.
    """
    counts = _counts(record.samples.rows)
    loops = [_loop(record, step, rate) for step, rate in _steps(record)]
    if not loops:
        raise InvalidRequest(
            "the record has no closed loop (bench --concurrency) with "
            f"{_LEAST} pages or more to calibrate by",
            field="--calibrate",
        )
    fit = fitted(wish, loops)
    pace = fit.pace * (_ELSEWHERE if elsewhere else 1.0)
    return Calibration(
        fit.put(wish.assumed),
        Known(pace, matched=partial(matched, fit, wish, loops)),
        Measured(counts) if counts else None,
        tuple((one.callers, one.rate, rate) for one, rate in zip(loops, fit.rates, strict=True)),
    )


def counted(record: Record) -> Measured:
    """The pages of a run, to plan for the same.

    Raises:
        InvalidRequest: the server told the tokens of too few.
    """
    counts = _counts(record.samples.rows)
    if not counts:
        raise InvalidRequest(
            f"the record has fewer than {_LEAST} pages whose tokens the server told",
            field="--pages",
        )
    return Measured(counts)


def _steps(record: Record) -> list[tuple[Step, float]]:
    found = []
    for step in record.steps:
        rate = throughput(step, [s for s in record.samples.rows if s.step == step.index])
        enough = step.tally.outcomes.get(OK, 0) >= _LEAST
        if step.loop == "closed" and rate and enough and not step.client.saturated:
            found.append((step, rate))
    return [(step, rate) for step, rate in found if step.concurrency]


def _loop(record: Record, step: Step, rate: float) -> Loop:
    rows = sorted(record.of(step), key=lambda sample: sample.sent)
    counts = _counts(rows)
    pages = Replayed(counts) if counts else None
    return Loop(step.concurrency or 1, rate, step.seconds, pages)


def _counts(rows: list[Sample]) -> tuple[tuple[int, int], ...]:
    """Tokens of prompt and of text of each page; none where too few were told."""
    counts = tuple(
        (sample.input_tokens // sample.pages, sample.output_tokens // sample.pages)
        for sample in rows
        if sample.outcome == OK and sample.input_tokens and sample.output_tokens
    )
    return counts if len(counts) >= _LEAST else ()

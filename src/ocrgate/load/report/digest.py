"""The figures of a record, step by step: what tables, sentences and plots are made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from ocrgate.load import slo
from ocrgate.load.record import OK, Record, Sample, Step
from ocrgate.load.smooth import unimodal
from ocrgate.load.stats import Spread, quantile, spread, wilson

_SHORT = 2.999  # seconds; clocks read 3 s as a little less
_SHORT_LATENCIES = 4
_LEVEL = 0.02  # of goodput that is not worth more load
CUT = tuple(sorted(slo.WRONG))
"""Warnings with which an answer is not what was asked for."""


@dataclass(frozen=True, eq=False)
class StepDigest:
    """The figures of one step. Rates are per second of the measured window, shares 0 to 1.

    Attributes:
        samples: those that count; thinned evenly where the record says so.
        warming: those that were due before, which may have ended in the window.
        load: what the step held: callers at once (``concurrency``) or requests a second.
        in_flight: requests under way, averaged over the window.
        offered, throughput, goodput: requests that were due, answered, and answered as promised.
        pages, tokens: read per second, of what was answered.
        errors: share of requests without an answer.
        latency, first: seconds from the intended send, of what was answered.
        as_sent: the p99 as a client that waits for its turn would have told it.
    """

    step: Step
    promise: slo.Slo
    samples: Sequence[Sample] = field(repr=False)
    warming: Sequence[Sample] = field(default=(), repr=False)

    @cached_property
    def served(self) -> list[Sample]:
        """The samples that were answered."""
        return [sample for sample in self.samples if sample.outcome == OK]

    @cached_property
    def rows(self) -> list[Sample]:
        """All samples of the step, those of the warm-up first."""
        return [*self.warming, *self.samples]

    @property
    def load(self) -> float:
        """Callers at once or requests a second, as the step's loop has it."""
        held = self.step.concurrency if self.step.loop == "closed" else self.step.rate
        return float(held if held is not None else self.offered or 0.0)

    @property
    def total(self) -> int:
        """Requests that count."""
        return self.step.tally.total

    @cached_property
    def in_flight(self) -> float:
        """Requests under way on average: the time of all of them over the time of the window."""
        if self.step.loop == "closed" and self.step.concurrency is not None:
            return float(self.step.concurrency)
        return self._per_second("seconds")

    @cached_property
    def offered(self) -> float:
        """Requests a second that were due."""
        return slo.offered(self.step) or 0.0

    @cached_property
    def throughput(self) -> float:
        """Answers a second."""
        return slo.throughput(self.step, self.rows) or 0.0

    @cached_property
    def goodput(self) -> float:
        """Answers a second that kept what was promised."""
        return slo.goodput(self.promise, self.step, self.rows) or 0.0

    @property
    def pages(self) -> float:
        """Pages read a second."""
        return self.throughput * self._each("pages")

    @property
    def tokens(self) -> float:
        """Tokens generated a second."""
        return self.throughput * self._each("output_tokens")

    @property
    def errors(self) -> float:
        """Share of requests that got no answer."""
        return 1 - self.step.tally.outcomes.get(OK, 0) / self.total if self.total else 0.0

    @property
    def errors_between(self) -> tuple[float, float]:
        """Where the share of requests without an answer lies, 95 times of 100, by their number."""
        return wilson(self.total - self.step.tally.outcomes.get(OK, 0), self.total)

    @property
    def is_short(self) -> bool:
        """Whether the window is too short for a steady figure.

        That is one of less than three seconds or four requests one after the other: what was under
        way at either end weighs as much as what lies between.
        """
        typical = self.latency.p50 if self.latency else 0.0
        return self.step.seconds < max(_SHORT, _SHORT_LATENCIES * typical)

    @cached_property
    def latency(self) -> Spread | None:
        """Seconds from the intended send to the last byte."""
        return spread(sample.latency for sample in self.served)

    @cached_property
    def first(self) -> Spread | None:
        """Seconds from the intended send to the first token or byte."""
        return spread(s.first - s.intended for s in self.served if s.first is not None)

    @cached_property
    def as_sent(self) -> float | None:
        """The p99 from the actual send, which leaves out what requests waited for their turn."""
        return quantile(sorted(sample.done - sample.sent for sample in self.served), 0.99)

    @property
    def waits_hidden(self) -> bool:
        """Whether counting from the actual send would leave out a good part of the p99."""
        if self.latency is None or self.as_sent is None:
            return False
        return self.latency.p99 > 1.2 * self.as_sent + 0.01

    @cached_property
    def cer(self) -> Spread | None:
        """Share of characters that were wrong, where the text was known."""
        return spread(sample.cer for sample in self.served if sample.cer is not None)

    @cached_property
    def quality(self) -> dict[str, float]:
        """Share of answers by what is wrong with them; ``degraded`` is as the server chose."""
        if not self.served:
            return {}
        marks = {mark: sum(mark in s.warnings for s in self.served) for mark in CUT}
        marks["degraded"] = sum(bool(s.degraded) for s in self.served)
        return {mark: count / len(self.served) for mark, count in marks.items()}

    @cached_property
    def wrong(self) -> float | None:
        """Share of answers that are not what was asked for; None without answers."""
        count = sum(bool(slo.WRONG & set(s.warnings)) for s in self.served)
        return count / len(self.served) if self.served else None

    @property
    def held(self) -> bool | None:
        """Whether all that was promised was kept; None where nothing was."""
        verdicts = self.step.verdicts
        return all(verdict.held for verdict in verdicts) if verdicts else None

    def _per_second(self, what: str) -> float:
        seconds = self.step.seconds
        return self.step.tally.sums.get(what, 0.0) / seconds if seconds else 0.0

    def _each(self, what: str) -> float:
        answered = self.step.tally.outcomes.get(OK, 0)
        return self.step.tally.sums.get(what, 0.0) / answered if answered else 0.0


@dataclass(frozen=True)
class Digest:
    """The figures of a run, its steps by rising load."""

    record: Record
    steps: Sequence[StepDigest]

    @property
    def promise(self) -> slo.Slo:
        """What was promised."""
        return slo.Slo(MappingProxyType(self.record.run.slo))

    @property
    def total(self) -> int:
        """Requests of all steps."""
        return sum(each.total for each in self.steps)

    @property
    def answered(self) -> int:
        """Requests that got an answer."""
        return sum(each.step.tally.outcomes.get(OK, 0) for each in self.steps)

    @property
    def is_sweep(self) -> bool:
        """Whether several loads were tried in one way, so that there is a curve."""
        return len(self.steps) > 1 and len({each.step.loop for each in self.steps}) == 1

    @cached_property
    def outcomes(self) -> dict[str, int]:
        """Requests by what went wrong, the most frequent first; without the answered."""
        counts: dict[str, int] = {}
        for each in self.steps:
            for outcome, count in each.step.tally.outcomes.items():
                counts[outcome] = counts.get(outcome, 0) + count
        counts.pop(OK, None)
        return dict(sorted(counts.items(), key=lambda item: -item[1]))

    @cached_property
    def knee(self) -> StepDigest | None:
        """The smallest load within 2 % of the best goodput; None without a curve.

        It is no knee but the end of what was tried where :attr:`knee_is_last`.
        """
        if not self.is_sweep or not any(each.goodput for each in self.steps):
            return None
        measured = [each.goodput for each in self.steps]
        smooth = unimodal(measured)  # loads stand far apart: a peak of one of them is a peak
        enough = (1 - _LEVEL) * max(smooth)
        pairs = zip(self.steps, measured, smooth, strict=True)
        return next(each for each, value, fitted in pairs if max(value, fitted) >= enough)

    @property
    def knee_is_last(self) -> bool:
        """Whether goodput still grew at the highest load that was tried."""
        return self.knee is self.steps[-1] if self.knee else False

    @cached_property
    def best_held(self) -> StepDigest | None:
        """The highest load at which all that was promised was kept."""
        return next((each for each in reversed(self.steps) if each.held), None)

    @property
    def saturated(self) -> list[StepDigest]:
        """Steps whose figures are the client's."""
        return [each for each in self.steps if each.step.client.saturated]

    @property
    def begins(self) -> float:
        """Seconds of the run at which the first step starts."""
        return min((each.step.warm_from for each in self.steps), default=0.0)

    @property
    def ends(self) -> float:
        """Seconds of the run at which the last thing happened."""
        last = [each.step.ends for each in self.steps]
        lines = (line for each in self.steps for line in each.step.tally.seconds.values() if line)
        return max([*last, *(float(max(line)) + 1 for line in lines)], default=0.0)


def digest(record: Record) -> Digest:
    """The figures of a record. Steps in which nothing was measured are left out."""
    promise = slo.Slo(MappingProxyType(record.run.slo))
    rows: dict[tuple[int, bool], list[Sample]] = {}
    begins = {step.index: step.begins for step in record.steps}
    for sample in record.samples.rows:
        counts = sample.intended >= begins.get(sample.step, 0.0)
        rows.setdefault((sample.step, counts), []).append(sample)
    steps = [
        StepDigest(
            step, promise, rows.get((step.index, True), ()), rows.get((step.index, False), ())
        )
        for step in record.steps
    ]
    steps = [each for each in steps if each.total]
    return Digest(record, tuple(sorted(steps, key=lambda each: (each.step.loop, each.load))))

"""What a service promises, and whether a run shows that it keeps it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ocrgate.errors import InvalidRequest
from ocrgate.load import quantities
from ocrgate.load.record import OK, Sample, Step, Verdict
from ocrgate.load.stats import quantile, wilson, without_one

USUAL = 0.99
"""The quantile that is meant where none is named."""

WRONG = frozenset({"empty", "truncated", "repetition"})
"""Warnings with which an answer is not what was asked for."""

_TIMES = ("e2e", "ttft", "tpot")
_SHARES = ("error", "wrong", "degraded", "cer")
_YES_OR_NO = frozenset({"wrong", "degraded"})
_LEAST = ("goodput", "throughput")
_NAME = re.compile(rf"({'|'.join(_TIMES)})(?:\.p(\d\d?(?:\.\d+)?))?")


@dataclass(frozen=True, slots=True)
class Slo:
    """Limits by name, in the order in which they were given.

    Names: ``e2e`` and ``ttft`` (intended send to last byte and to first text) and ``tpot`` (time
    per output token after the first), seconds at the 99th percentile or at another (``e2e.p95``);
    ``error`` (share of requests without an answer), ``wrong`` (share of answers that are empty, cut
    short or repeat), ``degraded``, ``cer`` (share of characters); ``goodput`` and ``throughput``,
    requests a second at least.
    """

    limits: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def __bool__(self) -> bool:
        return bool(self.limits)

    def time(self, what: str) -> float | None:
        """What a single request may take: the limit at the highest quantile; None for no limit.

        A promise for half of all requests says nothing of one that is not among them.
        """
        named = [(match, limit) for name, limit in self.limits.items() if (match := _time(name))]
        found = [(match[1], limit) for match, limit in named if match[0] == what]
        return max(found, default=(0.0, None))[1]

    def good(self, sample: Sample) -> bool:
        """Whether a request got what was promised: an answer, whole, in time."""
        return sample.outcome == OK and not WRONG & set(sample.warnings) and self.timely(sample)

    def timely(self, sample: Sample) -> bool:
        """Whether an answer came within all times that were promised, right or wrong."""
        e2e, ttft, tpot = map(self.time, _TIMES)
        return (
            (e2e is None or sample.latency <= e2e)
            and (ttft is None or sample.first is None or sample.first - sample.intended <= ttft)
            and (tpot is None or (_tpot(sample) or 0.0) <= tpot)
        )


def parse(text: str) -> Slo:
    """``e2e=5s,ttft.p95=1s,error=1%``.

    Raises:
        InvalidRequest: a name that there is not, or a value that is none.
    """
    limits: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not equals:
            raise InvalidRequest(f"--slo {part!r}: written as e2e=5s,error=1%", field="--slo")
        limits[name] = _limit(name, value)
    if not limits:
        raise InvalidRequest("--slo is empty", field="--slo")
    return Slo(MappingProxyType(limits))


def _limit(name: str, value: str) -> float:
    if _NAME.fullmatch(name):
        return quantities.duration(value, f"--slo {name}")
    if name in _SHARES:
        return quantities.share(value, f"--slo {name}")
    if name in _LEAST:
        return quantities.number(value, f"--slo {name}")
    known = ", ".join((*_TIMES, *_SHARES, *_LEAST))
    raise InvalidRequest(f"--slo has no {name!r}; there are {known}", field="--slo")


def _time(name: str) -> tuple[str, float] | None:
    """The time and the quantile that a limit is for; None where it is for something else."""
    found = _NAME.fullmatch(name)
    return (found[1], float(found[2]) / 100 if found[2] else USUAL) if found else None


def at_least(name: str) -> bool:
    """Whether a limit is a floor: more is better."""
    return name in _LEAST


def verdicts(slo: Slo, step: Step, samples: Sequence[Sample]) -> list[Verdict]:
    """What a step says of each promise, by its tally and its samples (thinned or not)."""
    return [_verdict(name, slo, step, samples) for name in slo.limits]


def _verdict(name: str, slo: Slo, step: Step, samples: Sequence[Sample]) -> Verdict:
    limit, value = slo.limits[name], measured(name, slo, step, samples)
    if value is None:
        return Verdict(name=name, limit=limit, value=None, held=False)
    held = value >= limit if at_least(name) else value <= limit
    told = counts(name, limit, step, samples)
    return Verdict(name=name, limit=limit, value=value, held=held, sure=told.sure if told else None)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a promise is decided by: how many broke it, of how many, and which share may."""

    broken: int
    of: int
    allowed: float

    @property
    def sure(self) -> bool:
        """Whether another run of the same length would hardly say otherwise (95 of 100).

        As if requests had nothing to do with each other; where they have, it is less sure.
        """
        low, high = wilson(self.broken, self.of)
        return high <= self.allowed or low > self.allowed

    @property
    def enough(self) -> int:
        """Requests of which none may break the promise until it is sure to be kept."""
        return without_one(self.allowed)


def counts(name: str, limit: float, step: Step, samples: Sequence[Sample]) -> Counts | None:
    """The counts behind a promise of a share, or of a time that a share of all keeps."""
    if name == "error":
        return Counts(step.tally.total - step.tally.outcomes.get(OK, 0), step.tally.total, limit)
    served = [sample for sample in counted(step, samples) if sample.outcome == OK]
    if (timed := _time(name)) is not None:
        times = _times(timed[0], served)
        return Counts(sum(each > limit for each in times), len(times), 1 - timed[1])
    if name not in _YES_OR_NO:
        return None
    marks = [_MARKS[name](sample) for sample in served]
    return Counts(sum(map(bool, marks)), len(marks), limit)


def counted(step: Step, samples: Sequence[Sample]) -> list[Sample]:
    """Those that count: due after the warm-up."""
    return [sample for sample in samples if sample.intended >= step.begins]


def measured(name: str, slo: Slo, step: Step, samples: Sequence[Sample]) -> float | None:
    """The value that a limit of that name is held against; None where nothing was measured."""
    if name == "throughput":
        return throughput(step, samples)
    if name == "goodput":
        return goodput(slo, step, samples)
    if name == "error":
        return _share(step.tally.total - step.tally.outcomes.get(OK, 0), step.tally.total)
    served = [sample for sample in counted(step, samples) if sample.outcome == OK]
    if (timed := _time(name)) is not None:
        return quantile(sorted(_times(timed[0], served)), timed[1])
    return _mean(_MARKS[name](sample) for sample in served)


def throughput(step: Step, samples: Sequence[Sample] = ()) -> float | None:
    """Answers a second while load was offered; what came after it had gone does not count.

    Args:
        step: with its tally.
        samples: of the step, those of the warm-up too: what a window of less than three whole
            seconds is counted by. Without them all answers count there, late ones too.
    """
    answers = step.tally.outcomes.get(OK, 0)
    if samples and step.seconds > 0 and not _is_long(step):
        return _inside(step, samples, answers) / step.seconds
    return _rate(step, step.tally.seconds.get(f"done:{OK}", {}), answers)


def _inside(step: Step, samples: Sequence[Sample], answers: int) -> float:
    """Answers that came in the window, by the instant of each; more where samples were thinned."""
    served = [sample for sample in samples if sample.outcome == OK]
    told = len(counted(step, served))
    inside = sum(step.begins <= sample.done <= step.ends for sample in served)
    return inside * answers / told if told else inside


def goodput(slo: Slo, step: Step, samples: Sequence[Sample]) -> float | None:
    """Requests a second that got what was promised: throughput less what was late or wrong."""
    rate = throughput(step, samples)
    served = [sample for sample in counted(step, samples) if sample.outcome == OK]
    if rate is None or not samples:
        return rate
    return rate * (_share(sum(map(slo.good, served)), len(served)) or 0.0)


def offered(step: Step) -> float | None:
    """Requests a second that were due."""
    return _rate(step, step.tally.seconds.get("offered", {}), step.tally.total)


_WHOLE = 3  # seconds below which the time line is too coarse


def _rate(step: Step, line: Mapping[int, int], total: int) -> float | None:
    """Of whole seconds, so that a warm-up and what came after the end are left out exactly."""
    if step.begins <= step.warm_from and max(line, default=0) < step.ends:
        return total / step.seconds if step.seconds > 0 else None  # neither is there
    first, last = _whole(step)
    if last - first >= _WHOLE:
        return sum(line.get(second, 0) for second in range(first, last)) / (last - first)
    return total / step.seconds if step.seconds > 0 else None


def _whole(step: Step) -> tuple[int, int]:
    """The first and the end of the whole seconds of the window."""
    return int(-(-step.begins // 1)), int(step.ends // 1)


def _is_long(step: Step) -> bool:
    first, last = _whole(step)
    return last - first >= _WHOLE


def _times(what: str, served: Sequence[Sample]) -> list[float]:
    if what == "e2e":
        return [sample.latency for sample in served]
    if what == "ttft":
        return [each.first - each.intended for each in served if each.first is not None]
    return [found for each in served if (found := _tpot(each)) is not None]


def _tpot(sample: Sample) -> float | None:
    if sample.first is None or sample.output_tokens < 2:
        return None
    return (sample.done - sample.first) / (sample.output_tokens - 1)


_MARKS: Mapping[str, Callable[[Sample], float | None]] = {
    "wrong": lambda sample: float(bool(WRONG & set(sample.warnings))),
    "degraded": lambda sample: float(bool(sample.degraded)),
    "cer": lambda sample: sample.cer,
}


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None

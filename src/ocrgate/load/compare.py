"""Several servers under the same load, one after the other: who carries how much, and how steadily.

Each is asked with the same pages at the same instants (the seed decides both). This module reads
what came of it; running is the runner's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ocrgate.load.record import OK, Record, Step
from ocrgate.load.report import meters
from ocrgate.load.report.digest import Digest, StepDigest, digest
from ocrgate.load.report.tables import Cell, Table
from ocrgate.load.report.words import (
    NOTHING,
    Words,
    count,
    gibibytes,
    rate,
    seconds,
    share,
    share_between,
)

_HALT = 3  # seconds without an answer that are worth a word, at least
_HALT_LATENCIES = 5  # and so many typical latencies
_SLOWER = 0.8  # of the first third's throughput in the last one
_SURE = 3.0  # standard deviations of a count that are no chance


@dataclass(frozen=True)
class Contender:
    """A server and what came of its run.

    Attributes:
        name: what it is called in the table.
        record: None where it could not be tested.
        trouble: why not, or why the run ended early; empty where all went well.
    """

    name: str
    record: Record | None
    trouble: str = ""

    @cached_property
    def digest(self) -> Digest | None:
        """The figures; None without a record or without a request."""
        found = digest(self.record) if self.record else None
        return found if found and found.steps else None

    @property
    def best(self) -> StepDigest | None:
        """The load that speaks for it: the best goodput where every SLO was kept, else of all."""
        if self.digest is None:
            return None
        held = [each for each in self.digest.steps if each.held]
        if held:
            return max(held, key=lambda each: each.goodput)
        return self.digest.knee or max(self.digest.steps, key=lambda each: each.goodput)


def names(urls: Sequence[str], kinds: Sequence[str]) -> list[str]:
    """What servers are called: by their kind, with the address where two are of one kind."""
    return [
        kind if kind and kinds.count(kind) == 1 else f"{kind} {url}".strip()
        for url, kind in zip(urls, kinds, strict=True)
    ]


def table(contenders: Sequence[Contender], words: Words) -> Table:
    """One row for each server, at its best load; columns that nobody fills are left out."""
    rows = [_row(each, words) for each in contenders]
    keys = [
        key
        for key in (rows[0] if rows else {})
        if key in _ALWAYS or any(row[key].text != NOTHING for row in rows)
    ]
    columns = [words(f"column.{key}") for key in keys]
    return Table("servers", "", columns, [[row[key] for key in keys] for row in rows], named=2)


_ALWAYS = {"server", "load", "errors", "stability"}


def _row(each: Contender, words: Words) -> dict[str, Cell]:
    best = each.best
    latency = best.latency if best else None
    found = meters.lines(each.record.series) if each.record else {}
    memory = _peak_memory(found)
    preempted = meters.grown(found, "preemptions")
    cer = best.cer.mean if best and best.cer else None
    goodput = best.goodput if best and best.promise else None
    return {
        "server": Cell(each.name, each.name),
        "load": Cell(words.load(best) if best else NOTHING, best.load if best else None),
        "throughput": _cell(rate, best.throughput if best else None),
        "goodput": _cell(rate, goodput),
        "pages": _cell(rate, best.pages if best else None),
        "p50": _cell(seconds, latency.p50 if latency else None),
        "p99": _cell(seconds, latency.told("p99") if latency else None),
        "errors": _errors(best),
        "failed": _failed(each),
        "cer": _cell(share, cer),
        "memory": _cell(gibibytes, memory),
        "preemptions": Cell(NOTHING if preempted is None else count(round(preempted)), preempted),
        "stability": Cell(_stability(each, words)),
    }


def _errors(best: StepDigest | None) -> Cell:
    if best is None:
        return Cell(NOTHING)
    return Cell(share_between(best.errors, best.errors_between), best.errors)


def _cell(worded: object, value: float | None) -> Cell:
    return Cell(worded(value) if callable(worded) else NOTHING, value)


def _failed(each: Contender) -> Cell:
    """What went wrong over all loads, the most frequent first."""
    outcomes: Mapping[str, int] = each.digest.outcomes if each.digest else {}
    told = ", ".join(f"{name} {count(times)}" for name, times in list(outcomes.items())[:3])
    return Cell(told or NOTHING, float(sum(outcomes.values())))


def _peak_memory(found: meters.Lines) -> float | None:
    """Of the GPU where it is told, else of the server's process."""
    gpu = meters.highest(found, "gpu_memory_bytes")
    return gpu if gpu is not None else meters.highest(found, "server_memory_bytes")


def _stability(each: Contender, words: Words) -> str:
    if each.trouble:
        return each.trouble
    if each.digest is None or each.record is None:
        return words("stability.nothing")
    again = meters.restarts(meters.lines(each.record.series))
    if again:
        return words("stability.restarted", times=again)
    told = [text for step in each.digest.steps if (text := _unsteady(step, words))]
    return told[0] if told else words("stability.steady")


def _unsteady(each: StepDigest, words: Words) -> str:
    """Why a load was not held steadily; empty where it was."""
    typical = each.latency.p50 if each.latency else 0.0
    stood = halt(each.step)
    if stood >= max(_HALT, _HALT_LATENCIES * typical):
        return words("stability.halted", seconds=seconds(stood), load=words.load(each))
    slower = slowdown(each.step)
    if slower is not None:
        return words("stability.slower", share=share(slower), load=words.load(each))
    return ""


def halt(step: Step) -> float:
    """The longest time in seconds without a single answer while requests were due."""
    answers = step.tally.seconds.get(f"done:{OK}", {})
    offered = step.tally.seconds.get("offered", {})
    longest = stood = 0
    waited = False
    for second in range(math.ceil(step.begins), math.floor(step.ends)):
        if answers.get(second):
            stood, waited = 0, False
        else:
            waited = waited or bool(offered.get(second)) or step.loop == "closed"
            stood += 1
            longest = max(longest, stood) if waited else longest
    return float(longest)


def slowdown(step: Step) -> float | None:
    """By which share fewer answers came in the last third than in the first.

    None where it is less than a fifth, or no more than chance makes of counts that small.
    """
    answers = step.tally.seconds.get(f"done:{OK}", {})
    first, last = math.ceil(step.begins), math.floor(step.ends)
    third = (last - first) // 3
    if third < 1:
        return None
    early = sum(answers.get(second, 0) for second in range(first, first + third))
    late = sum(answers.get(second, 0) for second in range(last - third, last))
    if late >= _SLOWER * early or early - late < _SURE * math.sqrt(early + late):
        return None
    return 1 - late / early

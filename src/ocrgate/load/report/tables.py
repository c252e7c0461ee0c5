"""The figures of a run as tables: for the page, for the terminal, for a spreadsheet."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ocrgate.load.record import OK, Step
from ocrgate.load.report.digest import Digest, StepDigest
from ocrgate.load.report.summary import limits
from ocrgate.load.report.words import (
    NOTHING,
    Words,
    count,
    gibibytes,
    moment,
    rate,
    seconds,
    share,
    share_between,
)
from ocrgate.load.stats import spread, wilson

Tone = Literal["", "good", "bad", "warn"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One field: what is read, and what it is sorted by (None: nothing there)."""

    text: str
    value: float | str | None = None
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows. ``named`` columns, from the left, are words; the others are figures."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    named: int = 1


def steps(digest: Digest, words: Words) -> Table:
    """One row for each step; columns that say nothing in any step are left out."""
    rows = [
        _row(each, name, words)
        for each, name in zip(digest.steps, words.loads(digest.steps), strict=True)
    ]
    keys = list(rows[0]) if rows else []
    idle = {key for key in keys if all(row[key].text == NOTHING for row in rows)}
    if all(each.step.loop == "closed" for each in digest.steps):
        idle |= {"offered"}  # by callers who wait: what is answered, and what is refused at once
    if not any(each.waits_hidden for each in digest.steps):
        idle |= {"as_sent"}
    keys = [key for key in keys if key not in idle]
    columns = [words(f"column.{key}") for key in keys]
    return Table(
        "steps", words("section.tables"), columns, [[row[key] for key in keys] for row in rows]
    )


def _row(each: StepDigest, name: str, words: Words) -> dict[str, Cell]:
    latency, first = each.latency, each.first
    promise = each.promise
    return {
        "load": Cell(name, each.load),
        "requests": Cell(count(each.total), each.total),
        "offered": _number(each.offered, rate(each.offered)),
        "throughput": _number(each.throughput, rate(each.throughput)),
        "goodput": _number(each.goodput, rate(each.goodput)) if promise else Cell(NOTHING),
        "pages": _number(each.pages, rate(each.pages)),
        "tokens": _number(each.tokens or None, rate(each.tokens or None)),
        "errors": _errors(each),
        **{
            key: _time(latency.told(key) if latency else None)
            for key in ("p50", "p90", "p95", "p99")
        },
        "largest": _time(latency.largest if latency else None),
        "as_sent": _time(each.as_sent),
        "first_p50": _time(first.p50 if first else None),
        "first_p99": _time(first.told("p99") if first else None),
        "cer": _share(each.cer.mean if each.cer else None),
        "wrong": _share(each.wrong or None),
        "degraded": _share(each.quality.get("degraded") or None),
        "slo": _verdict(each, words),
        "client": _client(each.step, words),
    }


def _errors(each: StepDigest) -> Cell:
    """With where it lies: none of fifty says little."""
    text = share_between(each.errors, each.errors_between)
    return Cell(text, each.errors, "bad" if each.errors > 0.01 else "")


def _number(value: float | None, text: str) -> Cell:
    return Cell(text, value)


def _time(value: float | None) -> Cell:
    return Cell(seconds(value), value)


def _share(value: float | None) -> Cell:
    return Cell(share(value), value)


def _verdict(each: StepDigest, words: Words) -> Cell:
    if each.held is None:
        return Cell(NOTHING)
    return (
        Cell(words("page.kept"), 1.0, "good")
        if each.held
        else Cell(words("page.broken"), 0.0, "bad")
    )


def _client(step: Step, words: Words) -> Cell:
    busy = bool(step.client.saturated)
    text = words("client.saturated" if busy else "client.fine")
    return Cell(text, float(busy), "warn" if busy else "")


def groups(digest: Digest, words: Words) -> Table | None:
    """One row for each lane, key and kind of page; None where there is but one of each."""
    keys = {group for each in digest.steps for group in each.step.tally.groups}
    kinds = {group.partition("=")[0] for group in keys}
    telling = {
        kind for kind in kinds if sum(1 for key in keys if key.partition("=")[0] == kind) > 1
    }
    chosen = sorted(key for key in keys if key.partition("=")[0] in telling)
    if not chosen:
        return None
    rows = [_group(digest, key) for key in chosen]
    names = ("group", "requests", "answered", "errors", "p50", "p99")
    columns = [words(f"column.{name}") for name in names]
    return Table("groups", words("section.groups"), columns, rows)


def _group(digest: Digest, key: str) -> list[Cell]:
    counts: dict[str, int] = {}
    for each in digest.steps:
        for outcome, times in each.step.tally.groups.get(key, {}).items():
            counts[outcome] = counts.get(outcome, 0) + times
    total, answered = sum(counts.values()), counts.get(OK, 0)
    waits = spread(s.latency for each in digest.steps for s in each.served if _belongs(s, key))
    spots = [waits.told(name) if waits else None for name in ("p50", "p99")]
    errors = 1 - answered / total if total else 0.0
    return [
        Cell(key.replace("=", " "), key),
        Cell(count(total), total),
        Cell(count(answered), answered),
        Cell(
            share_between(errors, wilson(total - answered, total)),
            errors,
            "bad" if errors > 0.01 else "",
        ),
        *map(_time, spots),
    ]


def _belongs(sample: object, key: str) -> bool:
    kind, _, value = key.partition("=")
    return str(getattr(sample, {"class": "page_class"}.get(kind, kind))) == value


def failures(digest: Digest, words: Words) -> Table | None:
    """What servers said when they gave no answer: the first words of each kind, once."""
    times: dict[tuple[str, str], list[float]] = {}
    for failure in digest.record.failures:
        times.setdefault((failure.outcome, failure.message), []).append(failure.at)
    if not times:
        return None
    counts = digest.outcomes
    rows = [
        [
            Cell(outcome, outcome),
            Cell(count(counts.get(outcome, 0)), counts.get(outcome, 0)),
            Cell(seconds(min(when)), min(when)),
            Cell(message, message),
        ]
        for (outcome, message), when in times.items()
    ]
    columns = [words(f"column.{name}") for name in ("outcome", "requests", "first_at", "message")]
    return Table("failures", words("section.failures"), columns, rows, named=4)


def events(digest: Digest, words: Words) -> Table | None:
    """What happened once, and what the run wants to be known."""
    record = digest.record
    rows = [
        [Cell(seconds(e.at), e.at), Cell(e.kind, e.kind), Cell(e.text, e.text)]
        for e in record.events
    ]
    rows += [[Cell(NOTHING), Cell(NOTHING), Cell(note, note)] for note in record.run.notes]
    if not rows:
        return None
    columns = [words(f"column.{name}") for name in ("at", "what", "message")]
    return Table("events", words("section.events"), columns, rows, named=3)


def facts(digest: Digest, words: Words) -> Table:
    """What was run, on what, from where."""
    run, machine = digest.record.run, digest.record.run.machine
    where = [
        machine.processor,
        f"{machine.cores} cores" if machine.cores else "",
        gibibytes(machine.memory_bytes) if machine.memory_bytes else "",
        machine.system,
        f"Python {machine.python}" if machine.python else "",
    ]
    told = {
        "target": run.target.url,
        "kind": run.target.kind,
        "server": " ".join(filter(None, (run.target.server, run.target.version))),
        "model": run.target.model,
        "gpus": ", ".join(machine.gpus),
        "command": run.command,
        "arrivals": _parameters(run.arrivals),
        "work": _parameters(run.work),
        "slo": limits(run.slo),
        "seed": "" if run.seed is None else str(run.seed),
        "started": moment(run.started),
        "length": seconds(digest.ends),
        "machine": ", ".join(filter(None, where)),
    }
    rows = [
        [Cell(words(f"fact.{name}"), name), Cell(text, text)] for name, text in told.items() if text
    ]
    columns = [words("column.what"), words("column.value")]
    return Table("facts", words("section.facts"), columns, rows, named=2)


def _parameters(values: dict[str, object]) -> str:
    return ", ".join(
        f"{name} {_parameter(value)}" for name, value in values.items() if value not in (None, "")
    )


def _parameter(value: object) -> str:
    if isinstance(value, dict):
        return f"({_parameters(value)})"
    if isinstance(value, list | tuple):
        return " ".join(_parameter(each) for each in value)
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def plain(table: Table) -> str:
    """A table as lines of text with columns under one another."""
    rows = [list(table.columns), *([cell.text for cell in row] for row in table.rows)]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            _padded(text, width, left=place < table.named)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _width(text: str) -> int:
    """Columns of a terminal; letters of East Asia take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int, *, left: bool) -> str:
    room = " " * (width - _width(text))
    return text + room if left else room + text

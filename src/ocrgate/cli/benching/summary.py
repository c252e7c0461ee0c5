"""What a run came to: for people in some lines, for programs as JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from ocrgate.load import knee
from ocrgate.load.record import OK, Record, Sample, Verdict
from ocrgate.load.report import meters
from ocrgate.load.report.digest import Digest, StepDigest, digest
from ocrgate.load.report.summary import promised
from ocrgate.load.report.words import (
    NOTHING,
    count,
    gibibytes,
    measured,
    rate,
    seconds,
    share,
    share_between,
)
from ocrgate.load.slo import counts
from ocrgate.load.stats import Spread, spread, wilson

_WINDOWS = 12  # of a ramp
_FALLS_BEHIND = 0.15  # share of what is due in a window; a page takes a while, and chance plays
_TOLD = 6  # kinds of failures that are named


def lines(record: Record) -> Iterator[str]:
    """A run for people."""
    found = digest(record)
    work = record.run.work
    yield f"{work.get('source')}: {count(work.get('documents', 0))} documents"
    for note in record.run.notes:
        yield f"note: {note}"
    for step in found.steps:
        yield ""
        yield from _step(step, record)
    if not found.steps:
        yield "nothing was measured"
    if found.is_sweep:
        yield ""
        yield from _sweep(found)


def _step(each: StepDigest, record: Record) -> Iterator[str]:
    name = each.step.label or _name(each)
    early = "" if each.step.finished else ", ended early; what was under way then does not count"
    yield f"{name}, {seconds(each.step.seconds)}{early}"
    yield from _rows(_facts(each, record))
    yield from _groups(each)
    for verdict in each.step.verdicts:
        yield _row("SLO", _verdict(verdict, each))


def _name(each: StepDigest) -> str:
    if each.step.loop == "closed":
        return f"closed loop, {each.step.concurrency} at once"
    return f"open loop, {rate(each.step.rate)}/s" if each.step.rate else "open loop"


def _facts(each: StepDigest, record: Record) -> Iterator[tuple[str, str]]:
    answered = each.step.tally.outcomes.get(OK, 0)
    yield "requests", f"{count(answered)} of {count(each.total)} answered{_failed(each)}"
    yield "throughput", _throughput(each, promised=bool(each.promise))
    if each.step.loop == "open" and each.step.rate is None:
        yield "kept up", _kept_up(each)
    if each.latency is not None:
        yield "latency", f"{_spread(each.latency)}  from the intended send"
    if each.first is not None and _streamed(each):
        yield "first text", _spread(each.first)
    if each.cer is not None or any(each.quality.values()):
        yield "text", _quality(each)
    if each.is_short and each.latency is not None:
        yield "TOO SHORT", _too_short(each)
    if flight := _in_flight(record, each):
        yield "in flight", flight
    if server := _server(record, each):
        yield "server", server
    yield "client", _client(each)


def _too_short(each: StepDigest) -> str:
    """A warning about the figures of a window that is hardly longer than a request."""
    typical = each.latency.p50 if each.latency else 0.0
    return (
        f"{seconds(each.step.seconds)} for requests of {seconds(typical)}: what was under way at "
        "either end weighs much; rates are no steady ones"
    )


def _streamed(each: StepDigest) -> bool:
    """Whether text came before the end; else the first byte says what the last one does."""
    first, whole = each.first, each.latency
    return first is not None and whole is not None and first.mean < 0.98 * whole.mean


def _failed(each: StepDigest) -> str:
    told = f"; {share_between(each.errors, each.errors_between)} failed"
    wrong = [(name, n) for name, n in each.step.tally.outcomes.items() if name != OK]
    if not wrong:
        return told
    wrong.sort(key=lambda pair: -pair[1])
    named = ", ".join(f"{name} {count(n)}" for name, n in wrong[:_TOLD])
    return f"{told}: {named}"


def _throughput(each: StepDigest, *, promised: bool) -> str:
    offered = "" if each.step.loop == "closed" else f" of {rate(each.offered)}/s offered"
    parts = [f"{rate(each.throughput)}/s{offered}"]
    if each.pages and abs(each.pages - each.throughput) > 0.01 * each.throughput:
        parts.append(f"{rate(each.pages)} pages/s")
    if each.tokens:
        parts.append(f"{rate(each.tokens)} tokens/s")
    if promised:
        parts.append(f"{rate(each.goodput)}/s as promised")
    return ", ".join(parts)


def _kept_up(each: StepDigest) -> str:
    """Up to which rate of a ramp answers followed requests."""
    found = knee.saturation(windows(each), within=_FALLS_BEHIND)
    if found is None:
        return "to the end"
    return f"to about {rate(found[0])}/s; beyond it answers fell behind"


def windows(each: StepDigest) -> list[tuple[float, float]]:
    """Requests due and answers a second, in windows of equal length by rising rate."""
    first, last = ceil(each.step.begins), int(each.step.ends)
    width = max(1, (last - first) // _WINDOWS)
    lines = each.step.tally.seconds
    due, done = lines.get("offered", {}), lines.get(f"done:{OK}", {})
    starts = range(first, last - width + 1, width)
    found = [
        (sum(line.get(second, 0) for second in range(start, start + width)) / width)
        for start in starts
        for line in (due, done)
    ]
    return sorted(zip(found[::2], found[1::2], strict=True))


def _spread(found: Spread) -> str:
    named = {"p50": found.p50, "p90": found.p90, "p95": found.p95, "p99": found.p99}
    parts = [f"{name} {seconds(value)}" for name, value in named.items() if found.tells(name)]
    return "  ".join([*parts, f"max {seconds(found.largest)}"])


def _quality(each: StepDigest) -> str:
    parts = []
    if each.cer is not None:
        parts.append(f"{share(each.cer.mean)} of characters wrong ({count(each.cer.count)} pages)")
    parts += [f"{share(part)} {mark}" for mark, part in each.quality.items() if part]
    return ", ".join(parts)


def _in_flight(record: Record, each: StepDigest) -> str:
    """Requests on the wire, beside what Little's law makes of answers and latency."""
    last = {
        point.name: point.value
        for point in record.series
        if each.step.begins <= point.at <= each.step.ends + 1
    }
    mean, expected = last.get("in_flight_mean"), last.get("in_flight_by_little")
    if mean is None or expected is None:
        return ""
    return f"{mean:.3g} on average ({expected:.3g} by Little's law)"


def _server(record: Record, each: StepDigest) -> str:
    step = each.step
    found = meters.lines(
        point for point in record.series if step.begins <= point.at <= step.ends + 1
    )
    named = (
        ("KV", share, meters.highest(found, "kv_usage")),
        ("running", _short, meters.highest(found, "running")),
        ("waiting", _short, meters.highest(found, "waiting")),
        ("backlog", _short, meters.highest(found, "backlog")),
        ("limit", _short, meters.highest(found, "limit")),
        ("GPU memory", gibibytes, meters.highest(found, "gpu_memory_bytes")),
        ("GPU", _degrees, meters.highest(found, "gpu_temperature")),
    )
    parts = [f"{name} {shown(value)}" for name, shown, value in named if value is not None]
    text = f"at most {', '.join(parts)}" if parts else ""
    preempted = meters.grown(found, "preemptions")
    return text + (f"; {count(round(preempted))} preemptions" if preempted else "")


def _short(value: float | None) -> str:
    return NOTHING if value is None else f"{value:g}"


def _degrees(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0f} °C"


def _client(each: StepDigest) -> str:
    client = each.step.client
    if client.saturated:
        return f"THE LIMIT IS THE CLIENT, not the server: {client.saturated}"
    return f"on time ({seconds(client.late_p99)} late at p99), {client.cpu:.0%} of a core"


def _groups(each: StepDigest) -> Iterator[str]:
    """Results by lane, key and class of page, where there are several."""
    for title, name in (("lane", "lane"), ("key", "key"), ("class", "page_class")):
        groups = _by(each.samples, name)
        if len(groups) > 1:
            for value, samples in groups.items():
                shown = f"{title} {int(value) + 1 if title == 'key' else value or 'none'}"
                yield _row(shown, _group(samples))


def _by(samples: Iterable[Sample], name: str) -> dict[Any, list[Sample]]:
    found: dict[Any, list[Sample]] = {}
    for sample in samples:
        found.setdefault(getattr(sample, name), []).append(sample)
    return dict(sorted(found.items()))


def _group(samples: Sequence[Sample]) -> str:
    served = [sample for sample in samples if sample.outcome == OK]
    text = f"{share(len(served) / len(samples))} of {count(len(samples))} answered"
    found = spread(sample.latency for sample in served)
    if found is None:
        return text
    tail = f"p99 {seconds(found.p99)}" if found.tells("p99") else f"max {seconds(found.largest)}"
    return f"{text}  p50 {seconds(found.p50)}  {tail}"


def _verdict(verdict: Verdict, each: StepDigest) -> str:
    value = NOTHING if verdict.value is None else measured(_kind(verdict.name), verdict.value)
    told = f"{promised(verdict.name, verdict.limit)}: {value}, {_word(held=verdict.held)}"
    return told + (f"; {doubtful(verdict, each)}" if verdict.sure is False else "")


def doubtful(verdict: Verdict, each: StepDigest) -> str:
    """Why a promise may come out otherwise in another run of that length."""
    found = counts(verdict.name, verdict.limit, each.step, each.rows)
    if found is None:
        return ""
    low, high = wilson(found.broken, found.of)
    shown = share_between(found.broken / found.of if found.of else 0.0, (low, high))
    text = f"not sure: of {count(found.of)} requests {shown} broke it"
    if verdict.held and found.enough > found.of:
        text += f", it takes {count(found.enough)} of which none does"
    return text


def _kind(name: str) -> str:
    return name.partition(".")[0]


def _word(*, held: bool) -> str:
    return "kept" if held else "MISSED"


def _sweep(found: Digest) -> Iterator[str]:
    """All loads side by side, and where more gives nothing more."""
    head = ("load", "answered/s", "as promised/s", "p50", "p99", "failed", "SLO")
    rows = [head, *(_cells(each) for each in found.steps)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    if found.knee is not None:
        more = "; it still grew at the highest load" if found.knee_is_last else ""
        yield f"within 2 % of the best from {found.knee.load:g} on{more}"


def _cells(each: StepDigest) -> tuple[str, ...]:
    latency = each.latency
    held = {None: NOTHING, True: "kept", False: "MISSED"}[each.held]
    return (
        f"{each.load:g}",
        rate(each.throughput),
        rate(each.goodput),
        seconds(latency.told("p50") if latency else None),
        seconds(latency.told("p99") if latency else None),
        share(each.errors),
        held,
    )


def _rows(facts: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, text in facts:
        yield _row(name, text)


def _row(name: str, text: str) -> str:
    return f"  {name:<18} {text}"


@dataclass(frozen=True, slots=True)
class Nothing:
    """Why no request succeeded: in words, and whether the server was only full."""

    text: str
    refused: bool


def why_nothing(record: Record) -> Nothing | None:
    """What came instead of answers; None where there was one, or nothing was sent."""
    outcomes: Counter[str] = Counter()
    for step in record.steps:
        outcomes.update(step.tally.outcomes)
    if not outcomes or outcomes[OK]:
        return None
    named = ", ".join(f"{name} {count(n)}" for name, n in outcomes.most_common(_TOLD))
    said = record.failures[0].message if record.failures else ""
    refused = {"overloaded", "rate_limited", "draining", "http_429", "http_503"}
    return Nothing(f"{named} ({said})" if said else named, outcomes.keys() <= refused)


def as_json(record: Record) -> dict[str, Any]:
    """A run for programs: the figures, without single samples (those are in the record)."""
    found = digest(record)
    run = record.run
    return {
        "ocrgate_bench_summary": 1,
        "target": {"url": run.target.url, "kind": run.target.kind, "model": run.target.model},
        "started": run.started,
        "work": run.work,
        "slo": run.slo,
        "notes": run.notes,
        "steps": [_step_json(each) for each in found.steps],
        "events": [{"at": at.at, "kind": at.kind, "text": at.text} for at in record.events],
    }


_FIELDS = {"lane": "lane", "key": "key", "class": "page_class"}


def _groups_json(each: StepDigest) -> dict[str, Any]:
    """Outcomes, latency and the share as promised by ``lane=batch``, ``key=0``, ``class=page``."""
    found: dict[str, Any] = {}
    for group, outcomes in sorted(each.step.tally.groups.items()):
        title, _, value = group.partition("=")
        field = _FIELDS.get(title, title)
        members = [sample for sample in each.samples if str(getattr(sample, field, "")) == value]
        latency = spread(sample.latency for sample in members if sample.outcome == OK)
        good = sum(map(each.promise.good, members)) / len(members) if members else None
        found[group] = {
            "outcomes": outcomes,
            "as_promised": good,
            "latency_seconds": asdict(latency) if latency else None,
        }
    return found


def _step_json(each: StepDigest) -> dict[str, Any]:
    client = each.step.client
    return {
        "loop": each.step.loop,
        "load": each.load,
        "seconds": each.step.seconds,
        "finished": each.step.finished,
        "requests": each.total,
        "outcomes": each.step.tally.outcomes,
        "offered_per_second": each.offered,
        "throughput_per_second": each.throughput,
        "goodput_per_second": each.goodput,
        "pages_per_second": each.pages,
        "output_tokens_per_second": each.tokens,
        "in_flight": each.in_flight,
        "error_share": each.errors,
        "error_share_interval": each.errors_between,
        "too_short": each.is_short,
        "latency_seconds": asdict(each.latency) if each.latency else None,
        "first_text_seconds": asdict(each.first) if each.first else None,
        "character_error_rate": asdict(each.cer) if each.cer else None,
        "quality": each.quality,
        "groups": _groups_json(each),
        "client": {
            "late_p99_seconds": client.late_p99,
            "loop_lag_p99_seconds": client.lag_p99,
            "cores": client.cpu,
            "saturated": client.saturated,
        },
        "verdicts": [
            {"name": v.name, "limit": v.limit, "value": v.value, "held": v.held, "sure": v.sure}
            for v in each.step.verdicts
        ],
    }

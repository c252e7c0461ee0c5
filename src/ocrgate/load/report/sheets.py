"""Records as CSV: for spreadsheets, and for whoever would rather count for themselves."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ocrgate.load.record import Record, Sample
from ocrgate.load.report.digest import Digest, StepDigest
from ocrgate.load.stats import Spread

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def steps(digest: Digest) -> Iterator[str]:
    """One line for each step, plain numbers in seconds, shares and per second; headings first."""
    rows = [_step(each) for each in digest.steps]
    head = list(rows[0]) if rows else list(_COLUMNS)
    yield from _lines([head, *(list(row.values()) for row in rows)])


def samples(record: Record) -> Iterator[str]:
    """One line for each request that was kept, its fields as in the record; headings first."""
    names = Sample.__struct_fields__
    yield from _lines([names])
    for sample in record.samples.rows:
        yield from _lines([[_field(getattr(sample, name)) for name in names]])


_COLUMNS = ("step", "loop", "load")
_TIMES = ("p50", "p90", "p95", "p99", "mean", "smallest", "largest")


def _step(each: StepDigest) -> dict[str, Any]:
    step, cer = each.step, each.cer
    return {
        "step": step.index,
        "loop": step.loop,
        "load": each.load,
        "label": step.label,
        "seconds": step.seconds,
        "finished": step.finished,
        "requests": each.total,
        "offered_per_second": each.offered,
        "answered_per_second": each.throughput,
        "goodput_per_second": each.goodput,
        "pages_per_second": each.pages,
        "output_tokens_per_second": each.tokens,
        "in_flight": each.in_flight,
        "error_share": each.errors,
        "error_share_low": each.errors_between[0],
        "error_share_high": each.errors_between[1],
        **_times("latency", each.latency),
        **_times("first", each.first),
        "latency_as_sent_p99": each.as_sent,
        "cer_mean": cer.mean if cer else None,
        "wrong_share": each.wrong,
        "degraded_share": each.quality.get("degraded"),
        "slo_kept": each.held,
        "client_saturated": step.client.saturated,
    }


def _times(name: str, spread: Spread | None) -> dict[str, float | None]:
    return {f"{name}_{part}": getattr(spread, part) if spread else None for part in _TIMES}


def _field(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, tuple) else value


def _lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow([_safe(value) for value in row])
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def _safe(value: object) -> object:
    """Words that a server chose are no formula of the reader's spreadsheet."""
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value

"""Whether pages are still read right under load: what answers were like, and how far off."""

from ocrgate.load.report.digest import CUT, Digest, StepDigest
from ocrgate.load.report.plots.carries import Doubts, load_axis
from ocrgate.load.report.plots.figure import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    VIOLET,
    Figure,
    Layout,
    Trace,
    axis,
    limits,
    line,
    share_axis,
    short,
)
from ocrgate.load.report.words import Words

_COLOURS = {"degraded": "#17a2b8", "empty": ORANGE, "repetition": VIOLET, "truncated": "#b5651d"}


def quality(digest: Digest, words: Words) -> Figure:
    """All requests of each step, by what their answer was like."""
    names, across = _bars(digest, words)
    parts = [_parts(each) for each in digest.steps]
    shown = ["ok", "degraded", *CUT, "failed"]
    traces: list[Trace] = [
        {
            "type": "bar",
            "name": words(f"line.{mark}"),
            "x": names,
            "y": short(part[mark] for part in parts),
            "marker": {"color": {"ok": GREEN, "failed": RED, **_COLOURS}[mark]},
        }
        for mark in shown
        if mark == "ok" or any(part[mark] for part in parts)
    ]
    layout = {
        "xaxis": across,
        "yaxis": axis(words("axis.share_requests"), tickformat=".0%", range=[0, 1]),
        "barmode": "stack",
    }
    return Figure("quality", words("plot.quality"), words("plot.quality_help"), traces, layout)


def _bars(digest: Digest, words: Words) -> tuple[list[str], Layout]:
    """What stands under each bar: the load alone where all are of one kind, else its name."""
    if digest.is_sweep and not any(each.step.label for each in digest.steps):
        loads = [f"{each.load:.4g}" for each in digest.steps]
        if len(set(loads)) == len(loads):
            _, across = load_axis(digest, words)
            return loads, {"type": "category", "title": across["title"]}
    return words.loads(digest.steps), {"type": "category", "tickangle": 0}


def _parts(each: StepDigest) -> dict[str, float]:
    """Shares of all requests; an answer with two faults counts as the worse one."""
    answered = 1 - each.errors
    size = max(len(each.served), 1)
    parts = dict.fromkeys(("degraded", *CUT), 0.0)
    for sample in each.served:
        marks = [mark for mark in CUT if mark in sample.warnings]
        marks = marks or (["degraded"] if sample.degraded else [])
        if marks:
            parts[marks[0]] += answered / size
    return {**parts, "ok": max(answered - sum(parts.values()), 0.0), "failed": each.errors}


def cer_load(digest: Digest, doubts: Doubts, words: Words) -> Figure | None:
    """Characters wrong against load; None where no text was known."""
    if not any(each.cer for each in digest.steps):
        return None
    x, across = load_axis(digest, words)
    means = [each.cer.mean if each.cer else None for each in digest.steps]
    bars = limits([doubt.interval("cer") if doubt else None for doubt in doubts], means)
    traces = [
        line(
            words("line.mean"),
            x,
            means,
            mode="lines+markers",
            line={"color": BLUE},
            marker={"size": 7},
            error_y={**bars, "color": BLUE},
        ),
    ]
    tails = [each.cer.p95 if each.cer else None for each in digest.steps]
    traces.append(line("p95", x, tails, line={"color": ORANGE, "dash": "dash"}))
    upright = share_axis(words("axis.cer"), max(tail or 0.0 for tail in tails))
    title, explained = words("plot.cer_load"), words("plot.cer_load_help")
    return Figure("cer-load", title, explained, traces, {"xaxis": across, "yaxis": upright})

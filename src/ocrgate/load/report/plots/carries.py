"""Curves over load: throughput, goodput, latency, and where they bend."""

import math
from collections.abc import Sequence

from ocrgate.load.report.blocks import Resampled
from ocrgate.load.report.digest import Digest, StepDigest
from ocrgate.load.report.plots.figure import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    VIOLET,
    Figure,
    Layout,
    Trace,
    axis,
    limits,
    line,
    rule,
    short,
    time_axis,
)
from ocrgate.load.report.words import Words, seconds

Doubts = Sequence[Resampled | None]
"""Of each step of a digest, in its order."""


def load_axis(digest: Digest, words: Words) -> tuple[list[float], Layout]:
    """Where the steps stand, and the axis they stand on; loads that differ widely are spread."""
    loops = {each.step.loop for each in digest.steps}
    if len(loops) > 1:
        places, title = [each.in_flight for each in digest.steps], words("load.axis_mixed")
    else:
        places = [each.load for each in digest.steps]
        title = words("load.axis_closed" if loops == {"closed"} else "load.axis_open")
    wide = len(places) > 2 and min(places) > 0 and max(places) / min(places) >= 8
    marks = {"tickvals": short(places)} if 1 < len(places) <= 9 else {}
    return places, axis(title, **({"type": "log"} if wide else {"rangemode": "tozero"}), **marks)


def carries(digest: Digest, doubts: Doubts, words: Words) -> Figure:
    """Offered, answered and answered as promised, against load."""
    x, across = load_axis(digest, words)
    steps = digest.steps
    offered = [each.offered for each in steps]
    traces = [
        _curve(words("line.answered"), x, steps, "throughput", doubts, BLUE),
    ]
    if digest.promise:
        traces.append(_curve(words("line.goodput"), x, steps, "goodput", doubts, GREEN))
    if any(each.step.loop == "open" for each in steps):
        traces.insert(
            0,
            line(
                words("line.offered"),
                x,
                offered,
                mode="lines+markers",
                line={"color": GREY, "dash": "dot"},
                marker={"color": GREY, "size": 6},
            ),
        )
    layout: Layout = {"xaxis": across, "yaxis": axis(words("axis.per_second"), rangemode="tozero")}
    if digest.knee and not digest.knee_is_last:
        _mark(layout, x[list(steps).index(digest.knee)], words("line.knee"), upright=True)
    return Figure(
        "carries", words("plot.carries"), words("plot.carries_help"), traces, layout, wide=True
    )


def latency_load(digest: Digest, doubts: Doubts, words: Words) -> Figure:
    """Half, p95 and p99 of the latency against load, and the p99 that others would tell."""
    x, across = load_axis(digest, words)
    traces = [
        _quantile(words(f"line.{name}"), x, digest.steps, name, doubts, colour)
        for name, colour in (("p50", BLUE), ("p95", ORANGE), ("p99", RED))
    ]
    if any(each.waits_hidden for each in digest.steps):
        sent = [each.as_sent for each in digest.steps]
        style = {"color": VIOLET, "dash": "dash"}
        traces.append(line(words("line.as_sent"), x, sent, line=style, mode="lines"))
    told = [each.latency for each in digest.steps if each.latency]
    bounds = [bound for spread in told for bound in (spread.p50, spread.p99)]
    upright = time_axis(words("axis.latency"), bounds)
    layout: Layout = {"xaxis": across, "yaxis": upright}
    limit = digest.promise.time("e2e")
    if limit:
        _mark(layout, limit, words("line.slo", limit=seconds(limit)), upright=False, log=True)
    title, explained = words("plot.latency_load"), words("plot.latency_load_help")
    return Figure("latency-load", title, explained, traces, layout, wide=True)


def _mark(layout: Layout, at: float, label: str, *, upright: bool, log: bool = False) -> None:
    """Add a dotted line; on logarithmic axes annotations count in exponents, shapes do not."""
    shape, note = rule(at, label, upright=upright)
    here = "x" if upright else "y"
    if log or layout.get(f"{here}axis", {}).get("type") == "log":
        note[here] = math.log10(at)
    layout.setdefault("shapes", []).append(shape)
    layout.setdefault("annotations", []).append(note)


def _curve(
    name: str,
    x: Sequence[float],
    steps: Sequence[StepDigest],
    measure: str,
    doubts: Doubts,
    colour: str,
) -> Trace:
    values: list[float | None] = [getattr(each, measure) for each in steps]
    return _points(name, x, values, measure, doubts, colour)


def _quantile(
    name: str,
    x: Sequence[float],
    steps: Sequence[StepDigest],
    measure: str,
    doubts: Doubts,
    colour: str,
) -> Trace:
    values = [each.latency.told(measure) if each.latency else None for each in steps]
    return _points(name, x, values, measure, doubts, colour)


def _points(
    name: str,
    x: Sequence[float],
    values: Sequence[float | None],
    measure: str,
    doubts: Doubts,
    colour: str,
) -> Trace:
    bounds = [doubt.interval(measure) if doubt else None for doubt in doubts]
    bars = {**limits(bounds, values), "color": colour}
    marks = {"color": colour, "size": 7}
    return line(
        name,
        x,
        values,
        mode="lines+markers",
        line={"color": colour},
        marker=marks,
        error_y=bars,
    )

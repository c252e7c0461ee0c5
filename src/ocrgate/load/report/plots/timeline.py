"""What happened when: requests by outcome, single latencies, and the meters of the server."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from ocrgate.load.record import OK, Point, Sample
from ocrgate.load.report import meters
from ocrgate.load.report.digest import Digest, StepDigest
from ocrgate.load.report.plots.figure import (
    BLUE,
    COLOURS,
    DASHES,
    GREEN,
    GREY,
    ORANGE,
    RED,
    VIOLET,
    Figure,
    Layout,
    Trace,
    axis,
    line,
    ramp,
    short,
    text,
    time_axis,
)
from ocrgate.load.report.words import Words

_BINS = 300
_DOTS = 2500
_READINGS = 600  # of one line
_LINES = 12  # in one plot


def errors_time(digest: Digest, words: Words) -> Figure:
    """Requests per second by what came of them, stacked, under the line of what was offered."""
    width = bin_width(digest.ends - digest.begins)
    outcomes = [OK, *digest.outcomes]
    colours = dict(zip(outcomes, (GREEN, *_failing(len(outcomes) - 1)), strict=True))
    traces: list[Trace] = []
    for outcome in outcomes:
        name = words("line.ok_answer") if outcome == OK else outcome
        x, y = binned(digest.steps, f"done:{outcome}", width)
        traces.append(
            {
                "type": "bar",
                "name": text(name),
                "x": short(at + width / 2 for at in x),
                "y": short(y),
                "width": width,
                "marker": {"color": colours[outcome], "line": {"width": 0}},
            }
        )
    x, y = binned(digest.steps, "offered", width)
    style = {"color": GREY, "width": 1.5, "shape": "hvh"}
    traces.append(line(words("line.offered"), [at + width / 2 for at in x], y, line=style))
    layout = {
        **_times(digest, words),
        "yaxis": axis(words("axis.per_second"), rangemode="tozero"),
        "barmode": "stack",
        "bargap": 0,
    }
    title, explained = words("plot.errors_time"), words("plot.errors_time_help")
    return Figure("errors-time", title, explained, traces, layout, wide=True)


def _failing(kinds: int) -> list[str]:
    """Colours of what went wrong, the most frequent in red."""
    others = (RED, ORANGE, VIOLET, "#b5651d", "#c2549d", GREY)
    return [others[min(place, len(others) - 1)] for place in range(kinds)]


def bin_width(seconds: float) -> int:
    """Seconds of a bar, so that there are not too many: 1, 2, 5, 10…"""
    width, steps = 1, (2.0, 2.5, 2.0)
    turn = 0
    while seconds / width > _BINS:
        width = round(width * steps[turn % 3])
        turn += 1
    return width


def binned(steps: Sequence[StepDigest], what: str, width: int) -> tuple[list[float], list[float]]:
    """Something of the time lines, per second: where bins begin, and the rate in each."""
    counts: dict[int, int] = {}
    for each in steps:
        for second, times in each.step.tally.seconds.get(what, {}).items():
            counts[second // width] = counts.get(second // width, 0) + times
    if not counts:
        return [], []
    places = range(min(counts), max(counts) + 1)
    return [float(p * width) for p in places], [counts.get(p, 0) / width for p in places]


def latency_time(digest: Digest, words: Words) -> Figure:
    """Latencies one by one at the time they were due, and crosses for what failed."""
    rows = digest.record.samples.rows
    drawn = rows[:: len(rows) // _DOTS + 1]
    served = [sample for sample in drawn if sample.outcome == OK]
    traces = [
        _dots(
            name, [s for s in served if s.step == each.step.index], ramp(place, len(digest.steps))
        )
        for place, (name, each) in enumerate(
            zip(words.loads(digest.steps), digest.steps, strict=True)
        )
    ]
    failed = [sample for sample in drawn if sample.outcome != OK]
    if failed:
        traces.append(_dots(words("line.failed"), failed, RED, symbol="x"))
    layout = {
        **_times(digest, words),
        "yaxis": time_axis(words("axis.latency"), (s.latency for s in drawn)),
    }
    title, explained = words("plot.latency_time"), words("plot.latency_time_help")
    return Figure("latency-time", title, explained, traces, layout, wide=True)


def _dots(name: str, samples: Sequence[Sample], colour: str, symbol: str = "circle") -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": text(name),
        "x": short(sample.intended for sample in samples),
        "y": short(max(sample.latency, 1e-4) for sample in samples),
        "marker": {
            "color": colour,
            "size": 4 if len(samples) > _FEW else 8,
            "opacity": 0.6,
            "symbol": symbol,
        },
    }


_Plot = tuple[str, tuple[str, ...], str, Layout]
_METERS: tuple[_Plot, ...] = (
    ("cache", ("kv_usage", "gpu_utilization"), "share", {"tickformat": ".0%", "range": [0, 1.05]}),
    ("queue", ("running", "admitted", "waiting", "backlog", "in_flight", "limit"), "count", {}),
    ("preempted", ("preemptions", "rejections", "refusals"), "each_second", {}),
    ("ledger", ("kv_held_tokens", "kv_promised_tokens", "kv_capacity_tokens"), "tokens", {}),
    ("written", ("generated_tokens", "wasted_tokens"), "tokens_second", {}),
    ("memory", ("gpu_memory_bytes", "server_memory_bytes"), "gigabytes", {}),
    ("heat", ("gpu_temperature",), "celsius", {"rangemode": "normal"}),
    ("ladder", ("ladder_rung", "breaker"), "state", {"dtick": 1}),
    ("client", ("client_cpu",), "share", {"tickformat": ".0%"}),
)
_FEW = 200  # dots of a colour that are drawn large enough to be found
_SAID_ELSEWHERE = {"client_lag", "in_flight_mean", "in_flight_by_little"}
_KNOWN = frozenset(name for _, names, _, _ in _METERS for name in names) | _SAID_ELSEWHERE


def server(digest: Digest, words: Words) -> list[Figure]:
    """The meters, each kind in a plot of its own; those without a reading are left out."""
    found = meters.lines(digest.record.series)
    figures = [
        _metered(name, lines, axis(words(f"axis.{unit}"), **{"rangemode": "tozero", **more}))
        for name, shown, unit, more in _METERS
        if (lines := list(_drawn({n: found[n] for n in shown if n in found}, words)))
    ]
    rest = {name: sources for name, sources in found.items() if name not in _KNOWN}
    if rest:
        figures.append(_metered("other", list(_drawn(rest, words)), axis("")))
    return [
        Figure(
            f.name,
            words(f"plot.{f.name}"),
            words(f"plot.{f.name}_help"),
            f.traces,
            {**_times(digest, words), **f.layout, "showlegend": True},  # it names what is drawn
        )
        for f in figures
    ]


def _metered(name: str, traces: list[Trace], upright: Layout) -> Figure:
    return Figure(name, "", "", traces, {"yaxis": upright})


def _drawn(found: meters.Lines, words: Words) -> Iterator[Trace]:
    """A line for each meter and source, as many as an eye can follow."""
    chosen = [(n, s, points) for n, sources in found.items() for s, points in sources.items()]
    for place, (name, source, points) in enumerate(chosen[:_LINES]):
        alone = len(found[name]) == 1  # then the number of its only engine says nothing
        label = words.known(f"series.{name}", name) + ("" if alone else f" · {source}")
        x, y = _scaled(name)(_thinned(name, points))
        style: dict[str, Any] = {"color": COLOURS[place % len(COLOURS)], "width": 1.8}
        if name == "limit":
            style |= {"color": GREY, "dash": DASHES[1], "shape": "hv", "width": 2.2}
        elif name == "kv_usage":
            style |= {"color": BLUE}
        yield line(label, x, y, line=style)


def _thinned(name: str, points: Sequence[Point]) -> Sequence[Point]:
    """As many as a screen shows; of gauges the highest of neighbours, since peaks matter."""
    width = len(points) // _READINGS + 1
    if width == 1 or name in meters.COUNTERS:
        return points[::width]
    starts = range(0, len(points), width)
    return [max(points[start : start + width], key=lambda p: p.value) for start in starts]


Scaled = Callable[[Sequence[Point]], tuple[list[float], list[float]]]


def _scaled(name: str) -> Scaled:
    """How readings of a meter become a line: counters as rates, bytes as GiB."""
    if name in meters.COUNTERS:
        return _rates
    unit = 2**30 if name.endswith("_bytes") else 1
    return lambda points: ([p.at for p in points], [p.value / unit for p in points])


def _rates(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    rises = meters.rises(points)
    spans = [max(b.at - a.at, 1e-3) for a, b in pairwise(points)]
    return (
        [after.at for after, _ in rises],
        [grew / span for (_, grew), span in zip(rises, spans, strict=True)],
    )


def _times(digest: Digest, words: Words) -> Layout:
    """The axis of time, with a band for each step, lighter while it warms up."""
    shapes = []
    for place, each in enumerate(sorted(digest.steps, key=lambda e: e.step.begins)):
        step = each.step
        colour = ramp(place, len(digest.steps))
        spans = [(step.warm_from, step.begins, 0.05), (step.begins, step.ends, 0.12)]
        shapes += [_band(a, b, colour, faint) for a, b, faint in spans if b > a]
    return {
        "xaxis": axis(words("axis.time"), range=[digest.begins, digest.ends]),
        "shapes": shapes if len(digest.steps) > 1 or len(shapes) > 1 else [],
    }


def _band(begins: float, ends: float, colour: str, faint: float) -> Layout:
    return {
        "type": "rect",
        "x0": begins,
        "x1": ends,
        "y0": 0,
        "y1": 1,
        "yref": "y domain",
        "fillcolor": colour,
        "opacity": faint,
        "line": {"width": 0},
        "layer": "below",
    }

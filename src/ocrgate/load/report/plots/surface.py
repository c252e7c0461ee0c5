"""Concurrency, throughput and errors at once: a surface in space, and its plain cuts.

Every point is measured. A step is cut into windows of some seconds; sorted by their throughput they
make a ribbon across the surface at the step's concurrency, and neighbouring ribbons are joined.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ocrgate.load.record import OK
from ocrgate.load.report.digest import Digest, StepDigest
from ocrgate.load.report.plots.figure import (
    BLUE,
    GREY,
    Figure,
    Layout,
    Trace,
    axis,
    ramp,
    share_axis,
    short,
    text,
)
from ocrgate.load.report.words import Words

_RIBBON = 9  # points along a ribbon
_FULL = 8  # requests that a window should see end
_DOTS = 900
_SCALE = [[0.0, "#2a9d6f"], [0.1, "#b5b62a"], [0.35, "#e08a1e"], [1.0, "#c0304a"]]


@dataclass(frozen=True, slots=True)
class Window:
    """Some seconds of a step: answers per second, and requests that ended well and badly."""

    throughput: float
    ended: int
    failed: int

    @property
    def errors(self) -> float:
        """Share of the requests that ended here without an answer."""
        return self.failed / self.ended if self.ended else 0.0


def windows(each: StepDigest) -> list[Window]:
    """The windows of a step, long enough that each sees some requests end."""
    lines = {
        what.removeprefix("done:"): line
        for what, line in each.step.tally.seconds.items()
        if what.startswith("done:")
    }
    first, last = math.ceil(each.step.begins), math.floor(each.step.ends)
    ends_per_second = each.total / each.step.seconds if each.step.seconds else 0.0
    width = max(1, math.ceil(_FULL / ends_per_second)) if ends_per_second else 1
    found = []
    for start in range(first, last - width + 1, width):
        span = range(start, start + width)
        counts = {name: sum(line.get(s, 0) for s in span) for name, line in lines.items()}
        ended, answered = sum(counts.values()), counts.get(OK, 0)
        found.append(Window(answered / width, ended, ended - answered))
    return found


def ribbon(found: Sequence[Window], points: int = _RIBBON) -> list[tuple[float, float]]:
    """Throughput and share of errors along a step, from its worst to its best windows.

    Each point stands for the windows around its rank, so that one bad second is no spike.
    """
    ordered = sorted(found, key=lambda window: window.throughput)
    size = len(ordered)
    reach = max(1, size // points)
    along = []
    for place in range(points):
        middle = round(place * (size - 1) / (points - 1))
        near = ordered[max(0, middle - reach) : middle + reach + 1]
        ended = sum(window.ended for window in near)
        errors = sum(window.failed for window in near) / ended if ended else 0.0
        along.append((ordered[middle].throughput, errors))
    return along


def surface(digest: Digest, words: Words) -> list[Figure]:
    """The surface and three cuts; empty without a sweep whose steps have windows."""
    cut = [(each, windows(each)) for each in digest.steps]
    cut = sorted(((e, w) for e, w in cut if len(w) >= 2), key=lambda item: item[0].in_flight)
    if len(cut) < 2:
        return []
    return [_solid(cut, words), *_cuts(cut, words)]


Cut = list[tuple[StepDigest, list[Window]]]


def _solid(cut: Cut, words: Words) -> Figure:
    ribbons = [ribbon(found) for _, found in cut]
    worst = max(0.02, *(errors for along in ribbons for _, errors in along))
    percent = ".0%" if worst > 0.1 else ".1%"
    x = [[each.in_flight] * _RIBBON for each, _ in cut]
    traces: list[Trace] = [
        {
            "type": "surface",
            "x": [short(row) for row in x],
            "y": [short(rate for rate, _ in along) for along in ribbons],
            "z": [short(errors for _, errors in along) for along in ribbons],
            "colorscale": _SCALE,
            "cmin": 0,
            "cmax": worst,
            "opacity": 0.92,
            "colorbar": {
                "title": {"text": words("axis.errors")},
                "tickformat": percent,
                "len": 0.7,
                "y": 0.45,
            },
            "contours": {"x": {"show": True, "color": "#556"}},
            "hovertemplate": _hover(words),
        },
        {
            "type": "scatter3d",
            "mode": "lines+markers",
            "name": words("line.steps"),
            "x": short(each.in_flight for each, _ in cut),
            "y": short(each.throughput for each, _ in cut),
            "z": short(each.errors for each, _ in cut),
            "line": {"color": BLUE, "width": 5},
            "marker": {"color": BLUE, "size": 4},
            "hovertemplate": _hover(words),
        },
    ]
    scene: Layout = {
        "xaxis": axis(words("axis.concurrency"), **_spread([each.in_flight for each, _ in cut])),
        "yaxis": axis(words("axis.throughput")),
        "zaxis": axis(words("axis.errors"), tickformat=percent, range=[0, worst * 1.05]),
        "camera": {"eye": {"x": -1.55, "y": -1.8, "z": 0.85}, "center": {"z": -0.17}},
        "aspectmode": "manual",
        "aspectratio": {"x": 1.5, "y": 1.25, "z": 0.85},
    }
    title, explained = words("plot.surface"), words("plot.surface_help")
    layout = {"scene": scene, "margin": {"l": 0, "r": 0, "t": 0, "b": 0}}
    return Figure("surface", title, explained, traces, layout, wide=True, tall=560, solid=True)


def _hover(words: Words) -> str:
    names = [text(words(f"axis.{key}")) for key in ("concurrency", "throughput", "errors")]
    return f"{names[0]}: %{{x}}<br>{names[1]}: %{{y:.3g}}<br>{names[2]}: %{{z:.1%}}<extra></extra>"


def _spread(places: Sequence[float]) -> Layout:
    """A logarithmic axis where loads differ widely, with a mark at each that has room."""
    wide = min(places) > 0 and max(places) / min(places) >= 8
    if wide:
        places = [math.log10(place) for place in places]
    room = (max(places) - min(places)) / 9
    marks: list[float] = []
    for place in places:
        if not marks or place - marks[-1] >= room:
            marks.append(place)
    values = [10**mark for mark in marks] if wide else marks
    names = [f"{value:.2g}" if value < 10 else f"{value:.0f}" for value in values]
    return {**({"type": "log"} if wide else {}), "tickvals": short(values), "ticktext": names}


def _cuts(cut: Cut, words: Words) -> list[Figure]:
    at_once = axis(words("axis.concurrency"), **_spread([each.in_flight for each, _ in cut]))
    answered = axis(words("axis.throughput"), rangemode="tozero")
    highest = max(w.errors for _, found in cut for w in found)
    errors = share_axis(words("axis.errors"), highest)
    planes = (
        ("cut_throughput", 0, at_once, 1, answered),
        ("cut_errors", 0, at_once, 2, errors),
        ("cut_both", 1, answered, 2, errors),
    )
    return [
        Figure(
            name.replace("_", "-"),
            words(f"plot.{name}"),
            words("plot.cut_help"),
            _flat(cut, words, across, upward),
            {"xaxis": horizontal, "yaxis": vertical, "showlegend": False},
            tall=320,
        )
        for name, across, horizontal, upward, vertical in planes
    ]


def _flat(cut: Cut, words: Words, across: int, upward: int) -> list[Trace]:
    """The points of space seen from one side: 0 concurrency, 1 throughput, 2 errors."""
    every = sum(len(found) for _, found in cut) // _DOTS + 1
    clouds = []
    for place, (each, found) in enumerate(cut):
        points = [(each.in_flight, w.throughput, w.errors) for w in found[::every]]
        colour = {"color": ramp(place, len(cut)), "size": 4, "opacity": 0.45}
        clouds.append(_scatter(words.load(each), points, across, upward, colour))
    whole = [(each.in_flight, each.throughput, each.errors) for each, _ in cut]
    colours = {"color": [ramp(place, len(cut)) for place in range(len(cut))], "size": 11}
    steps = _scatter(words("line.steps"), whole, across, upward, colours)
    return [*clouds, {**steps, "mode": "lines+markers", "line": {"color": GREY, "width": 1.2}}]


def _scatter(
    name: str,
    points: Sequence[tuple[float, float, float]],
    across: int,
    upward: int,
    marker: Layout,
) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": text(name),
        "x": short(point[across] for point in points),
        "y": short(point[upward] for point in points),
        "marker": marker,
    }

"""What every plot has in common: its shape, its colours, and text that cannot do harm."""

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ocrgate.load import quantities

Trace = dict[str, Any]
Layout = dict[str, Any]

# Told apart by people who do not see all colours, and readable on white and on black.
BLUE, ORANGE, GREEN, RED, VIOLET, GREY = (
    "#3b82c4",
    "#e08a1e",
    "#2a9d6f",
    "#d1495b",
    "#8a63c2",
    "#8a949e",
)
COLOURS = (BLUE, ORANGE, GREEN, RED, VIOLET, "#17a2b8", "#b5651d", "#c2549d", "#7a8f2a", GREY)
_RAMP = ("#5b6ee1", "#2f8fd0", "#22a0a0", "#4fa65a", "#b59a1f", "#e08a1e", "#d9583c", "#b0366b")

DASHES = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True)
class Figure:
    """One plot.

    Attributes:
        name: unique in a page; letters and dashes.
        title, explained: what it shows and how to read it, in the reader's language.
        traces, layout: as plotly.js wants them, without colours of the theme.
        wide: whether it takes a row of its own.
        tall: pixels.
        solid: whether it needs WebGL.
    """

    name: str
    title: str
    explained: str
    traces: Sequence[Trace]
    layout: Layout = field(default_factory=dict)
    wide: bool = False
    tall: int = 340
    solid: bool = False


def text(label: str) -> str:
    """A label that plotly.js shows as it is: it reads some HTML, and servers choose words."""
    return html.escape(label, quote=False)[:200]


def ramp(place: int, count: int) -> str:
    """The colour of one of ``count`` things that have an order."""
    return _RAMP[0] if count < 2 else _RAMP[round(place * (len(_RAMP) - 1) / (count - 1))]


def short(values: Iterable[float | None]) -> list[float | None]:
    """Figures with five digits, which is more than a screen shows; None makes a gap."""
    return [None if v is None or not math.isfinite(v) else float(f"{v:.5g}") for v in values]


def line(name: str, x: Iterable[float], y: Iterable[float | None], **more: Any) -> Trace:
    """A line through points."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": text(name),
        "x": short(x),
        "y": short(y),
        **more,
    }


def axis(title: str, **more: Any) -> Layout:
    """An axis with its name on it."""
    return {"title": {"text": title}, **more}


_NARROW, _WIDE = 4, 200  # times from one end of the axis to the other


def time_axis(title: str, values: Iterable[float | None]) -> Layout:
    """A logarithmic axis of durations in seconds, with marks that carry their unit."""
    there = [v for v in values if v is not None and v > 0]
    low, high = min(there, default=0.1), max(there, default=1.0)
    width = high / low
    steps: tuple[float, ...] = (1,)
    if width < _WIDE:
        steps = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if width < _NARROW else (1, 2, 5)
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    marks = [step * 10.0**decade for decade in decades for step in steps]
    names = [quantities.seconds(mark) for mark in marks]
    return axis(title, type="log", tickvals=marks, ticktext=names, tickangle=0)


def share_axis(title: str, highest: float) -> Layout:
    """An axis of shares from 0 to what there is, or to 2 % where there is next to nothing."""
    top = min(1.04, max(0.02, 1.08 * highest))
    return axis(title, range=[0, top], tickformat=".0%" if top > 0.1 else ".1%")


def limits(
    bounds: Sequence[tuple[float, float] | None], values: Sequence[float | None]
) -> Mapping[str, Any]:
    """Error bars from intervals; a point without one has none."""
    pairs = list(zip(bounds, values, strict=True))
    up = [b[1] - v if b and v is not None else 0.0 for b, v in pairs]
    down = [v - b[0] if b and v is not None else 0.0 for b, v in pairs]
    return {
        "type": "data",
        "symmetric": False,
        "array": short(max(each, 0.0) for each in up),
        "arrayminus": short(max(each, 0.0) for each in down),
        "thickness": 1.2,
        "width": 4,
    }


def rule(at: float, label: str, *, upright: bool, colour: str = GREY) -> tuple[Layout, Layout]:
    """A dotted line across the plot and its label: a shape and an annotation of plotly.js."""
    here, across = ("x", "y") if upright else ("y", "x")
    shape = {
        "type": "line",
        f"{here}0": at,
        f"{here}1": at,
        f"{here}ref": here,
        f"{across}0": 0,
        f"{across}1": 1,
        f"{across}ref": f"{across} domain",
        "line": {"color": colour, "width": 1.5, "dash": "dot"},
    }
    edge = 0.02 if upright else 1  # an upright label stands along its line and needs no room
    note = {
        here: at,
        f"{here}ref": here,
        across: edge,
        f"{across}ref": f"{across} domain",
        "text": text(label),
        "textangle": -90 if upright else 0,
        "showarrow": False,
        "xanchor": "right",
        "yanchor": "bottom",
        "font": {"size": 11, "color": colour},
    }
    return shape, note


def quantile_points(values: Sequence[float], points: int = 160) -> tuple[list[float], list[float]]:
    """The empirical distribution, thinned: values and the share that is at most as large.

    Both ends are exact, and the upper tail keeps its last points one by one.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    size = len(ordered)
    even = np.linspace(0, size - 1, min(points, size))
    tail = size - 1 - np.geomspace(1, max(size / 10, 1), min(40, size)) + 1
    places = np.unique(np.round(np.concatenate([even, tail])).astype(int).clip(0, size - 1))
    return ordered[places].tolist(), ((places + 1) / size).tolist()

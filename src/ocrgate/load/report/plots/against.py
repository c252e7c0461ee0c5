"""Runs over one another: the same curves, one colour for each run."""

from collections.abc import Callable, Sequence

from ocrgate.load.report.blocks import resample
from ocrgate.load.report.comparison import load_key
from ocrgate.load.report.digest import Digest, StepDigest
from ocrgate.load.report.plots.carries import load_axis
from ocrgate.load.report.plots.figure import (
    COLOURS,
    DASHES,
    Figure,
    Trace,
    axis,
    limits,
    line,
    share_axis,
    short,
    time_axis,
)
from ocrgate.load.report.plots.latency import by_percentile, distribution, percentile_axis, spots
from ocrgate.load.report.words import Words

_MARKS = 9  # on an axis

Named = Sequence[tuple[str, Digest]]
"""Runs and what they are called; the first one is what the others are compared with."""


def curves(runs: Named, words: Words) -> list[Figure]:
    """Throughput, tail latency and errors of each run against load."""
    drawn = [
        _curve(
            "carries",
            runs,
            words,
            "goodput" if all(digest.promise for _, digest in runs) else "throughput",
            axis(words("axis.per_second"), rangemode="tozero"),
        ),
        _curve("latency_load", runs, words, "p50", {}, "p99"),
        _curve(
            "errors_load",
            runs,
            words,
            "errors",
            share_axis(words("axis.errors"), _highest(runs, "errors")),
        ),
    ]
    if any(each.cer for _, digest in runs for each in digest.steps):
        upright = share_axis(words("axis.cer"), _highest(runs, "cer"))
        drawn.append(_curve("cer_load", runs, words, "cer", upright))
    return drawn


def _curve(
    name: str,
    runs: Named,
    words: Words,
    measure: str,
    upright: dict[str, object],
    second: str | None = None,
) -> Figure:
    _, across = load_axis(_longest(runs), words)
    across.pop("tickvals", None)
    places = sorted({place for _, digest in runs for place in load_axis(digest, words)[0]})
    across |= {"tickvals": short(places)} if 1 < len(places) <= _MARKS else {}
    measures = [measure, *([second] if second else [])]
    traces = [
        _measured(run, digest, each, COLOURS[place % len(COLOURS)], DASHES[turn], words)
        for place, (run, digest) in enumerate(runs)
        for turn, each in enumerate(measures)
        if any(_VALUES[each](step) is not None for step in digest.steps)
    ]
    if not upright:
        steps = [each for _, digest in runs for each in digest.steps]
        upright = time_axis(words("axis.latency"), spots(steps))
    title, explained = words(f"plot.{name}"), words(f"plot.{name}_help")
    layout = {"xaxis": across, "yaxis": upright}
    return Figure(name.replace("_", "-"), title, explained, traces, layout)


def _longest(runs: Named) -> Digest:
    return max((digest for _, digest in runs), key=lambda digest: len(digest.steps))


_VALUES: dict[str, Callable[[StepDigest], float | None]] = {
    "throughput": lambda each: each.throughput,
    "goodput": lambda each: each.goodput,
    "errors": lambda each: each.errors,
    "cer": lambda each: each.cer.mean if each.cer else None,
    "p50": lambda each: each.latency.told("p50") if each.latency else None,
    "p99": lambda each: each.latency.told("p99") if each.latency else None,
}


def _highest(runs: Named, measure: str) -> float:
    """The highest value or end of a bar."""
    steps = [each for _, digest in runs for each in digest.steps]
    found = [_VALUES[measure](each) for each in steps]
    ends = [bound[1] for each in steps if (bound := _bounds(each, measure))]
    return max((value for value in [*found, *ends] if value is not None), default=0.0)


def _bounds(each: StepDigest, measure: str) -> tuple[float, float] | None:
    """An interval; of failures by their number at least, however few there are."""
    doubt = resample(each)
    found = doubt.interval(measure) if doubt else None
    return each.errors_between if found is None and measure == "errors" else found


def _measured(
    run: str, digest: Digest, measure: str, colour: str, dash: str, words: Words
) -> Trace:
    x, _ = load_axis(digest, words)
    values = [_VALUES[measure](each) for each in digest.steps]
    bounds = [_bounds(each, measure) for each in digest.steps]
    timed = measure in {"p50", "p99"}
    return line(
        f"{run} · {words(f'line.{measure}')}" if timed else run,
        x,
        values,
        mode="lines+markers",
        line={"color": colour, "dash": dash},
        marker={"color": colour, "size": 7},
        error_y={**limits(bounds, values), "color": colour},
    )


def shapes(runs: Named, words: Words) -> list[Figure]:
    """Distributions of latency of all runs at one load that they share, or at each one's best."""
    chosen = [(name, step) for (name, _), step in zip(runs, _chosen(runs), strict=True) if step]
    chosen = [(name, step) for name, step in chosen if step.served]
    if not chosen:
        return []
    names = [f"{name} · {words.load(step)}" for name, step in chosen]
    steps = [step for _, step in chosen]
    lines = list(zip(names, steps, COLOURS * (len(steps) // len(COLOURS) + 1), strict=False))
    deepest = max(len(step.served) for step in steps)
    latency = time_axis(words("axis.latency"), spots(steps))
    share = axis(words("axis.share_requests"), tickformat=".0%", range=[0, 1.02])
    return [
        Figure(
            "ecdf",
            words("plot.ecdf"),
            words("plot.ecdf_help"),
            [distribution(*each) for each in lines],
            {"xaxis": latency, "yaxis": share},
            tall=380,
        ),
        Figure(
            "percentiles",
            words("plot.percentiles"),
            words("plot.percentiles_help"),
            [by_percentile(*each) for each in lines],
            {"xaxis": percentile_axis(words, deepest), "yaxis": latency},
            tall=380,
        ),
    ]


def _chosen(runs: Named) -> list[StepDigest | None]:
    """Of the loads that all runs held, the first run's best; where they share none, each one's."""
    held = [{load_key(each): each for each in digest.steps} for _, digest in runs]
    shared = [key for key in held[0] if all(key in steps for steps in held)]
    if not shared:
        return [_best(digest) for _, digest in runs]
    best = _best(runs[0][1])
    wanted = load_key(best) if best else None
    if wanted not in shared:
        wanted = max(shared, key=lambda key: held[0][key].goodput)
    return [steps[wanted] for steps in held]


def _best(digest: Digest) -> StepDigest | None:
    return digest.knee or max(digest.steps, key=lambda each: each.goodput, default=None)

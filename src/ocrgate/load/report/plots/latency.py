"""Distributions of latency: as shares by time, and by percentile for the tail."""

import math
from collections.abc import Sequence

from ocrgate.load.report.digest import Digest, StepDigest
from ocrgate.load.report.plots.figure import (
    Figure,
    Layout,
    Trace,
    axis,
    line,
    quantile_points,
    ramp,
    rule,
    time_axis,
)
from ocrgate.load.report.words import Words, seconds

_MOST = 12  # lines that an eye can follow
_NINES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999)


def chosen(steps: Sequence[StepDigest]) -> list[StepDigest]:
    """The steps that are drawn as lines: all with answers, or an even choice of them."""
    answered = [each for each in steps if each.served]
    if len(answered) <= _MOST:
        return answered
    last = len(answered) - 1
    return [answered[round(place * last / (_MOST - 1))] for place in range(_MOST)]


def ecdf(digest: Digest, words: Words) -> Figure:
    """Share of all requests answered within a time; failures are answered never."""
    drawn = chosen(digest.steps)
    traces = [
        distribution(name, each, ramp(place, len(drawn)))
        for place, (each, name) in enumerate(zip(drawn, words.loads(drawn), strict=True))
    ]
    layout: Layout = {
        "xaxis": time_axis(words("axis.latency"), spots(drawn)),
        "yaxis": axis(words("axis.share_requests"), tickformat=".0%", range=[0, 1.02]),
    }
    limit = digest.promise.time("e2e")
    if limit:
        shape, note = rule(limit, words("line.slo", limit=seconds(limit)), upright=True)
        layout["shapes"] = [shape]
        layout["annotations"] = [{**note, "x": math.log10(limit)}]
    return Figure("ecdf", words("plot.ecdf"), words("plot.ecdf_help"), traces, layout, tall=380)


def spots(steps: Sequence[StepDigest]) -> list[float]:
    """The ends of an axis that shows all latencies of these steps."""
    told = [each.latency for each in steps if each.latency]
    return [end for spread in told for end in (spread.smallest, spread.largest)]


def distribution(name: str, each: StepDigest, colour: str, dash: str = "solid") -> Trace:
    """One line: the share of the step's requests that were answered within a time."""
    x, y = quantile_points([sample.latency for sample in each.served])
    answered = 1 - each.errors
    style = {"color": colour, "shape": "hv", "dash": dash, "width": 2}
    return line(name, x, [share * answered for share in y], line=style)


def percentiles(digest: Digest, words: Words) -> Figure:
    """Latency over the percentile, stretched so that each further nine has the same room."""
    drawn = chosen(digest.steps)
    traces = [
        by_percentile(name, each, ramp(place, len(drawn)))
        for place, (each, name) in enumerate(zip(drawn, words.loads(drawn), strict=True))
    ]
    deepest = max((len(each.served) for each in drawn), default=1)
    return Figure(
        "percentiles",
        words("plot.percentiles"),
        words("plot.percentiles_help"),
        traces,
        {
            "xaxis": percentile_axis(words, deepest),
            "yaxis": time_axis(words("axis.latency"), spots(drawn)),
        },
        tall=380,
    )


def percentile_axis(words: Words, samples: int) -> dict[str, object]:
    """The axis of percentiles: as far as so many samples can tell."""
    marks = [share for share in _NINES if share == 0 or samples * (1 - share) >= 1]
    return axis(
        words("axis.percentile"),
        type="log",
        tickvals=[1 / (1 - share) for share in marks],
        ticktext=[f"{100 * share:g}" for share in marks],
    )


def by_percentile(name: str, each: StepDigest, colour: str, dash: str = "solid") -> Trace:
    """One line of latency over percentile, of the answered requests."""
    x, y = quantile_points([sample.latency for sample in each.served])
    size = len(each.served)
    beyond = [1 / max(1 - share, 0.5 / size) for share in y]
    return line(name, beyond, x, line={"color": colour, "dash": dash, "width": 2})


def first(digest: Digest, words: Words) -> Figure | None:
    """Time to the first token or byte, where the target tells one before it is done."""
    drawn = [each for each in chosen(digest.steps) if _streams(each)]
    if not drawn:
        return None
    traces, ends = [], []
    for place, (each, name) in enumerate(zip(drawn, words.loads(drawn), strict=True)):
        times = [s.first - s.intended for s in each.served if s.first is not None]
        x, y = quantile_points(times)
        ends += [x[0], x[-1]]
        style = {"color": ramp(place, len(drawn)), "shape": "hv", "width": 2}
        traces.append(line(name, x, y, line=style))
    layout = {
        "xaxis": time_axis(words("axis.latency"), ends),
        "yaxis": axis(words("axis.share_requests"), tickformat=".0%", range=[0, 1.02]),
    }
    title, explained = words("plot.first"), words("plot.first_help")
    return Figure("first", title, explained, traces, layout, wide=True)


def _streams(each: StepDigest) -> bool:
    """Whether the first byte came clearly before the last, else it says nothing of its own."""
    return bool(each.first and each.latency and each.first.p50 < 0.95 * each.latency.p50)

"""Goodput, latency, refusals and waste against the offered load, before the same engine.

``python -m benchmarks.overload.ladder [--http]``
"""

from collections.abc import Callable

from benchmarks.overload.figure import Diagram, Panel
from benchmarks.overload.plan import Flow, Plan
from benchmarks.overload.play import SETTLE, run
from benchmarks.overload.record import Result
from benchmarks.overload.scene import (
    GOODPUT,
    P99,
    PREEMPTED,
    REFUSAL,
    REFUSED,
    WASTE,
    Column,
    Experiment,
    Knee,
    Scene,
    Stage,
)

LOADS = (0.5, 0.8, 1.0, 2.0, 4.0, 10.0)
QUICK = (0.8, 2.0, 10.0)


def scenes(stage: Stage) -> list[Scene]:
    """One for each load."""
    warm = 20.0 if stage.form == "virtual" else SETTLE
    seconds = warm + stage.seconds(120.0, 30.0)
    return [
        Scene(
            f"{load:g}x",
            Plan("", seconds, (Flow("all", load * stage.knee.rate),), seed=stage.seed),
            warm,
            load,
        )
        for load in (QUICK if stage.short else LOADS)
    ]


def panels(results: list[Result], knee: Knee) -> list[Diagram]:
    """Four curves of each setup over the load."""
    names = list(dict.fromkeys(result.setup for result in results))
    loads = sorted({result.load for result in results})

    def panel(title: str, up: str, value: Callable[[Result], float | None], top: float) -> Panel:
        mark = 1.0 if up.endswith("knee") else None
        lines = {name: over_load(results, name, value) for name in names}
        return Panel(title, "offered load / knee", up, lines, top, True, loads, mark)

    return [
        panel("Pages in time", "goodput / knee", lambda one: one.goodput / knee.rate, 1.25),
        panel("Latency of served pages, p99", "seconds", lambda one: one.p99, 10.5),
        panel("Pages refused", "share", lambda one: one.refused, 1.0),
        panel("Tokens written for nobody", "share", lambda one: one.waste, 1.0),
    ]


def over_load(
    results: list[Result], setup: str, value: Callable[[Result], float | None]
) -> list[tuple[float, float]]:
    """The mean over seeds at each load where there is one."""
    found: dict[float, list[float]] = {}
    for result in results:
        if result.setup == setup and (seen := value(result)) is not None:
            found.setdefault(result.load, []).append(seen)
    return [(load, sum(each) / len(each)) for load, each in sorted(found.items())]


EXPERIMENT = Experiment(
    name="ladder",
    title="The load ladder",
    gates=(
        "ocrgate",
        "ocrgate without guard",
        "ocrgate without ledger",
        "bare",
        "engine bound",
        "semaphore",
        "fixed",
        "fixed + queue",
        "AIMD",
        "Vegas",
        "Gradient2",
    ),
    setups=("ocrgate", "bare", "engine bound", "semaphore", "nginx", "haproxy", "envoy"),
    scenes=scenes,
    columns=(
        GOODPUT,
        P99,
        REFUSED,
        REFUSAL,
        Column(
            "p99, ms",
            lambda result, _: None if result.refusal_p99 is None else 1000 * result.refusal_p99,
            0,
        ),
        WASTE,
        PREEMPTED,
        Column("CPU, cores", lambda result, _: result.cpu or None),
    ),
    panels=panels,
    apart=True,
)

if __name__ == "__main__":
    run(EXPERIMENT)

"""The engine's metrics are missing, frozen or false for half of a run, at twice the knee.

``python -m benchmarks.overload.signals [--http]``
"""

from benchmarks.overload.figure import Bars, Diagram
from benchmarks.overload.plan import Flow, Plan, Row
from benchmarks.overload.play import SETTLE, run
from benchmarks.overload.record import Result
from benchmarks.overload.scene import (
    PREEMPTED,
    WASTE,
    Experiment,
    Knee,
    Scene,
    Stage,
    extra,
)
from benchmarks.overload.simulated import Says

CASES: dict[str, Says] = {
    "true": "true",
    "missing": "missing",
    "stale": "stale",
    "say idle": "idle",
    "say full": "full",
    "say thrashing": "thrashing",
}
LOAD = 2.0


def scenes(stage: Stage) -> list[Scene]:
    """One for each kind of silence or lie; what counts begins with it."""
    half = stage.seconds(60.0, 30.0)
    flow = Flow("all", LOAD * stage.knee.rate)
    begin = SETTLE + 12.0
    plan = Plan("", begin + half, (flow,), seed=stage.seed)
    return [
        Scene(case, plan, begin, LOAD, voices=((begin, says),) if says != "true" else ())
        for case, says in CASES.items()
    ]


def measure(scene: Scene, rows: list[Row], result: Result, knee: Knee) -> None:  # noqa: ARG001
    """Goodput since then, of the knee."""
    result.extra["part"] = result.goodput / knee.rate


def panels(results: list[Result], _: Knee) -> list[Diagram]:
    """Goodput and preemptions of each case."""
    setups = list(dict.fromkeys(result.setup for result in results))

    def bars(title: str, up: str, name: str, top: float | None, mark: float | None) -> Bars:
        def value(setup: str, case: str) -> float:
            found = [r for r in results if (r.setup, r.case) == (setup, case)]
            each = [r.preempted if name == "preempted" else r.extra[name] or 0.0 for r in found]
            return sum(each) / max(1, len(each))

        groups = {case: {setup: value(setup, case) for setup in setups} for case in CASES}
        return Bars(title, up, groups, top, mark)

    return [
        bars("Pages in time", "goodput / knee", "part", 1.3, 1.0),
        bars("Thrown out of the batch", "per 1,000", "preempted", None, None),
    ]


EXPERIMENT = Experiment(
    name="signals",
    title="Metrics that are missing, frozen or false",
    gates=("ocrgate", "ocrgate without ledger", "ocrgate latency", "engine bound"),
    setups=("ocrgate", "engine bound"),
    scenes=scenes,
    columns=(extra("goodput / knee", "part"), WASTE, PREEMPTED),
    panels=panels,
    measure=measure,
)

if __name__ == "__main__":
    run(EXPERIMENT)

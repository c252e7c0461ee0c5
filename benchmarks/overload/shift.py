"""The pages change: screenshots until the middle, then nothing but dense pages.

Both times there are somewhat more than the engine can read.
``python -m benchmarks.overload.shift [--http]``
"""

from benchmarks.overload.figure import Diagram, Panel
from benchmarks.overload.plan import Flow, Plan, Row
from benchmarks.overload.play import SETTLE, run
from benchmarks.overload.record import Result, over_time
from benchmarks.overload.scene import (
    PREEMPTED,
    WASTE,
    Experiment,
    Knee,
    Scene,
    Stage,
    averaged,
    extra,
)

SCREENSHOTS, DENSE = 5.0, 1.0  # times the knee of plain pages: about twice their own
WINDOW = 2.5


def scenes(stage: Stage) -> list[Scene]:
    """One."""
    half = stage.seconds(60.0, 30.0)
    middle, rate = SETTLE + half, stage.knee.rate
    flows = (
        Flow("screenshots", SCREENSHOTS * rate, until=middle, pages="screenshot"),
        Flow("dense", DENSE * rate, since=middle, pages="dense"),
    )
    plan = Plan("", middle + half, flows, seed=stage.seed)
    return [Scene("screenshots, then dense pages", plan, SETTLE, SCREENSHOTS)]


def measure(scene: Scene, rows: list[Row], result: Result, knee: Knee) -> None:  # noqa: ARG001
    """Pages a second of each kind, and how long it took until the new ones came steadily."""
    plan = scene.plan
    middle = plan.flows[0].until
    dense = over_time(rows, plan.seconds, WINDOW, "dense")
    later = [rate for at, rate in dense if at > (middle + plan.seconds) / 2]
    steady = sum(later) / len(later)
    first = next((at for at, rate in dense if rate >= 0.85 * steady), None)
    result.extra["settled"] = None if first is None else first - middle
    shots = [row for row in rows if row.served and row.flow == "screenshots"]
    early = [row for row in shots if scene.warm <= row.at + row.took < middle]
    result.extra["screenshots"] = len(early) / (middle - scene.warm)
    result.extra["dense"] = steady
    result.curve = over_time(rows, plan.seconds, WINDOW)


def panels(results: list[Result], _: Knee) -> list[Diagram]:
    """Pages in time over time."""
    return [Panel("Pages in time", "seconds", "pages/s", averaged(results))]


EXPERIMENT = Experiment(
    name="shift",
    title="Screenshots, then dense pages",
    gates=("ocrgate", "engine bound", "fixed + queue", "AIMD", "Gradient2"),
    setups=("ocrgate", "engine bound", "haproxy"),
    scenes=scenes,
    columns=(
        extra("dense pages/s", "dense", 1),
        extra("screenshots/s before", "screenshots", 1),
        extra("steady after, s", "settled", 0),
        WASTE,
        PREEMPTED,
    ),
    panels=panels,
    measure=measure,
)

if __name__ == "__main__":
    run(EXPERIMENT)

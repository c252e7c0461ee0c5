"""A GPU that becomes slow: for a while all takes twice as long; and one that heats up by its work.

The second is in virtual time alone, where the slow ceiling can see the temperature
(:mod:`benchmarks.overload.heat`). ``python -m benchmarks.overload.hot [--http]``
"""

from benchmarks.overload.figure import Diagram
from benchmarks.overload.plan import Flow, Plan, Row
from benchmarks.overload.play import SETTLE, run
from benchmarks.overload.record import Result, over_time
from benchmarks.overload.scene import (
    P99,
    PREEMPTED,
    WASTE,
    Experiment,
    Knee,
    Scene,
    Stage,
    extra,
    pages_over_time,
)
from benchmarks.overload.simulated import Turn

LOAD, SLOWER, WINDOW = 2.0, 2.0, 4.0
COLD = ("ocrgate", "engine bound", "fixed + queue", "Gradient2", "haproxy")
"""Those to whom it matters that a GPU is slow; the ceiling sees only that it is hot."""

HALF, HEATS = "half speed for a third", "heats up"


def scenes(stage: Stage) -> list[Scene]:
    """Slow in the middle third; and heat."""
    third = stage.seconds(60.0, 24.0)
    flow = Flow("all", LOAD * stage.knee.rate)
    end = SETTLE + 3 * third
    turns = (
        (SETTLE + third, Turn("slow", SLOWER)),
        (SETTLE + 2 * third, Turn("slow", 1.0)),
    )
    plan = Plan("", end, (flow,), seed=stage.seed)
    found = [Scene(HALF, plan, SETTLE, LOAD, turns, only=COLD)]
    if stage.form == "virtual":
        longer = Plan("", SETTLE + 10 * third, (flow,), seed=stage.seed)
        found.append(Scene(HEATS, longer, 120.0, LOAD, heats=True))
    return found


def measure(scene: Scene, rows: list[Row], result: Result, knee: Knee) -> None:
    """Goodput in all, and while it was slow."""
    result.extra["part"] = result.goodput / knee.rate
    if scene.turns:
        begin, end = (at for at, _ in scene.turns)
        slow = [row for row in rows if row.served and begin <= row.at + row.took < end]
        result.extra["slow"] = len(slow) / (end - begin) / knee.rate
    result.curve = over_time(rows, scene.plan.seconds, WINDOW)


def panels(results: list[Result], knee: Knee) -> list[Diagram]:
    """Pages in time over time."""
    return pages_over_time(results, knee, list(dict.fromkeys(each.case for each in results)))


EXPERIMENT = Experiment(
    name="hot",
    title="A GPU that becomes slow",
    gates=("ocrgate", "ocrgate without ceiling", "engine bound", "fixed + queue", "Gradient2"),
    setups=("ocrgate", "engine bound", "haproxy"),
    scenes=scenes,
    columns=(
        extra("goodput / knee", "part"),
        extra("while slow", "slow"),
        extra("hottest, °C", "hottest", 0),
        extra("throttled, s", "throttled", 0),
        P99,
        WASTE,
        PREEMPTED,
    ),
    panels=panels,
    measure=measure,
)

if __name__ == "__main__":
    run(EXPERIMENT)

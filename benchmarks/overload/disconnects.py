"""Clients that leave: at twice the knee half of them go within five seconds, then all hang up.

Counted is what the engine wrote for nobody, and how long after the last client has gone it is
still busy. ``python -m benchmarks.overload.disconnects [--http]``
"""

import time
from typing import TYPE_CHECKING

from benchmarks.overload.figure import Diagram, Panel
from benchmarks.overload.plan import Flow, Plan, Row
from benchmarks.overload.play import SETTLE, run
from benchmarks.overload.record import Result
from benchmarks.overload.scene import (
    GOODPUT,
    PREEMPTED,
    WASTE,
    Experiment,
    Knee,
    Points,
    Scene,
    Stage,
    averaged,
    extra,
)

if TYPE_CHECKING:
    from benchmarks.overload.bench import Stand

LEAVES, WATCHED = 5.0, 20.0


def scenes(stage: Stage) -> list[Scene]:
    """One."""
    flow = Flow("all", 2.0 * stage.knee.rate, leaves=LEAVES)
    seconds = SETTLE + stage.seconds(60.0, 40.0)
    plan = Plan("", seconds, (flow,), seed=stage.seed, hang_up=stage.form == "http")
    return [Scene("storm", plan, SETTLE, 2.0)]


def watched(stand: "Stand", scene: Scene) -> Points:
    """Pages in the engine by seconds since all hung up, until there are none."""
    since = stand.began() + scene.plan.seconds
    found: Points = []
    while (seconds := time.monotonic() - since) < WATCHED:
        seen = stand.counters()
        found.append((seconds, seen.running + seen.waiting))
        if not seen.running and not seen.waiting:
            break
        time.sleep(0.02)
    return found


def measure(scene: Scene, rows: list[Row], result: Result, knee: Knee) -> None:  # noqa: ARG001
    """When the engine was empty."""
    if result.curve:
        seconds, busy = result.curve[-1]
        result.extra["emptied"] = WATCHED if busy else seconds


def panels(results: list[Result], _: Knee) -> list[Diagram]:
    """Pages in the engine, over time; nothing in virtual time, where nobody hangs up."""
    lines = averaged(results)
    title = "Pages in the engine after everybody hung up"
    return [Panel(title, "seconds", "running and waiting", lines)] if lines else []


EXPERIMENT = Experiment(
    name="disconnects",
    title="Clients that leave",
    gates=("ocrgate", "bare", "engine bound", "semaphore", "fixed + queue", "Gradient2"),
    setups=("ocrgate", "bare", "engine bound", "semaphore", "nginx", "haproxy"),
    scenes=scenes,
    columns=(
        extra("engine empty after, s", "emptied"),
        GOODPUT,
        WASTE,
        PREEMPTED,
    ),
    panels=panels,
    measure=measure,
    finale=watched,
)

if __name__ == "__main__":
    run(EXPERIMENT)

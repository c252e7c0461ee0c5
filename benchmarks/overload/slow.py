"""Clients on bad lines: half of them take six seconds to send their page.

``python -m benchmarks.overload.slow``, over HTTP alone: in virtual time nobody sends anything.
"""

from benchmarks.overload.figure import Bars, Diagram
from benchmarks.overload.plan import Flow, Plan
from benchmarks.overload.play import SETTLE, run
from benchmarks.overload.record import Result
from benchmarks.overload.scene import (
    GOODPUT,
    PREEMPTED,
    REFUSED,
    WASTE,
    Column,
    Experiment,
    Knee,
    Scene,
    Stage,
)

UPLOAD, PATIENCE = 6.0, 16.0
FLOWS = ("quick", "slow")


def scenes(stage: Stage) -> list[Scene]:
    """At 0.9 times the knee, where all could be served, and at twice."""
    found = []
    for load in (0.9, 2.0):
        rate = load * stage.knee.rate / 2
        flows = (Flow("quick", rate), Flow("slow", rate, upload=UPLOAD, deadline=PATIENCE))
        plan = Plan("", SETTLE + stage.seconds(60.0, 40.0), flows, seed=stage.seed)
        found.append(Scene(f"{load:g}x", plan, SETTLE, load))
    return found


def panels(results: list[Result], _: Knee) -> list[Diagram]:
    """Served shares of both."""

    def share(setup: str, load: float, name: str) -> float:
        each = [r.shares.get(name, 0.0) for r in results if (r.setup, r.load) == (setup, load)]
        return sum(each) / max(1, len(each))

    setups = list(dict.fromkeys(result.setup for result in results))
    return [
        Bars(
            f"Served at {load:g} times the knee",
            "share of pages",
            {name: {each: share(each, load, name) for each in setups} for name in FLOWS},
            1.0,
        )
        for load in sorted({result.load for result in results})
    ]


EXPERIMENT = Experiment(
    name="slow",
    title="Half of the clients send slowly",
    gates=(),
    setups=("ocrgate", "engine bound", "semaphore", "nginx", "haproxy"),
    scenes=scenes,
    columns=(
        GOODPUT,
        Column("served of the quick", lambda result, _: result.shares.get("quick")),
        Column("served of the slow", lambda result, _: result.shares.get("slow")),
        REFUSED,
        WASTE,
        PREEMPTED,
    ),
    panels=panels,
)

if __name__ == "__main__":
    run(EXPERIMENT)

"""Callers who wait 2, 10 or 60 s, a third each, with twice as many small pages as can be read.

``python -m benchmarks.overload.deadlines [--http]``
"""

from benchmarks.overload.figure import Bars, Diagram
from benchmarks.overload.plan import Flow, Plan
from benchmarks.overload.play import SETTLE, run
from benchmarks.overload.record import Result
from benchmarks.overload.scene import (
    PAGES,
    PREEMPTED,
    WASTE,
    Column,
    Experiment,
    Knee,
    Scene,
    Stage,
)

DEADLINES = {"2 s": 2.0, "10 s": 10.0, "60 s": 60.0}
LOAD = 5.0  # times the knee of plain pages: about twice that of screenshots


def scenes(stage: Stage) -> list[Scene]:
    """One."""
    rate = LOAD * stage.knee.rate / len(DEADLINES)
    flows = tuple(
        Flow(name, rate, pages="screenshot", deadline=seconds)
        for name, seconds in DEADLINES.items()
    )
    warm = 20.0 if stage.form == "virtual" else SETTLE
    plan = Plan("", warm + stage.seconds(120.0, 40.0), flows, seed=stage.seed)
    return [Scene("mixed", plan, warm, LOAD)]


def panels(results: list[Result], _: Knee) -> list[Diagram]:
    """Served shares of each patience."""
    setups = list(dict.fromkeys(result.setup for result in results))

    def share(setup: str, name: str) -> float:
        each = [result.shares.get(name, 0.0) for result in results if result.setup == setup]
        return sum(each) / len(each)

    groups = {name: {setup: share(setup, name) for setup in setups} for name in DEADLINES}
    return [Bars("Served, by how long the caller waits", "share of pages", groups, 1.0)]


def served(name: str) -> Column:
    """Served share of those who wait so long."""
    return Column(f"served of {name}", lambda result, _: result.shares.get(name))


EXPERIMENT = Experiment(
    name="deadlines",
    title="Callers who wait 2, 10 or 60 seconds",
    gates=("ocrgate", "bare", "engine bound", "fixed + queue", "Gradient2"),
    setups=("ocrgate", "bare", "engine bound", "haproxy"),
    scenes=scenes,
    columns=(PAGES, *map(served, DEADLINES), WASTE, PREEMPTED),
    panels=panels,
)

if __name__ == "__main__":
    run(EXPERIMENT)

"""Load that jumps: a step from half the knee to four times it, and square waves around it.

``python -m benchmarks.overload.waves [--http]``
"""

from benchmarks.overload.figure import Diagram
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
    extra,
    pages_over_time,
)

from ocrgate.simulate.arrivals import Rate, square, steps

LOW, HIGH, STEP = 0.5, 3.5, 4.0
WINDOW = 2.0
PERIODS = (4.0, 20.0, 60.0)


def scenes(stage: Stage) -> list[Scene]:
    """A step up and down again, and waves of three periods (over HTTP of one)."""
    rate, third = stage.knee.rate, stage.seconds(40.0, 18.0)
    up = Flow(
        "all",
        LOW * rate,
        arrivals="burst",
        high=STEP * rate,
        burst=(SETTLE + third, SETTLE + 2 * third),
    )
    found = [Scene("step", Plan("", SETTLE + 3 * third, (up,), seed=stage.seed), SETTLE, 1.7)]
    periods = PERIODS if stage.form == "virtual" else (20.0,)
    for period in periods:
        wave = Flow("all", LOW * rate, arrivals="square", high=HIGH * rate, period=period)
        plan = Plan("", SETTLE + stage.seconds(120.0, 60.0), (wave,), seed=stage.seed)
        found.append(Scene(f"wave of {period:g} s", plan, SETTLE, (LOW + HIGH) / 2))
    return found


def rate_of(scene: Scene) -> Rate:
    """The offered rate at any second."""
    flow = scene.plan.flows[0]
    if flow.arrivals == "square":
        return square(flow.rate, flow.high, flow.period)
    begin, end = flow.burst
    return steps([(0.0, flow.rate), (begin, flow.high), (end, flow.rate)])


def measure(scene: Scene, rows: list[Row], result: Result, knee: Knee) -> None:
    """What was done of what could be: of each moment's offer no more than the knee."""
    rate = rate_of(scene)
    steps_of = [scene.warm + 0.1 * each for each in range(int(10 * result.seconds))]
    could = sum(min(rate(at), knee.rate) for at in steps_of) / len(steps_of)
    result.extra["part"] = result.goodput / could
    result.curve = over_time(rows, scene.plan.seconds, WINDOW)


def panels(results: list[Result], knee: Knee) -> list[Diagram]:
    """Pages in time over time, in the step and in the wave of 20 s."""
    return pages_over_time(results, knee, ("step", "wave of 20 s"))


EXPERIMENT = Experiment(
    name="waves",
    title="Load that jumps between half the knee and four times it",
    gates=("ocrgate", "engine bound", "fixed + queue", "AIMD", "Gradient2"),
    setups=("ocrgate", "engine bound", "haproxy"),
    scenes=scenes,
    columns=(
        extra("of what could be", "part"),
        WASTE,
        PREEMPTED,
    ),
    panels=panels,
    measure=measure,
)

if __name__ == "__main__":
    run(EXPERIMENT)

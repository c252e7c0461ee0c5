"""One engine of four is killed, becomes five times as slow, or is told to end.

Four engines at half speed, so that this machine can send what they read; 0.9 times what the four
can do, which is 1.2 times what three can. ``python -m benchmarks.overload.replicas``, over HTTP
alone: what is tried here is the shell, not the laws.
"""

import os
import signal
from functools import partial

from benchmarks.overload import play
from benchmarks.overload.bench import Stand
from benchmarks.overload.engines import change
from benchmarks.overload.figure import Diagram, Panel
from benchmarks.overload.plan import Flow, Plan, Row
from benchmarks.overload.record import Result, over_time
from benchmarks.overload.scene import (
    P99,
    Column,
    Event,
    Experiment,
    Knee,
    Scene,
    Stage,
    averaged,
    extra,
)

ENGINES, LOAD, SPEED, DEADLINE = 4, 0.9, 0.5, 15.0
CASES = {"killed": 3.0, "five times as slow": 3.2, "told to end": 3.0}
"""What happens to the first of them, and how many engines are left then."""

BEFORE, WINDOW = 15.0, 2.0


def scenes(stage: Stage) -> list[Scene]:
    """One for each mishap, half a minute after the start."""
    begin = play.SETTLE + BEFORE
    flow = Flow("all", LOAD * ENGINES * stage.knee.rate)
    end = begin + max(20.0, stage.seconds(0.0, 45.0))
    plan = Plan("", end, (flow,), deadline=DEADLINE, seed=stage.seed)
    return [Scene(case, plan, play.SETTLE, LOAD) for case in CASES]


def events(stand: Stand, scene: Scene) -> list[Event]:
    """What is done to the first engine."""
    first = stand.engines[0]
    action = {
        "killed": partial(os.kill, first.pid, signal.SIGKILL),
        "five times as slow": partial(change, first.url, "slow", 5.0),
        "told to end": partial(os.kill, first.pid, signal.SIGTERM),
    }[scene.case]
    return [(play.SETTLE + BEFORE, action)]


def measure(scene: Scene, rows: list[Row], result: Result, knee: Knee) -> None:
    """Goodput since of what is left, the worst dip, and pages lost."""
    begin, end = play.SETTLE + BEFORE, scene.plan.seconds
    left = CASES[scene.case] * knee.rate
    offer = scene.plan.flows[0].rate
    later = [row for row in rows if row.served and begin <= row.at + row.took < end]
    result.extra["part"] = len(later) / (end - begin) / min(left, offer)
    came = [row for row in rows if begin - DEADLINE <= row.at < end]
    broken = sum(row.status not in {0, 200, 429, 503} for row in came)
    result.extra["broken"], result.extra["late"] = (
        float(broken),
        sum(row.status == 0 for row in came) / len(came),
    )
    result.curve = over_time(rows, end, WINDOW)


def panels(results: list[Result], knee: Knee) -> list[Diagram]:
    """Pages in time over time, for each mishap."""
    return [
        Panel(
            f"One of four is {case}",
            "seconds",
            "pages/s in time",
            averaged(results, case),
            1.3 * ENGINES * knee.rate,
            mark=left * knee.rate,
        )
        for case, left in CASES.items()
    ]


EXPERIMENT = Experiment(
    name="replicas",
    title=f"One engine of four fails, {play.SETTLE + BEFORE:g} s after the start",
    gates=(),
    setups=("ocrgate", "nginx", "haproxy"),
    scenes=scenes,
    columns=(
        extra("goodput / what is left", "part"),
        extra("pages answered with 5xx or cut off", "broken", 0),
        Column("left unanswered", lambda result, _: result.extra.get("late"), 1, percent=True),
        P99,
    ),
    panels=panels,
    measure=measure,
    engines=ENGINES,
    events=events,
)


def main() -> None:
    """Run it at its own speed; the knee is that of one engine."""
    asked = play.options(EXPERIMENT)
    asked.speed = SPEED
    play.show(EXPERIMENT, asked, play.over_http(EXPERIMENT, asked))


if __name__ == "__main__":
    main()

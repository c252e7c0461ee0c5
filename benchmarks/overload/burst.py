"""Ten seconds of ten times the knee, with clients that try again: how long until all is well?

Before and after there is 0.8 times the knee. Each client tries three times and pauses 1 and 2 s
(jittered) in between, whatever it is told (impatient), or as long as it is told (obedient).
``python -m benchmarks.overload.burst [--http]``
"""

from collections import Counter

from benchmarks.overload.figure import Diagram, Panel
from benchmarks.overload.plan import Flow, Plan, Retries, Row
from benchmarks.overload.play import SETTLE, run
from benchmarks.overload.record import Result, answered, recovery
from benchmarks.overload.scene import (
    WASTE,
    Column,
    Experiment,
    Knee,
    Points,
    Scene,
    Stage,
    averaged,
    extra,
)

BURST, WINDOW = 10.0, 5.0
CLIENTS: tuple[Retries, ...] = ("impatient", "obedient")
TELLING = ("ocrgate", "ocrgate fixed", "ocrgate latency")
"""Those who say when to come back: to the others both kinds of clients are the same."""


def scenes(stage: Stage) -> list[Scene]:
    """One for each kind of client."""
    begin = 20.0 if stage.form == "virtual" else SETTLE
    end, rate = begin + BURST, stage.knee.rate
    after = stage.seconds(120.0, 60.0)
    return [
        Scene(
            f"{retries} clients",
            Plan(
                "",
                end + max(30.0, after),
                (
                    Flow(
                        "all",
                        0.8 * rate,
                        arrivals="burst",
                        high=10 * rate,
                        burst=(begin, end),
                        retries=retries,
                        tries=3,
                    ),
                ),
                seed=stage.seed,
            ),
            end,
            10.0,
            only=TELLING if retries == "obedient" else (),
        )
        for retries in CLIENTS
    ]


def measure(scene: Scene, rows: list[Row], result: Result, knee: Knee) -> None:
    """When all is well again, and who was served; ``never`` is 1 where that was not seen."""
    begin, end = scene.plan.flows[0].burst
    until = scene.plan.seconds
    seconds = recovery(rows, end, until)
    result.extra["recovery"] = seconds
    result.extra["never"] = float(seconds is None)
    result.extra["burst"] = answered(rows, begin, end)
    result.extra["after"] = answered(rows, end, until)
    fresh = [row.served_at_once for row in rows if end <= row.at < until]
    result.extra["at once"] = sum(fresh) / max(1, len(fresh))
    result.extra["rate"] = result.goodput / knee.rate
    result.curve = served(rows, begin, until)


def served(rows: list[Row], begin: float, until: float) -> Points:
    """Share of fresh pages served at once by window, seconds from the burst's begin."""
    came, good = Counter[int](), Counter[int]()
    for row in rows:
        if row.at < until:
            window = int((row.at - begin) // WINDOW)
            came[window] += 1
            good[window] += row.served_at_once
    return [((each + 0.5) * WINDOW, good[each] / came[each]) for each in sorted(came) if each >= -1]


def panels(results: list[Result], _: Knee) -> list[Diagram]:
    """Fresh pages served, over time."""
    return [
        Panel(
            f"Fresh pages served in 10 s, {retries} clients",
            "seconds from the burst's begin",
            "share",
            averaged(results, f"{retries} clients"),
            1.05,
        )
        for retries in CLIENTS
    ]


EXPERIMENT = Experiment(
    name="burst",
    title="Ten seconds of ten times the knee",
    gates=("ocrgate", "bare", "engine bound", "semaphore", "fixed + queue", "Gradient2"),
    setups=("ocrgate", "bare", "engine bound", "semaphore", "nginx", "haproxy"),
    scenes=scenes,
    columns=(
        extra("recovered after, s", "recovery", 0),
        extra("never recovered", "never", 0, percent=True),
        extra("served at once since", "at once"),
        extra("served at last: of the burst", "burst"),
        extra("of those since", "after"),
        extra("pages/s since, of the knee", "rate"),
        WASTE,
        Column("tries a page", lambda result, _: result.tries),
    ),
    panels=panels,
    measure=measure,
)

if __name__ == "__main__":
    run(EXPERIMENT)

"""Half of the KV cache goes away under twice the load, and nobody is told.

``python -m benchmarks.overload.halved [--http]``

What takes it away does not matter: another model on the GPU, longer pages of somebody else. The
engine says how full its cache is, as a share, and how often it has thrown somebody out.
"""

from functools import partial

from benchmarks.overload.figure import Diagram, Panel
from benchmarks.overload.plan import Flow, Plan, Row
from benchmarks.overload.play import SETTLE, run
from benchmarks.overload.record import Result, over_time
from benchmarks.overload.scene import (
    P99,
    PAGES,
    PREEMPTED,
    WASTE,
    Column,
    Experiment,
    Knee,
    Scene,
    Stage,
    averaged,
)
from benchmarks.overload.simulated import Turn
from benchmarks.overload.unseen import engine_profile

LOAD = 2.0
PROFILE = "f-model"
WINDOW = 5.0


def scenes(stage: Stage) -> list[Scene]:
    """Counted from the instant on, and, in virtual time, from ten seconds later too."""
    before, after = stage.seconds(40.0, 24.0), stage.seconds(120.0, 60.0)
    at = SETTLE + before
    half = Turn("kv_tokens", engine_profile(PROFILE).kv_tokens / 2)
    plan = Plan("", at + after, (Flow("all", LOAD * stage.knee.rate),), seed=stage.seed)
    made = partial(Scene, plan=plan, load=LOAD, turns=((at, half),))
    found = [made("from then on", warm=at)]
    return found if stage.form == "http" else [*found, made("10 s later", warm=at + 10.0)]


def measure(scene: Scene, rows: list[Row], result: Result, knee: Knee) -> None:  # noqa: ARG001
    """Pages in time over time."""
    result.curve = over_time(rows, scene.plan.seconds, WINDOW)


def panels(results: list[Result], knee: Knee) -> list[Diagram]:
    """Pages in time over time."""
    curves = averaged(results, "from then on")
    top = 1.35 * knee.rate
    return [Panel("Half of the cache goes", "seconds", "pages/s in time", curves, top)]


EXPERIMENT = Experiment(
    name="halved",
    title="Half of the KV cache goes away under twice the load",
    gates=(
        "ocrgate",
        "ocrgate without guard",
        "ocrgate without ledger",
        "engine bound",
        "fixed",
        "fixed + queue",
        "AIMD",
        "Vegas",
        "Gradient2",
    ),
    setups=("ocrgate", "engine bound", "nginx", "haproxy"),
    scenes=scenes,
    columns=(
        PAGES,
        WASTE,
        PREEMPTED,
        Column("preempted in all", lambda result, _: float(result.preemptions), 0),
        P99,
    ),
    panels=panels,
    measure=measure,
)

if __name__ == "__main__":
    run(EXPERIMENT)

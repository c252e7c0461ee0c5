"""Pages on which the model repeats itself until it is cut: none to a tenth, at twice the knee.

``python -m benchmarks.overload.runaways [--http]``
"""

from collections.abc import Callable

from benchmarks.overload.figure import Diagram, Panel
from benchmarks.overload.plan import Flow, Plan
from benchmarks.overload.play import SETTLE, run
from benchmarks.overload.record import Result
from benchmarks.overload.scene import (
    P99,
    PAGES,
    PREEMPTED,
    WASTE,
    Experiment,
    Knee,
    Points,
    Scene,
    Stage,
)

SHARES = (0.0, 0.02, 0.05, 0.1)
LOAD = 2.0


def scenes(stage: Stage) -> list[Scene]:
    """One for each share; none and the largest alone where it shall be short over HTTP."""
    warm = 20.0 if stage.form == "virtual" else SETTLE
    flow = Flow("all", LOAD * stage.knee.rate)
    plan = Plan("", warm + stage.seconds(120.0, 40.0), (flow,), seed=stage.seed)
    shares = SHARES[::3] if stage.short and stage.form == "http" else SHARES
    return [Scene(f"{100 * share:g} %", plan, warm, LOAD, loops=share) for share in shares]


def panels(results: list[Result], knee: Knee) -> list[Diagram]:
    """Pages in time and waste over the share."""

    def lines(value: Callable[[Result], float | None]) -> dict[str, Points]:
        found: dict[str, dict[float, list[float]]] = {}
        for result in results:
            share = float(result.case.removesuffix(" %"))
            if (seen := value(result)) is not None:
                found.setdefault(result.setup, {}).setdefault(share, []).append(seen)
        return {
            name: [(share, sum(each) / len(each)) for share, each in sorted(of.items())]
            for name, of in found.items()
        }

    ticks = [100 * share for share in SHARES]
    across = "% of pages that run away"
    rate, waste = lines(lambda one: one.goodput), lines(lambda one: one.waste)
    return [
        Panel("Pages in time", across, "pages/s", rate, 1.35 * knee.rate, ticks=ticks),
        Panel("Tokens written for nobody", across, "share", waste, 1.0, ticks=ticks),
    ]


EXPERIMENT = Experiment(
    name="runaways",
    title="Pages on which the model repeats itself, at twice the knee",
    gates=("ocrgate", "ocrgate without guard", "engine bound", "fixed + queue", "Gradient2"),
    setups=("ocrgate", "engine bound", "haproxy"),
    scenes=scenes,
    columns=(PAGES, WASTE, PREEMPTED, P99),
    panels=panels,
)

if __name__ == "__main__":
    run(EXPERIMENT)

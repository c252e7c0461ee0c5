"""Ten tenants, one of which sends nine tenths: what do the others get?

Each has a key of its own where the setup knows keys. ``python -m benchmarks.overload.tenants``
"""

from collections.abc import Iterable

from benchmarks.overload.figure import Diagram, Panel
from benchmarks.overload.plan import Flow, Plan, Row
from benchmarks.overload.play import SETTLE, run
from benchmarks.overload.record import Result
from benchmarks.overload.scene import GOODPUT, Experiment, Knee, Scene, Stage, averaged, extra

LARGE = "t0"
TENANTS = tuple(f"t{number}" for number in range(10))
LOADS = (2.0, 4.0, 8.0)


def scenes(stage: Stage) -> list[Scene]:
    """One for each load; over HTTP, when it shall be short, only the highest."""
    warm = 20.0 if stage.form == "virtual" else SETTLE
    seconds = warm + stage.seconds(120.0, 60.0)
    found = []
    for load in LOADS[-1:] if stage.short else LOADS:
        rates = {
            name: load * stage.knee.rate * (0.9 if name == LARGE else 0.1 / 9) for name in TENANTS
        }
        flows = tuple(Flow(name, rate) for name, rate in rates.items())
        plan = Plan("", seconds, flows, seed=stage.seed)
        found.append(Scene(f"{load:g}x", plan, warm, load, keys=True))
    return found


def measure(scene: Scene, rows: list[Row], result: Result, knee: Knee) -> None:  # noqa: ARG001
    """What small and large got."""
    small = [share for name, share in result.shares.items() if name != LARGE]
    result.extra["small"] = sum(small) / len(small) if small else None
    result.extra["least"] = min(small, default=None)
    result.extra["large"] = result.shares.get(LARGE)
    result.extra["jain"] = jain(small)
    result.curve = [(TENANTS.index(name), share) for name, share in result.shares.items()]


def jain(values: Iterable[float]) -> float | None:
    """Jain's index of fairness (1984): 1 when all have the same, 1/n when one has all."""
    each = list(values)
    squares = sum(value * value for value in each)
    return sum(each) ** 2 / (len(each) * squares) if squares else None


def panels(results: list[Result], _: Knee) -> list[Diagram]:
    """Served shares by tenant at the highest load."""
    case = f"{LOADS[-1]:g}x"
    return [
        Panel(
            f"At {case} the knee",
            "tenant; 0 sends nine tenths",
            "served share of its pages",
            averaged(results, case),
            1.05,
            ticks=range(len(TENANTS)),
        )
    ]


EXPERIMENT = Experiment(
    name="tenants",
    title="Ten tenants, one of them large",
    gates=("ocrgate", "bare", "engine bound", "semaphore", "fixed + queue", "Gradient2"),
    setups=("ocrgate", "bare", "engine bound", "semaphore", "nginx", "haproxy"),
    scenes=scenes,
    columns=(
        extra("nine small, mean", "small"),
        extra("the least of them", "least"),
        extra("Jain over the nine", "jain"),
        extra("the large one", "large"),
        GOODPUT,
    ),
    panels=panels,
    measure=measure,
)

if __name__ == "__main__":
    run(EXPERIMENT)

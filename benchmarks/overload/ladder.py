"""Goodput, latency, refusals and waste against the offered load, before the same engine.

``python -m benchmarks.overload.ladder [--quick]``
"""

from collections.abc import Callable
from pathlib import Path

from benchmarks.overload.bench import (
    DEADLINE,
    IMAGES,
    Bench,
    Knee,
    finish,
    known_knee,
    opened,
    parser,
)
from benchmarks.overload.figure import Panel, Points, draw
from benchmarks.overload.fronts import Setup
from benchmarks.overload.plan import Flow, Plan
from benchmarks.overload.record import Result

LOADS = (0.5, 0.8, 1.0, 2.0, 4.0, 10.0)
QUICK = (0.8, 2.0, 10.0)


def run(bench: Bench, found: Knee, setup: Setup, load: float, seconds: float) -> Result:
    """One rung for one setup."""
    rate = load * found.rate
    flow = Flow("all", rate)
    plan = Plan("", setup.settle + seconds, (flow,), deadline=DEADLINE, seed=bench.seed)
    with bench.stand(setup, found.places) as stand:
        result = stand.measure(plan, setup.settle)
    result.load = load
    return result


def figure(path: Path, found: Knee, results: list[Result], loads: tuple[float, ...]) -> None:
    """Four curves of each setup."""
    names = sorted(
        dict.fromkeys(result.setup for result in results), key=lambda name: name != "ocrgate"
    )

    def lines(value: Callable[[Result], float | None]) -> dict[str, Points]:
        return {
            name: [
                (result.load, seen)
                for result in results
                if result.setup == name and (seen := value(result)) is not None
            ]
            for name in names
        }

    def panel(title: str, up: str, value: Callable[[Result], float | None], top: float) -> Panel:
        return Panel(title, "offered load / knee", up, lines(value), top, True, loads)

    goodput = Panel(
        "Pages in time",
        "offered load / knee",
        "goodput / knee",
        lines(lambda result: result.goodput / found.rate),
        1.2,
        True,
        loads,
        1.0,
    )
    panels = [
        goodput,
        panel("Latency of served pages, p99", "seconds", lambda result: result.p99, 10.5),
        panel("Pages refused", "share", lambda result: result.refused, 1.0),
        panel("Tokens written for nobody", "share", lambda result: result.waste, 1.0),
    ]
    draw(path, f"Load ladder; knee {found.rate:.1f} pages/s", panels, 380)


def main() -> None:
    """Run it."""
    options = parser(__doc__).parse_args()
    loads = QUICK if options.quick else LOADS
    seconds = 15.0 if options.quick else 30.0
    with opened(options) as bench:
        found = known_knee(bench, options)
        jobs = [(setup, load) for load in loads for setup in bench.setups]
        results = bench.joined(jobs, lambda setup, load: run(bench, found, setup, load, seconds))
        finish(bench, "ladder", found, results)
    if not options.no_figure:
        figure(IMAGES / "overload-ladder.svg", found, results, loads)


if __name__ == "__main__":
    main()

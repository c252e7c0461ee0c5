"""Goodput, latency, refusals and waste against the offered load, before the same engine.

``python -m benchmarks.overload.ladder [--quick]``
"""

import argparse
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


def flow(options: argparse.Namespace, rate: float) -> Flow:
    """Arrivals of so many pages a second on average, as the command line wants them."""
    low, high = 0.5 * rate, 1.5 * rate
    match options.arrivals:
        case "square":
            return Flow("all", low, arrivals="square", high=high)
        case "trace":
            return Flow("all", rate, arrivals="trace", path=str(options.trace))
        case kind:
            return Flow("all", rate, arrivals=kind)


def run(bench: Bench, found: Knee, setup: Setup, sent: Flow, seconds: float) -> Result:
    """One rung for one setup."""
    plan = Plan("", setup.settle + seconds, (sent,), deadline=DEADLINE, seed=bench.seed)
    with bench.stand(setup, found.places) as stand:
        return stand.measure(plan, setup.settle)


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
    made = parser(__doc__)
    kinds = ("poisson", "gamma", "square", "trace")
    made.add_argument("--arrivals", choices=kinds, default="poisson", help="gamma: bursty")
    made.add_argument("--trace", type=Path, help="file of a trace, for --arrivals trace")
    options = made.parse_args()
    if (options.arrivals == "trace") != (options.trace is not None):
        made.error("--trace and --arrivals trace go together")
    loads = QUICK if options.quick else LOADS
    seconds = 15.0 if options.quick else 30.0

    def rung(setup: Setup, load: float) -> Result:
        result = run(bench, found, setup, flow(options, load * found.rate), seconds)
        result.load = load
        return result

    with opened(options) as bench:
        found = known_knee(bench, options)
        jobs = [(setup, load) for load in loads for setup in bench.setups]
        results = bench.joined(jobs, rung)
        finish(bench, "ladder", found, results)
    if not options.no_figure:
        figure(IMAGES / "overload-ladder.svg", found, results, loads)


if __name__ == "__main__":
    main()

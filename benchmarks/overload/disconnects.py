"""Clients that leave: at twice the knee half of them go within five seconds, then all hang up.

Counted is what the engine wrote for nobody, and how long after the last client has gone it is
still busy. ``python -m benchmarks.overload.disconnects [--quick]``
"""

import time
from collections.abc import Iterator

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
from benchmarks.overload.engines import counters
from benchmarks.overload.figure import Panel, draw
from benchmarks.overload.fronts import Setup
from benchmarks.overload.plan import Flow, Plan
from benchmarks.overload.record import Result

LEAVES = 5.0
WATCHED = 20.0


def run(bench: Bench, found: Knee, setup: Setup, load: float, seconds: float) -> Result:
    """One setup; its curve is of pages in the engine by seconds since all hung up."""
    flow = Flow("all", load * found.rate, leaves=LEAVES)
    plan = Plan(
        "", setup.settle + seconds, (flow,), deadline=DEADLINE, seed=bench.seed, hang_up=True
    )
    busy: list[tuple[float, float]] = []
    with bench.stand(setup, found.places) as stand:
        result = stand.measure(
            plan,
            setup.settle,
            lambda: busy.extend(watched(stand.engine, stand.began() + plan.seconds)),
        )
    result.load = load
    result.extra["emptied"] = busy[-1][0] if busy[-1][1] == 0 else None
    result.curve = busy
    return result


def watched(engine: str, since: float) -> Iterator[tuple[float, float]]:
    """Pages in the engine by seconds since an instant, until there are none."""
    while (seconds := time.monotonic() - since) < WATCHED:
        seen = counters(engine)
        yield seconds, seen.running + seen.waiting
        if not seen.running and not seen.waiting:
            return
        time.sleep(0.02)


def main() -> None:
    """Run it."""
    options = parser(__doc__).parse_args()
    seconds = 15.0 if options.quick else 40.0
    with opened(options) as bench:
        found = known_knee(bench, options)
        results = bench.joined(
            [(setup, 2.0) for setup in bench.setups],
            lambda setup, load: run(bench, found, setup, load, seconds),
        )
        for result in results:
            emptied = result.extra["emptied"]
            said = f"not in {WATCHED:g} s" if emptied is None else f"{emptied:.2f} s"
            print(f"{result.setup:14} engine empty after everybody left: {said}")
        finish(bench, "disconnects", found, results)
    if not options.no_figure:
        order = sorted(results, key=lambda result: result.setup != "ocrgate")
        panel = Panel(
            "Pages still in the engine after everybody hung up",
            "seconds",
            "running and waiting",
            {result.setup: result.curve for result in order},
        )
        draw(IMAGES / "overload-disconnects.svg", "Disconnect storm", [panel], 820)


if __name__ == "__main__":
    main()

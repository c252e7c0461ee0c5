"""Ten seconds of ten times the knee, with clients that try again: how long until all is well?

Before and after there is 0.8 times the knee. Each client tries three times and pauses 1 and 2 s
(jittered) in between, or as long as it is told. ``python -m benchmarks.overload.burst [--quick]``
"""

from collections import Counter
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
from benchmarks.overload.figure import Panel, draw
from benchmarks.overload.fronts import Setup
from benchmarks.overload.plan import Flow, Plan, Retries
from benchmarks.overload.record import Result, answered, recovery, rows

BURST = 10.0
WINDOW = 5.0


def run(bench: Bench, found: Knee, setup: Setup, after: float, retries: Retries) -> Result:
    """One burst; its curve is the share of fresh pages served in time, by when they came."""
    begin = setup.settle
    end = begin + BURST
    flow = Flow(
        "all",
        0.8 * found.rate,
        arrivals="burst",
        high=10 * found.rate,
        burst=(begin, end),
        retries=retries,
        tries=3,
    )
    plan = Plan("", end + after, (flow,), deadline=DEADLINE, seed=bench.seed)
    with bench.stand(setup, found.places) as stand:
        result = stand.measure(plan, end)
        result.load = 10.0
        result.extra["recovery"] = recovery(stand.record, end, plan.seconds, DEADLINE)
        result.extra["burst"] = answered(stand.record, begin, end)
        result.extra["after"] = answered(stand.record, end, plan.seconds)
        result.curve = served(stand.record, begin, plan.seconds)
    return result


def served(record: Path, begin: float, seconds: float) -> list[tuple[float, float]]:
    """Served share of the pages that came in each window, seconds from the burst's begin."""
    came, good = Counter[int](), Counter[int]()
    for row in rows(record):
        if row.at < seconds:
            window = int((row.at - begin) // WINDOW)
            came[window] += 1
            good[window] += row.status == 200 and row.took <= DEADLINE
    return [((each + 0.5) * WINDOW, good[each] / came[each]) for each in sorted(came) if each >= -1]


def main() -> None:
    """Run it."""
    made = parser(__doc__)
    made.add_argument("--impatient", action="store_true", help="clients ignore Retry-After")
    options = made.parse_args()
    retries: Retries = "impatient" if options.impatient else "obedient"
    after = 30.0 if options.quick else 60.0
    with opened(options) as bench:
        found = known_knee(bench, options)
        results = bench.joined(
            [(setup, 10.0) for setup in bench.setups],
            lambda setup, _: run(bench, found, setup, after, retries),
        )
        for result in results:
            seconds = result.extra["recovery"]
            said = f"never in {after:g} s" if seconds is None else f"after {seconds:g} s"
            shares = [round(result.extra[name] or 0.0, 3) for name in ("burst", "after")]
            print(
                f"{result.setup:14} recovered {said}; served at last, of the burst and since: "
                f"{shares}; {result.tries:.2f} tries a page since"
            )
        finish(bench, "burst", found, results)
    if not options.no_figure:
        order = sorted(results, key=lambda result: result.setup != "ocrgate")
        panel = Panel(
            "Fresh pages served in 10 s, by when they came",
            "seconds from the burst's begin",
            "share",
            {result.setup: result.curve for result in order},
            1.05,
        )
        draw(IMAGES / "overload-burst.svg", "10 s at 10 times the knee", [panel], 820)


if __name__ == "__main__":
    main()

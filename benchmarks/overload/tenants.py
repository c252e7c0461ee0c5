"""Ten tenants at eight times the knee, one of which sends nine tenths: what do the others get?

Each has a key of its own where the setup knows keys. ``python -m benchmarks.overload.tenants``
"""

from collections.abc import Iterable

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

LARGE = "t0"
TENANTS = tuple(f"t{number}" for number in range(10))


def run(bench: Bench, found: Knee, setup: Setup, load: float, seconds: float) -> Result:
    """One setup at one load."""
    with bench.stand(setup, found.places, TENANTS) as stand:
        keys = stand.front.keys
        rates = {name: load * found.rate * (0.9 if name == LARGE else 0.1 / 9) for name in TENANTS}
        flows = tuple(Flow(name, rate, key=keys.get(name, "")) for name, rate in rates.items())
        plan = Plan("", setup.settle + seconds, flows, deadline=DEADLINE, seed=bench.seed)
        result = stand.measure(plan, setup.settle)
    result.load = load
    small = [share for name, share in result.shares.items() if name != LARGE]
    result.extra["small"] = sum(small) / len(small) if small else None
    result.extra["least"] = min(small, default=None)
    result.extra["large"] = result.shares.get(LARGE)
    result.extra["jain"] = jain(small)
    return result


def jain(values: Iterable[float]) -> float | None:
    """Jain's index of fairness (1984): 1 when all have the same, 1/n when one has all."""
    each = list(values)
    squares = sum(value * value for value in each)
    return sum(each) ** 2 / (len(each) * squares) if squares else None


def lines(results: list[Result]) -> dict[str, Points]:
    """Served shares by number of the tenant, for each setup."""
    order = sorted(results, key=lambda result: result.setup != "ocrgate")
    return {
        result.setup: [(TENANTS.index(name), share) for name, share in result.shares.items()]
        for result in order
    }


def main() -> None:
    """Run it."""
    options = parser(__doc__).parse_args()
    loads = (8.0,) if options.quick else (2.0, 4.0, 8.0)
    seconds = 20.0 if options.quick else 60.0
    with opened(options) as bench:
        found = known_knee(bench, options)
        jobs = [(setup, load) for load in loads for setup in bench.setups]
        results = bench.joined(jobs, lambda setup, load: run(bench, found, setup, load, seconds))
        for result in results:
            extra = {name: round(value or 0.0, 3) for name, value in result.extra.items()}
            print(f"{result.setup:14} {result.load:4.1f}x served shares: {extra}")
        finish(bench, "tenants", found, results)
    if not options.no_figure:
        panel = Panel(
            f"At {loads[-1]:g} times the knee",
            "tenant; 0 sends nine tenths",
            "served share of its pages",
            lines([result for result in results if result.load == loads[-1]]),
            1.05,
            ticks=range(len(TENANTS)),
        )
        draw(IMAGES / "overload-tenants.svg", "Ten tenants, one of them large", [panel], 820)


if __name__ == "__main__":
    main()

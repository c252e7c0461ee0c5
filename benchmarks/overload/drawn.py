"""No tuning: the same defaults before engines drawn by chance, at twice and ten times each knee.

``python -m benchmarks.overload.drawn [--count 40] [--parallel 2]``, in virtual time, some minutes.
Each engine's knee is its own: the best of closed loops of 4 to 256 clients. What is counted begins
after a warm-up of twice the callers' patience, at least 20 s. An engine that reads a page in 30 s
or a minute shows few pages in a run, so two seeds are averaged; that leaves some noise. Engines 0
to 99 and 1000 to 1039 were looked at while the law was made; those from 2000 on were not.
"""

import argparse
import json
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from statistics import mean

import msgspec
from benchmarks.overload import bench
from benchmarks.overload.figure import Panel, draw
from benchmarks.overload.plan import Flow, Plan
from benchmarks.overload.play import RECORDS, Trial, sweep_of
from benchmarks.overload.scene import Knee, Scene, as_it_is
from benchmarks.overload.strangers import patience, stranger

LOADS = (2.0, 10.0)
GATES = ("ocrgate", "fixed + queue", "Gradient2")
SEEDS = (1, 2)
PAGES = 1000.0  # counted, where that takes no longer than 8 times the callers' patience
TITLE = "The same defaults before engines drawn by chance"
RECORD = RECORDS / "drawn.json"
IMAGE = RECORDS.parents[2] / "docs" / "images" / "overload-drawn.svg"


@dataclass(frozen=True, slots=True)
class Found:
    """One engine: its knee, and goodput in parts of it by gate and load (``ocrgate, 2x``)."""

    name: str
    about: str
    rate: float
    places: int
    parts: dict[str, float]
    preempted: float


def scene(knee: Knee, waits: float, load: float, seed: int) -> Scene:
    """One run."""
    warm = max(20.0, 2 * waits)
    seconds = warm + max(30.0, min(8 * waits, PAGES / knee.rate))
    flow = Flow("all", load * knee.rate)
    return Scene(f"{load:g}x", Plan("", seconds, (flow,), deadline=waits, seed=seed), warm, load)


def measure(gates: Sequence[str], number: int) -> Found:
    """Its knee, then every gate at both loads."""
    engine = stranger(number)
    waits = patience(engine)
    knee = sweep_of(engine, range(1, 2), deadline=waits)
    parts, preempted = {}, 0.0
    for gate in gates:
        for load in LOADS:
            runs = [
                Trial(gate, scene(knee, waits, load, seed), engine.name, knee, as_it_is).run()
                for seed in SEEDS
            ]
            parts[f"{gate}, {load:g}x"] = mean(run.goodput for run in runs) / knee.rate
            if gate == "ocrgate":
                preempted = max(preempted, mean(run.preempted for run in runs))
    return Found(engine.name, engine.about, knee.rate, knee.places, parts, preempted)


def summary(found: Sequence[Found]) -> list[str]:
    """A table: each gate's worst, tenth, middle, and how many reach 0.97 and 0.9."""
    lines = [
        "| gate | worst | 10 % below | median | engines with >= 0.97 | >= 0.90 |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name in found[0].parts:
        parts = sorted(each.parts[name] for each in found)
        cells = [
            f"{parts[0]:.2f}",
            f"{parts[len(parts) // 10]:.2f}",
            f"{parts[len(parts) // 2]:.2f}",
        ]
        counts = [
            f"{sum(part >= least for part in parts)} of {len(parts)}" for least in (0.97, 0.9)
        ]
        lines.append(f"| {' | '.join([name, *cells, *counts])} |")
    return lines


def worst(found: Sequence[Found], count: int = 6) -> list[str]:
    """The engines we do worst on."""
    ours = [f"ocrgate, {load:g}x" for load in LOADS]
    order = sorted(found, key=lambda each: min(each.parts[name] for name in ours))
    return [
        f"* {each.name} ({each.about}): "
        + ", ".join(f"{each.parts[name]:.2f}" for name in ours)
        + f" of {each.rate:.2f} pages/s with {each.places} at once"
        for each in order[:count]
    ]


def told(found: Sequence[Found]) -> list[str]:
    """Both."""
    return [*summary(found), "", "Where ocrgate does worst:", "", *worst(found)]


def kept() -> list[str]:
    """The record, as it stands in the page of the overload bench; empty before the first."""
    if not RECORD.exists():
        return []
    record = json.loads(RECORD.read_text())
    seeds = ", ".join(map(str, record["seeds"]))
    how = f"`{record['command']}`, seeds {seeds}, commit {record['commit']}, {record['at']}."
    found = [msgspec.convert(each, Found) for each in record["engines"]]
    return [how, "", *told(found)]


def figure(found: Sequence[Found]) -> None:
    """Engines in the order of what each gate brings there."""
    panels = []
    for load in LOADS:
        lines = {}
        for gate in GATES:
            name = f"{gate}, {load:g}x"
            if name in found[0].parts:
                parts = sorted(each.parts[name] for each in found)
                lines[gate] = [(100 * (i + 0.5) / len(parts), y) for i, y in enumerate(parts)]
        title = f"At {load:g} times the knee"
        across = "engines, %, in order of it"
        panels.append(Panel(title, across, "goodput / knee", lines, top=1.4, mark=1.0))
    draw(IMAGE, TITLE, panels)


def main() -> None:
    """All engines, in one record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--first", type=int, default=2000, help="the number of the first engine")
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--only", default=",".join(GATES), help="gates")
    parser.add_argument("--dry", action="store_true", help="keep no record, draw no figure")
    asked = parser.parse_args()
    numbers = range(asked.first, asked.first + asked.count)
    begun = time.time()
    with ProcessPoolExecutor(asked.parallel) as pool:
        found = list(pool.map(partial(measure, asked.only.split(",")), numbers))
    print("\n".join(told(found)))
    print(f"{time.time() - begun:.0f} s")
    if asked.dry:
        return
    record = {
        "command": f"python -m benchmarks.overload.drawn --count {asked.count}",
        "commit": bench.commit(),
        "at": time.strftime("%Y-%m-%d %H:%M:%S"),
        "seeds": SEEDS,
        "engines": [asdict(each) for each in found],
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    figure(found)


if __name__ == "__main__":
    main()

"""Plays an experiment in virtual time or over HTTP, and keeps a record and a figure of it.

The command line of every experiment: ``python -m benchmarks.overload.NAME [--http]``.
"""

import argparse
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean

import msgspec
from benchmarks.overload import bench, pages
from benchmarks.overload.engines import change, let_say
from benchmarks.overload.figure import Diagram, draw
from benchmarks.overload.fronts import Setup
from benchmarks.overload.gates import GATES, Setting, engine_of, guard_of
from benchmarks.overload.heat import Gpu, Warmed
from benchmarks.overload.record import Result, rows
from benchmarks.overload.scene import (
    FORMS,
    Column,
    Event,
    Experiment,
    Form,
    Knee,
    Measure,
    Points,
    Scene,
    Stage,
)
from benchmarks.overload.unseen import engine_profile
from benchmarks.overload.world import World

from ocrgate.simulate.changes import Change
from ocrgate.simulate.drive import closed_loop
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profile import Profile

RECORDS = Path(__file__).parent / "records"
CLIENTS = (4, 8, 12, 16, 24, 28, 32, 40, 48, 64, 96, 128, 192, 256)
SETTLE = 8.0  # seconds of load over HTTP before anything counts


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of an experiment in one form."""

    experiment: str
    form: Form
    command: str
    commit: str
    at: str
    machine: str
    load_average: float
    profile: str
    seeds: list[int]
    knee: Knee
    missing: dict[str, str]
    results: list[Result]


@dataclass(frozen=True, slots=True)
class Trial:
    """One run in virtual time; it can be sent to another process."""

    gate: str
    scene: Scene
    profile: str
    knee: Knee
    measure: Measure

    def run(self) -> Result:
        """Carry it out."""
        scene, shape = self.scene, engine_of(self.gate, engine_profile(self.profile))
        if scene.loops is not None:
            shape = replace(shape, lengths=replace(shape.lengths, loops=scene.loops))
        turns = [Change(at, turn.kind, turn.value) for at, turn in scene.turns]
        engine = VirtualEngine(shape, scene.plan.seed, turns)
        gpu = Gpu() if scene.heats else None
        gate = GATES[self.gate](Setting(shape, self.knee, scene, gpu))
        gate = gate if gpu is None else Warmed(gate, gpu)
        world = World(scene.plan, gate, engine, scene.warm, scene.keys, guard_of(self.gate))
        result = world.go()
        result.setup = self.gate
        if gpu is not None:
            result.extra["hottest"], result.extra["throttled"] = gpu.hottest, gpu.throttled_for
        self.measure(scene, world.rows, result, self.knee)
        return named(result, scene)


def named(result: Result, scene: Scene) -> Result:
    """With what it is a result of."""
    result.case, result.load = scene.case, scene.load
    return result


# In virtual time


def closed(shape: Profile, deadline: float, asked: tuple[int, int]) -> float:
    """Pages a second in time before the bare engine, with so many clients and a seed."""
    clients, seed = asked
    source = pages.virtual("plain", shape.lengths, random.Random(f"{seed} pages"))
    engine = VirtualEngine(shape, seed)
    return closed_loop(engine, source, clients, 140.0, warmup=20.0, deadline=deadline).rate


def virtual_knee(profile: str, seeds: range, workers: int, deadline: float = 10.0) -> Knee:
    """A sweep over numbers of clients, averaged over seeds."""
    with ProcessPoolExecutor(workers) as pool:
        return sweep_of(engine_profile(profile), seeds, pool.map, deadline)


def sweep_of(
    shape: Profile, seeds: range, each: Callable[..., Iterable[float]] = map, deadline: float = 10.0
) -> Knee:
    """The same before any engine; ``each`` maps."""
    counts = [count for count in CLIENTS if count <= 1.34 * shape.max_num_seqs]
    cells = [(count, seed) for count in counts for seed in seeds]
    rates = list(each(partial(closed, shape, deadline), cells))
    sweep = {
        count: mean(rate for cell, rate in zip(cells, rates, strict=True) if cell[0] == count)
        for count in counts
    }
    best = max(sweep.values())
    return Knee(best, min(count for count, rate in sweep.items() if rate >= 0.97 * best), sweep)


def in_virtual_time(
    experiment: Experiment, asked: argparse.Namespace, deadline: float = 10.0
) -> Record:
    """All gates, scenes and seeds; ``deadline`` is that of the knee's clients."""
    seeds = range(1, asked.seeds + 1)
    found = known(asked) or virtual_knee(asked.profile, seeds, asked.parallel, deadline)
    trials = [
        Trial(gate, scene, asked.profile, found, experiment.measure)
        for seed in seeds
        for scene in experiment.scenes(Stage("virtual", found, seed, asked.quick))
        for gate in chosen(asked, experiment.gates)
        if scene.concerns(gate)
    ]
    with ProcessPoolExecutor(asked.parallel) as pool:
        results = list(pool.map(Trial.run, trials))
    return record_of(experiment, asked, found, results)


# Over HTTP


def over_http(experiment: Experiment, asked: argparse.Namespace) -> Record:
    """The same before simulated engines in real time."""
    asked.only = ",".join(chosen(asked, experiment.setups))
    with bench.opened(asked) as place:
        found = known(asked) or bench.known_knee(place, asked)
        jobs = [
            (setup, scene)
            for seed in range(1, asked.seeds + 1)
            for scene in experiment.scenes(Stage("http", found, seed, asked.quick))
            for setup in place.setups
            if scene.concerns(setup.name)
        ]
        results = place.each(jobs, partial(on_stand, experiment, place, found))
        return record_of(experiment, asked, found, results, place.missing)


def on_stand(
    experiment: Experiment, place: bench.Bench, found: Knee, setup: Setup, scene: Scene
) -> Result:
    """One run over HTTP."""
    drains = 15.0 if experiment.engines > 1 else 0.0
    choice = replace(place.choice, seed=scene.plan.seed, loops=scene.loops, drains=drains)
    later = setup.settle - SETTLE
    names = tuple(flow.name for flow in scene.plan.flows) if scene.keys else ()
    curve: Points = []
    with place.stand(
        setup, found.places, names, choice=choice, engines=experiment.engines
    ) as stand:
        keys = stand.front.keys
        flows = tuple(replace(flow, key=keys.get(flow.name, "")) for flow in scene.plan.flows)
        plan = replace(scene.plan, flows=flows, seconds=scene.plan.seconds + later)
        finale = experiment.finale
        at_end = (
            partial(curve.extend, ())
            if finale is None
            else (lambda: curve.extend(finale(stand, scene)))
        )
        events = [*told(stand, scene), *experiment.events(stand, scene)]
        result = stand.measure(plan, scene.warm + later, at_end, events)
        result.curve = curve
        experiment.measure(scene, rows(stand.record), result, found)
    return named(result, scene)


def told(stand: bench.Stand, scene: Scene) -> Iterator[Event]:
    """What the first engine is told by the scene, and when."""
    url = stand.engines[0].url
    for at, turn in scene.turns:
        yield at, partial(change, url, turn.kind, turn.value)
    for at, says in scene.voices:
        yield at, partial(let_say, url, says)


# Records


def record_of(
    experiment: Experiment,
    asked: argparse.Namespace,
    found: Knee,
    results: list[Result],
    missing: dict[str, str] | None = None,
) -> Record:
    """What is kept."""
    words = ["python -m", f"benchmarks.overload.{experiment.name}", *sys.argv[1:]]
    return Record(
        experiment.name,
        asked.form,
        " ".join(words),
        bench.commit(),
        time.strftime("%Y-%m-%d %H:%M:%S"),
        f"{os.cpu_count()} cores",
        os.getloadavg()[0],
        asked.profile,
        sorted({result.seed for result in results}),
        found,
        missing or {},
        results,
    )


def keep(record: Record, folder: Path = RECORDS) -> None:
    """Write it down."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record.experiment}-{record.form}.json"
    path.write_text(json.dumps(asdict(record), indent=1) + "\n")


def kept(name: str, form: Form) -> Record | None:
    """The record of an experiment; None before its first."""
    path = RECORDS / f"{name}-{form}.json"
    return msgspec.json.decode(path.read_bytes(), type=Record) if path.exists() else None


TITLES = {"virtual": "in virtual time", "http": "over HTTP"}


def figure(experiment: Experiment) -> None:
    """Draw what was kept: the forms one below the other, or each on a sheet of its own."""
    rows: dict[Form, list[Diagram]] = {}
    for form in reversed(FORMS):
        if (record := kept(experiment.name, form)) is not None:
            panels = experiment.panels(record.results, record.knee)
            rows[form] = [replace(each, title=f"{each.title}, {TITLES[form]}") for each in panels]
    if not experiment.apart:
        sheet(experiment.title, experiment.name, [row for row in rows.values() if row])
        return
    for form, row in rows.items():
        suffix = "" if form == "http" else f"-{form}"
        sheet(f"{experiment.title} {TITLES[form]}", f"{experiment.name}{suffix}", [row])


def sheet(title: str, name: str, rows: list[list[Diagram]]) -> None:
    """One figure."""
    across = max((len(row) for row in rows), default=1)
    width = {1: 820, 2: 560}.get(across, 430)
    panels = [panel for row in rows for panel in row]
    draw(bench.IMAGES / f"overload-{name}.svg", title, panels, width, across)


def table(experiment: Experiment, record: Record) -> Iterator[str]:
    """One line for each case and setup: means over seeds, of the first column the range too."""
    heads = ["setup", *(column.heading for column in experiment.columns)]
    cased = len({result.case for result in record.results}) > 1
    if cased:
        heads.insert(0, "case")
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * (1 + cased) + "--:|" * len(experiment.columns)
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in record.results:
        groups.setdefault((result.case, result.setup), []).append(result)
    for (case, setup), results in groups.items():
        cells = [case, setup] if cased else [setup]
        for place, column in enumerate(experiment.columns):
            cells.append(cell(column, results, record.knee, ranged=place == 0))
        yield "| " + " | ".join(cells) + " |"


def cell(column: Column, results: list[Result], found: Knee, *, ranged: bool) -> str:
    """The mean of some results, or a dash."""
    each = [column.value(result, found) for result in results]
    values = [value for value in each if value is not None and not math.isnan(value)]
    if not values:
        return "-"

    def shown(value: float) -> str:
        return f"{100 * value if column.percent else value:.{column.digits}f}"

    unit = " %" if column.percent else ""
    if not ranged or len(values) == 1:
        return shown(mean(values)) + unit
    return f"{shown(mean(values))}{unit} ({shown(min(values))} to {shown(max(values))})"


# The command line


def options(experiment: Experiment, arguments: list[str] | None = None) -> argparse.Namespace:
    """What is asked for."""
    made = bench.parser(experiment.title)
    made.add_argument("--http", action="store_true", help="in real time, before servers")
    made.add_argument("--seeds", type=int, help="how many; 5 in virtual time, 1 over HTTP")
    asked = made.parse_args(arguments)
    asked.form = "http" if asked.http or not experiment.gates else "virtual"
    asked.seeds = asked.seeds or (1 if asked.form == "http" else 5)
    return asked


def chosen(asked: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """The gates or setups that are wanted."""
    only = asked.only.split(",") if asked.only else list(names)
    return [name for name in names if name in only]


def known(asked: argparse.Namespace) -> Knee | None:
    """The knee that the command line says."""
    return None if asked.rate is None else Knee(asked.rate, asked.places or 32, {})


def run(experiment: Experiment, arguments: list[str] | None = None) -> None:
    """The command of an experiment."""
    asked = options(experiment, arguments)
    play = over_http if asked.form == "http" else in_virtual_time
    show(experiment, asked, play(experiment, asked))


def show(experiment: Experiment, asked: argparse.Namespace, record: Record) -> None:
    """Keep the record, print its table, draw the figure."""
    keep(record, asked.out or RECORDS)
    print("\n" + "\n".join(table(experiment, record)) + "\n")
    for rival, why in record.missing.items():
        print(f"not run: {rival}: {why}")
    found = record.knee
    print(
        f"{record.command}; commit {record.commit}; knee {found.rate:.2f} pages/s, 97 % of it with "
        f"{found.places} at once; seeds {record.seeds}; load average {record.load_average:.1f}"
    )
    if not asked.no_figure and asked.out is None:
        figure(experiment)

"""One run: an engine, what stands before it, and the generator; and the knee to compare with."""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from benchmarks.overload.engines import NOTHING, Counters, EngineChoice, counters, engine
from benchmarks.overload.fronts import SETUPS, Front, Place, Setup
from benchmarks.overload.plan import Plan
from benchmarks.overload.processes import NotStarted, Running
from benchmarks.overload.record import Result, begun, rows, summary
from benchmarks.overload.scene import Knee

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
DEADLINE = 10.0
Job = TypeVar("Job")


@dataclass(slots=True)
class Bench:
    """What all runs of an experiment share.

    Attributes:
        choice: of the engine.
        folder: for records, logs and configurations.
        setups: by name.
        seed: of the load.
        parallel: runs at the same time.
        earlier: results of the run that this one is joined to.
        missing: rivals that could not be started, and why.
    """

    choice: EngineChoice
    folder: Path
    setups: list[Setup]
    seed: int
    parallel: int = 1
    earlier: tuple[Result, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def stand(
        self,
        setup: Setup,
        places: int,
        tenants: tuple[str, ...] = (),
        *,
        choice: EngineChoice | None = None,
        engines: int = 1,
    ) -> Iterator["Stand"]:
        """Fresh engines with ``setup`` before them; of another ``choice`` than the bench's."""
        folder = Path(tempfile.mkdtemp(prefix=f"{setup.name.replace(' ', '-')}-", dir=self.folder))
        with contextlib.ExitStack() as stack:
            behind = []
            for number in range(engines):
                home = folder / f"engine-{number}"
                home.mkdir()
                started = engine(choice or self.choice, home, setup.bound)
                behind.append(stack.enter_context(started))
            place = Place(tuple(one.url for one in behind), places, folder, tenants)
            front = stack.enter_context(setup.open(place))
            yield Stand(setup, tuple(behind), front, folder)

    def joined(
        self, jobs: list[tuple[Setup, Job]], run: Callable[[Setup, Job], Result]
    ) -> list[Result]:
        """As :meth:`each`, with the results of the run that this one is joined to."""
        return [*self.earlier, *self.each(jobs, run)]

    def each(
        self, jobs: list[tuple[Setup, Job]], run: Callable[[Setup, Job], Result]
    ) -> list[Result]:
        """Carry out runs, some at a time; those of rivals that are not here are left out."""

        def one(job: tuple[Setup, Job]) -> Result | None:
            try:
                result = run(*job)
            except NotStarted as reason:
                self.missing[job[0].name] = str(reason)
                return None
            print(line(result), flush=True)
            return result

        with ThreadPoolExecutor(self.parallel) as pool:
            return [result for result in pool.map(one, jobs) if result is not None]


LAST_ANSWERS = 720
"""Seconds after a plan's end: obedient clients come back twice, each time after minutes."""


@dataclass(frozen=True, slots=True)
class Stand:
    """Engines with something before them."""

    setup: Setup
    engines: tuple[Running, ...]
    front: Front
    folder: Path

    def measure(
        self,
        plan: Plan,
        warm: float,
        at_end: Callable[[], None] = lambda: None,
        events: Sequence[tuple[float, Callable[[], None]]] = (),
    ) -> Result:
        """Send a plan; what happens after ``warm`` seconds and before its end counts.

        ``at_end`` is called when the plan's seconds are over, before the last answers are in;
        ``events`` are by seconds of the plan.
        """
        process = self.send(plan)
        readings: list[Reading] = []
        todo = [*events, (warm, lambda: readings.append(self.look()))]
        for seconds, action in sorted(todo, key=itemgetter(0)):
            self.wait(seconds)
            action()
        self.wait(plan.seconds)
        before, after = readings[0], self.look()
        at_end()
        if process.wait(LAST_ANSWERS):
            raise RuntimeError("the load generator failed")
        result = summary(rows(self.record), warm, plan.seconds)
        result.setup, result.seed = self.setup.name, plan.seed
        result.written_tokens = max(0, after.counters.written - before.counters.written)
        result.preemptions = max(0, after.counters.preemptions - before.counters.preemptions)
        if all(self.front.running.url != one.url for one in self.engines):
            result.cpu = (after.cpu - before.cpu) / (plan.seconds - warm)
        return result

    @property
    def record(self) -> Path:
        """The generator's record."""
        return self.folder / "record.jsonl"

    def wait(self, seconds: float) -> None:
        """Wait until so many seconds after the generator's time 0."""
        time.sleep(max(0.0, self.began() + seconds - time.monotonic()))

    def look(self) -> "Reading":
        """What has been counted by now, by all engines together; one that is gone counts 0."""
        return Reading(self.counters(), self.front.running.cpu())

    def counters(self) -> Counters:
        """What the engines say, added up."""
        return sum((counters(one.url) for one in self.engines), NOTHING)

    def began(self) -> float:
        """The generator's time 0, once it has begun."""
        until = time.monotonic() + 60
        while (found := begun(self.record)) is None:
            if time.monotonic() > until:
                raise RuntimeError("the load generator did not begin")
            time.sleep(0.02)
        return found

    def send(self, plan: Plan) -> subprocess.Popen[bytes]:
        """Let the generator carry out a plan."""
        path = self.folder / "plan.json"
        path.write_bytes(msgspec.json.encode(replace(plan, url=self.front.running.url)))
        self.record.unlink(missing_ok=True)
        words = [sys.executable, "-m", "benchmarks.overload.generator", str(path), str(self.record)]
        return subprocess.Popen(words, cwd=ROOT)


@dataclass(frozen=True, slots=True)
class Reading:
    """What engine and front had counted at one instant."""

    counters: Counters
    cpu: float


def knee(
    bench: Bench,
    clients: tuple[int, ...],
    seconds: float,
    warm: float,
    deadline: float = DEADLINE,
) -> Knee:
    """Sweep closed loops over numbers of clients, each before a fresh engine."""

    def rate(count: int) -> float:
        with bench.stand(SETUPS["bare"], count) as stand:
            plan = Plan("", seconds, clients=count, deadline=deadline, seed=bench.seed)
            result = stand.measure(plan, warm)
        print(
            f"  {count:4} at once: {result.goodput:6.2f} pages/s, {result.preemptions} preemptions",
            flush=True,
        )
        return result.goodput

    with ThreadPoolExecutor(bench.parallel) as pool:
        sweep = dict(zip(clients, pool.map(rate, clients), strict=True))
    best = max(sweep.values())
    places = min(count for count, value in sweep.items() if value >= 0.97 * best)
    return Knee(best, places, sweep)


def line(result: Result) -> str:
    """A run in a line."""

    def seconds(value: float | None) -> str:
        return "    -" if value is None else f"{value:5.2f}"

    def milliseconds(value: float | None) -> str:
        return "     -" if value is None else f"{1000 * value:6.1f}"

    waste = "   -" if result.waste is None else f"{100 * result.waste:4.0f}"
    late = "" if result.kept_up else "  GENERATOR LATE"
    return (
        f"  {result.setup:14} {result.load:5.1f}x  offered {result.offered:6.1f}/s"
        f"  goodput {result.goodput:6.2f}/s  p50 {seconds(result.p50)} p99 {seconds(result.p99)} s"
        f"  refused {100 * result.refused:3.0f} % after {milliseconds(result.refusal_p50)} ms"
        f"  wasted {waste} %  preempted {result.preempted:4.0f}/1000"
        f"  cpu {result.cpu:4.2f}"
        f"  lag {1000 * result.lag_p99:.1f}/{1000 * result.lag_max:.0f} ms{late}"
    )


def parser(about: str | None) -> argparse.ArgumentParser:
    """The options that all experiments have."""
    made = argparse.ArgumentParser(description=about)
    made.add_argument("--quick", action="store_true", help="shorter runs, fewer of them")
    made.add_argument(
        "--profile", default="f-model", help="of ocrgate simulate; vllm: the real one"
    )
    made.add_argument("--speed", type=float, default=1.0, help="times as fast as the profile")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--only", help="comma-separated setups: " + ", ".join(SETUPS))
    made.add_argument("--parallel", type=int, default=1, help="runs at the same time")
    made.add_argument("--out", type=Path, help="folder for records and the results as JSON")
    made.add_argument("--no-figure", action="store_true", help="do not write into docs/images")
    made.add_argument("--join", type=Path, help="results to add these to; the knee is theirs")
    made.add_argument("--rate", type=float, help="the knee, where it is known: no sweep")
    made.add_argument("--places", type=int, help="the best number at once, with --rate")
    return made


@contextlib.contextmanager
def opened(options: argparse.Namespace) -> Iterator[Bench]:
    """The bench that the options ask for; its folder is kept only where one was named."""
    names = options.only.split(",") if options.only else list(SETUPS)
    setups = [SETUPS[name] for name in names]
    choice = EngineChoice(options.profile, options.speed, options.seed)
    with contextlib.ExitStack() as stack:
        folder = options.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        earlier = msgspec.convert(_earlier(options)["results"], tuple[Result, ...], strict=False)
        yield Bench(choice, folder, setups, options.seed, options.parallel, earlier)


def _earlier(options: argparse.Namespace) -> dict[str, Any]:
    found = json.loads(options.join.read_text()) if options.join else {"results": []}
    return dict(found)


def known_knee(bench: Bench, options: argparse.Namespace) -> Knee:
    """The knee by a sweep, or as the command line says."""
    if options.join:
        return msgspec.convert(_earlier(options)["knee"], Knee, strict=False)
    if options.rate is not None:
        return Knee(options.rate, options.places or 32, {})
    sizes = (8, 12, 16, 20) if options.profile == "vllm" else (16, 24, 28, 32, 40, 48)
    seconds, warm = (24.0, 6.0) if options.quick else (60.0, 10.0)
    found = knee(bench, sizes, seconds, warm)
    print(f"knee {found.rate:.2f} pages/s; 97 % of it with {found.places} at once", flush=True)
    return found


def markdown(found: Knee, results: list[Result]) -> Iterator[str]:
    """The results as a table."""
    head: tuple[str, ...] = (
        "setup",
        "load",
        "goodput / knee",
        "tokens/s in time",
        "p99, s",
        "refused",
    )
    head += ("after p50 / p99, ms", "tokens wasted", "preempted per 1,000", "CPU, cores")
    yield "| " + " | ".join(head) + " |"
    yield "|---|" + "--:|" * (len(head) - 1)
    for one in sorted(results, key=lambda result: [*SETUPS].index(result.setup)):
        waste = "-" if one.waste is None else f"{one.waste:.2f}"
        preempted = f"{one.preempted:.0f}" if one.served else "-"
        late = "" if one.p99 is None else f"{one.p99:.1f}"
        after = "-"
        if one.refusal_p50 is not None and one.refusal_p99 is not None:
            after = f"{1000 * one.refusal_p50:.0f} / {1000 * one.refusal_p99:.0f}"
        cells = [one.setup, f"{one.load:g}", f"{one.goodput / found.rate:.2f}"]
        cells += [f"{one.useful_tokens / one.seconds:.0f}", late or "-"]
        cells += [f"{100 * one.refused:.0f} %", after, waste, preempted, f"{one.cpu:.2f}"]
        yield "| " + " | ".join(cells) + " |"


def finish(bench: Bench, name: str, found: Knee, results: list[Result]) -> None:
    """Write the results as JSON, and say what is missing."""
    whole = {
        "experiment": name,
        "command": " ".join(["python -m", f"benchmarks.overload.{name}", *sys.argv[1:]]),
        "commit": commit(),
        "at": time.strftime("%Y-%m-%d %H:%M:%S"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "load_average": os.getloadavg(),
        "knee": asdict(found),
        "missing": bench.missing,
        "results": [asdict(result) for result in results],
    }
    path = bench.folder / f"{name}.json"
    path.write_text(json.dumps(whole, indent=1))
    print("\n" + "\n".join(markdown(found, results)) + "\n")
    for rival, why in bench.missing.items():
        print(f"not run: {rival}: {why}")
    lags = [result.lag_p99 for result in results]
    print(
        f"commit {whole['commit']}; load average {os.getloadavg()[0]:.1f}; the generator's lag, "
        f"99th percentile, at worst {1000 * max(lags, default=0):.1f} ms; {path}"
    )


def commit() -> str:
    """Of what is measured; a plus says that sources were changed since."""

    def git(*words: str) -> str:
        whole = ["git", *words]
        done = subprocess.run(whole, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = "+" if git("status", "--porcelain", "--", "src") else ""
    return f"{git('rev-parse', '--short', 'HEAD') or 'unknown'}{changed}"

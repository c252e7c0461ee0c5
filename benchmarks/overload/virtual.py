"""The load ladder in virtual time: pure laws before the virtual engine, five seeds, in minutes.

``python -m benchmarks.overload.virtual [--quick] [--profile f-model]``
"""

import argparse
import heapq
import json
import math
import random
import statistics
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from benchmarks.overload.figure import Panel, draw
from benchmarks.overload.ours import Ours
from benchmarks.overload.record import quantile
from benchmarks.overload.rivals import (
    Aimd,
    Asked,
    Denied,
    Fixed,
    Gate,
    Gradient2,
    Limited,
    Vegas,
    Verdict,
)

from ocrgate.simulate.drive import closed_loop
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profile import Profile
from ocrgate.simulate.profiles import profile
from ocrgate.simulate.request import Event, Finished, FirstToken, Reason, Rejected
from ocrgate.simulate.workload import PlainMix

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
LOADS = (0.5, 0.8, 1.0, 2.0, 4.0, 10.0)
WARM, UNTIL, TICK, DEADLINE = 20.0, 140.0, 0.25, 10.0
EVERYBODY = 10**9
CLIENTS = (4, 8, 12, 16, 24, 28, 32, 40, 48, 64, 96, 128, 192, 256)

GATES: dict[str, Callable[[Profile, int], Gate]] = {
    "ocrgate": lambda engine, _: Ours(kv_tokens=engine.kv_tokens),
    "ocrgate without ledger": lambda *_: Ours(),
    "bare": lambda *_: Limited(Fixed(EVERYBODY)),
    "engine bound": lambda *_: Limited(Fixed(EVERYBODY)),
    "semaphore 16": lambda *_: Limited(Fixed(16), EVERYBODY),
    "fixed": lambda _, places: Limited(Fixed(places)),
    "fixed + queue": lambda _, places: Limited(Fixed(places), max(4, places // 2), 1.0),
    "AIMD": lambda *_: Limited(Aimd()),
    "Vegas": lambda *_: Limited(Vegas()),
    "Gradient2": lambda *_: Limited(Gradient2()),
}
"""What is compared. The numbers of ``fixed`` and of its queue are the sweep's best."""


@dataclass(slots=True)
class Outcome:
    """What one run gave after its warm-up."""

    goodput: float = 0.0
    served: int = 0
    admitted: int = 0
    preemptions: int = 0
    useful: int = 0
    written: int = 0
    latencies: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)


class Run:
    """Poisson arrivals at a gate before an engine; clients leave after ten seconds."""

    def __init__(self, engine: VirtualEngine, gate: Gate, rate: float, seed: int) -> None:
        self._engine = engine
        self._gate = gate
        self._rate = rate
        self._times = random.Random(f"{seed} times")
        self._pages = PlainMix().pages(random.Random(f"{seed} pages"))
        self._asked: dict[int, Asked] = {}
        self._inside: set[int] = set()
        self._leaving: list[tuple[float, int]] = []
        self._count = 0
        self._now = 0.0
        self.outcome = Outcome()

    def go(self) -> Outcome:
        """From nothing to the end."""
        arrival, tick, counting = self._pause(), TICK, False
        before = self._engine.snapshot(0.0)
        while self._now < UNTIL:
            self._now = max(self._now, min(self._soonest(), arrival, tick, UNTIL))
            if not counting and self._now >= WARM:
                counting, before = True, self._engine.snapshot(self._now)
            self._hear(self._engine.advance(self._now))
            self._leave()
            due = self._gate.due()
            if tick <= self._now or (due is not None and due <= self._now):
                tick = tick + TICK if tick <= self._now else tick
                self._obey(self._gate.tick(self._now, self._engine))
            if arrival <= self._now:
                arrival += self._pause()
                self._arrive()
        after, outcome = self._engine.snapshot(self._now), self.outcome
        outcome.preemptions = after.preemptions - before.preemptions
        outcome.written = after.generated - before.generated
        outcome.goodput = outcome.served / (UNTIL - WARM)
        return outcome

    def _pause(self) -> float:
        return self._times.expovariate(self._rate)

    def _soonest(self) -> float:
        while self._leaving and self._leaving[0][1] not in self._asked:
            heapq.heappop(self._leaving)
        times = [self._leaving[0][0]] if self._leaving else []
        times += [at for at in (self._engine.next_event(), self._gate.due()) if at is not None]
        return min(times, default=UNTIL)

    def _arrive(self) -> None:
        self._count += 1
        asked = Asked(self._count, next(self._pages), self._now, self._now + DEADLINE)
        self._asked[asked.number] = asked
        heapq.heappush(self._leaving, (asked.until, asked.number))
        self._obey(self._gate.offer(self._now, asked))

    def _leave(self) -> None:
        while self._leaving and self._leaving[0][0] <= self._now:
            _, number = heapq.heappop(self._leaving)
            if number in self._inside:
                self._engine.abort(self._now, number)
                self._hear(self._engine.advance(self._now))
            elif (asked := self._asked.pop(number, None)) is not None:
                self._obey(self._gate.left(self._now, asked))

    def _obey(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in list(verdicts):
            number = verdict.asked.number
            if isinstance(verdict, Denied):
                self._refuse(self._asked.pop(number))
                continue
            self._inside.add(number)
            self.outcome.admitted += self._now >= WARM
            self._engine.submit(self._now, verdict.asked.page.request(number, 2048))

    def _refuse(self, asked: Asked) -> None:
        if self._now >= WARM:
            self.outcome.refusals.append(self._now - asked.at)

    def _hear(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, FirstToken) and (asked := self._asked.get(int(event.id))):
                self._gate.begun(event.at, asked)
            elif isinstance(event, Finished | Rejected):
                self._end(event)

    def _end(self, event: Finished | Rejected) -> None:
        asked = self._asked.pop(int(event.id))
        self._inside.discard(asked.number)
        tokens = None
        if isinstance(event, Rejected):
            self.outcome.admitted -= self._now >= WARM
            self._refuse(asked)
        elif event.reason in {Reason.STOP, Reason.LENGTH}:
            tokens = event.tokens
            if event.at >= WARM:
                self.outcome.served += 1
                self.outcome.useful += tokens
                self.outcome.latencies.append(event.at - asked.at)
        self._obey(self._gate.ended(self._now, asked, tokens))


@dataclass(frozen=True, slots=True)
class Job:
    """One cell of the table: a gate, a load, a seed."""

    gate: str
    load: float
    profile: str
    knee: float
    places: int
    seed: int

    def run(self) -> Outcome:
        """Carry it out."""
        shape = profile(self.profile)
        gate = GATES[self.gate](shape, self.places)
        if self.gate == "engine bound":
            shape = replace(shape, max_num_queued_reqs=64)
        return Run(VirtualEngine(shape, self.seed), gate, self.load * self.knee, self.seed).go()


def closed(asked: tuple[str, int, int]) -> float:
    """Pages a second in time with so many clients: profile, clients, seed."""
    name, clients, seed = asked
    pages = PlainMix().pages(random.Random(f"{seed} pages"))
    engine = VirtualEngine(profile(name), seed)
    return closed_loop(engine, pages, clients, UNTIL, warmup=WARM, deadline=DEADLINE).rate


def mean(values: Iterable[float | None]) -> float:
    """Of those that are there."""
    found = [value for value in values if value is not None]
    return statistics.mean(found) if found else float("nan")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table, over seeds; seconds, shares, and preemptions per 1,000 admitted."""

    gate: str
    load: float
    goodput: float
    spread: float
    wasted: float
    preempted: float
    p99: float
    refusal_p50: float
    refusal_p99: float

    @classmethod
    def of(cls, gate: str, load: float, knee: float, found: list[Outcome]) -> "Line":
        """What the runs of all seeds gave; ``spread`` is from the worst to the best."""
        written = sum(one.written for one in found) or 1
        admitted = sum(one.admitted for one in found) or 1
        goods = [one.goodput / knee for one in found]
        return cls(
            gate,
            load,
            mean(goods),
            max(goods) - min(goods),
            max(0.0, 1 - sum(one.useful for one in found) / written),
            1000 * sum(one.preemptions for one in found) / admitted,
            mean(quantile(one.latencies, 0.99) for one in found),
            mean(quantile(one.refusals, 0.5) for one in found),
            mean(quantile(one.refusals, 0.99) for one in found),
        )

    def markdown(self) -> str:
        """For the table."""
        cells = [self.gate, f"{self.load:g}", f"{self.goodput:.3f}", f"{self.spread:.3f}"]
        cells += [f"{self.wasted:.3f}", f"{self.preempted:.0f}", shown(self.p99, 1, 2)]
        cells += [shown(value, 1000, 0) for value in (self.refusal_p50, self.refusal_p99)]
        return "| " + " | ".join(cells) + " |"


def shown(value: float, factor: float, digits: int) -> str:
    """A figure, or a dash."""
    return "-" if math.isnan(value) else f"{factor * value:.{digits}f}"


HEAD = "| gate | load | goodput / knee | spread | wasted | preempted per 1,000 | p99, s "
HEAD += "| refusal p50, ms | p99, ms |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|"


def options() -> argparse.Namespace:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--quick", action="store_true", help="two seeds, three loads")
    made.add_argument("--profile", default="f-model")
    made.add_argument("--only", help="comma-separated: " + ", ".join(GATES))
    made.add_argument("--workers", type=int, default=2)
    made.add_argument("--out", type=Path, help="write the table as JSON")
    made.add_argument("--no-figure", action="store_true")
    return made.parse_args()


def sweep(pool: Executor, shape: str, seeds: range) -> tuple[float, int]:
    """The knee in pages a second, and the least number at once that gives 97 % of it."""
    most = 1.34 * profile(shape).max_num_seqs
    cells = [(shape, count, seed) for count in CLIENTS if count <= most for seed in seeds]
    rates = list(zip(cells, pool.map(closed, cells), strict=True))
    counts = dict.fromkeys(count for _, count, _ in cells)
    each = {count: mean(rate for cell, rate in rates if cell[1] == count) for count in counts}
    knee = max(each.values())
    return knee, min(count for count, rate in each.items() if rate >= 0.97 * knee)


def main() -> None:
    """Run it."""
    asked = options()
    seeds = range(1, 3 if asked.quick else 6)
    loads = (0.8, 2.0, 10.0) if asked.quick else LOADS
    names = asked.only.split(",") if asked.only else list(GATES)
    begun = time.monotonic()
    table: list[Line] = []
    with ProcessPoolExecutor(asked.workers) as pool:
        knee, places = sweep(pool, asked.profile, seeds)
        print(f"knee {knee:.2f} pages/s, 97 % of it with {places} at once; seeds {list(seeds)}\n")
        print(HEAD)
        cells = [(name, load) for name in names for load in loads]
        jobs = [Job(*cell, asked.profile, knee, places, seed) for cell in cells for seed in seeds]
        outcomes = pool.map(Job.run, jobs)
        for name, load in cells:
            table.append(Line.of(name, load, knee, [next(outcomes) for _ in seeds]))
            print(table[-1].markdown(), flush=True)
    print(f"\n{time.monotonic() - begun:.0f} s")
    if asked.out:
        whole = {"knee": knee, "places": places, "table": [asdict(one) for one in table]}
        asked.out.write_text(json.dumps(whole, indent=1))
    if not asked.no_figure:
        figure(table, names, loads, asked.profile)


def figure(table: list[Line], names: list[str], loads: tuple[float, ...], shape: str) -> None:
    """The same as curves."""

    def panel(
        title: str, up: str, value: Callable[[Line], float], top: float | None = None
    ) -> Panel:
        lines = {
            name: [(one.load, value(one)) for one in table if one.gate == name] for name in names
        }
        mark = 1.0 if up.endswith("knee") else None
        return Panel(title, "offered load / knee", up, lines, top, True, loads, mark)

    panels = [
        panel("Pages in time", "goodput / knee", lambda one: one.goodput, 1.2),
        panel("Tokens written for nobody", "share", lambda one: one.wasted, 1.0),
        panel("Thrown out of the batch", "per 1,000 admitted", lambda one: one.preempted),
    ]
    draw(IMAGES / f"overload-virtual-{shape}.svg", f"Load ladder in virtual time: {shape}", panels)


if __name__ == "__main__":
    main()

"""The deployment that ocrgate was made for: fast with 64 slots until it dies of memory.

``python -m benchmarks.overload.founding [--http]``

First its own table: closed loops of twice as many clients as slots for two minutes, 60 engines of
each setting. Then 128 clients for ten minutes before an engine with 64 slots that is back 40 s
after each death: bare; with ocrgate before it, which cannot see the memory; with ocrgate told never
to send more than 16; with ocrgate that starts the engine and gives it fewer slots after a death.
Over HTTP the same for four minutes before ``ocrgate simulate``, without the last.
"""

import argparse
import asyncio
import heapq
import json
import math
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean

from benchmarks.overload.bench import commit
from benchmarks.overload.founding_http import Served, before_a_server
from benchmarks.overload.ours import Ours
from benchmarks.overload.play import RECORDS
from benchmarks.overload.rivals import Asked, Denied, Fixed, Gate, Limited, Verdict

from ocrgate.control.guard import GuardParams, GuardState, Load, OutOfMemory, begin, learn
from ocrgate.control.limit.engine import EngineLimit, EngineParams
from ocrgate.simulate.changes import Change
from ocrgate.simulate.drive import closed_loop
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profiles import profile
from ocrgate.simulate.request import Died, Event, Finished, FirstToken, Reason, Rejected
from ocrgate.simulate.workload import SMALLER

PROFILE = profile("founding-4090d")
SLOTS = (8, 16, 32, 64)
TWO_MINUTES, TEN_MINUTES, WARM = 120.0, 600.0, 5.0
CLIENTS, MOST = 128, 16
TICK = 0.25
AGAIN = 1.0  # seconds after which a client comes back who was told nothing
EVERYBODY = 10**9
PIXELS = 1024 * 1024
GUARD = GuardParams(Load(1, PIXELS), Load(64, PIXELS))


@dataclass(frozen=True, slots=True)
class Setting:
    """A line of their table: pages/s while it lived, the share of runs in which it died, and
    pages/s over the two minutes, whether it lived or not.
    """

    slots: int
    alive: float
    died: float
    whole: float


def two_minutes(asked: tuple[int, int]) -> tuple[float | None, bool, float]:
    """One run, by slots and seed: pages/s while it lived, whether it died, pages/s in all."""
    slots, seed = asked
    engine = VirtualEngine(replace(PROFILE, max_num_seqs=slots), seed)
    source = SMALLER.pages(random.Random(seed))
    run = closed_loop(engine, source, 2 * slots, TWO_MINUTES, warmup=WARM)
    whole = run.served / (TWO_MINUTES - WARM)
    return run.rate if run.seconds > 20 else None, run.died_at is not None, whole


def their_table(pool: ProcessPoolExecutor, seeds: int) -> list[Setting]:
    """All settings."""
    cells = [(slots, seed) for slots in SLOTS for seed in range(seeds)]
    runs = dict(zip(cells, pool.map(two_minutes, cells), strict=True))
    found = []
    for slots in SLOTS:
        each = [runs[slots, seed] for seed in range(seeds)]
        alive = mean(rate for rate, _, _ in each if rate is not None)
        found.append(
            Setting(slots, alive, mean(one for _, one, _ in each), mean(w for _, _, w in each))
        )
    return found


class Run:
    """Clients in a closed loop, a gate, and an engine that is started again when it died."""

    def __init__(self, gate: Gate, seed: int, *, guarded: bool) -> None:
        self._gate = gate
        self._engine = VirtualEngine(PROFILE, seed)
        self._pages = SMALLER.pages(random.Random(seed))
        self._guard: GuardState | None = begin(GUARD, None, 0.0) if guarded else None
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._asked: dict[int, Asked] = {}
        self._numbers = 0
        self._now = self._began = 0.0
        self.served = Served(seed=seed)

    def go(self, clients: int, seconds: float) -> Served:
        """From nothing to the end."""
        for _ in range(clients):
            self._after(0.0, self._come)
        self._after(TICK, self._tick)
        while self._now < seconds:
            soon = [self._due[0][0], self._engine.next_event(), self._gate.due(), seconds]
            self._now = max(self._now, min(at for at in soon if at is not None))
            self._hear(self._engine.advance(self._now))
            while self._due[0][0] <= self._now:
                heapq.heappop(self._due)[2]()
            due = self._gate.due()
            if due is not None and due <= self._now:
                self._obey(self._gate.tick(self._now, self._engine))
        self.served.rate = self.served.pages / seconds
        self.served.preemptions = self._engine.snapshot(seconds).preemptions
        return self.served

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        self._numbers += 1
        heapq.heappush(self._due, (self._now + seconds, self._numbers, action))

    def _come(self) -> None:
        self._numbers += 1
        asked = Asked(self._numbers, next(self._pages), self._now, math.inf)
        self._asked[asked.number] = asked
        self._obey(self._gate.offer(self._now, asked))

    def _tick(self) -> None:
        self._obey(self._gate.tick(self._now, self._engine))
        self._after(TICK, self._tick)

    def _obey(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in list(verdicts):
            number = verdict.asked.number
            if isinstance(verdict, Denied):
                self.served.refused += 1
                del self._asked[number]
                self._after(verdict.after or AGAIN, self._come)
            else:
                self._engine.submit(self._now, verdict.asked.page.request(number, 2048))

    def _hear(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Died):
                self._died()
            elif isinstance(event, FirstToken) and int(event.id) in self._asked:
                self._gate.begun(event.at, self._asked[int(event.id)])
            elif isinstance(event, Finished | Rejected):
                self._end(event)

    def _end(self, event: Finished | Rejected) -> None:
        asked = self._asked.pop(int(event.id))
        well = isinstance(event, Finished) and event.reason in {Reason.STOP, Reason.LENGTH}
        self.served.pages += well
        self.served.lost += isinstance(event, Finished) and not well
        tokens = event.tokens if isinstance(event, Finished) and well else None
        self._obey(self._gate.ended(self._now, asked, tokens))
        self._after(0.0 if well else AGAIN, self._come)

    def _died(self) -> None:
        self.served.deaths += 1
        self.served.first = self.served.first or self._now
        if self._guard is not None:
            after = self._now - self._began
            event = OutOfMemory(self._now, self._guard.load, after)
            self._guard = learn(GUARD, self._guard, event)
            slots = float(self._guard.load.sequences)
            self._engine.change(Change(self._now, "max_num_seqs", slots))
        self._engine.change(Change(self._now, "restart"))
        self._began = self._now + PROFILE.startup


def ours(most: int | None = None) -> Ours:
    """Our laws, as they are or with a bound by hand."""
    law = EngineLimit(EngineParams() if most is None else EngineParams(most=most))
    return Ours(law, PROFILE.kv_tokens)


BARE, OURS, BOUNDED, STARTED = (
    "bare",
    "ocrgate",
    f"ocrgate, most {MOST}",
    "ocrgate starts the engine",
)
GATES: dict[str, Callable[[], Gate]] = {
    BARE: lambda: Limited(Fixed(EVERYBODY)),
    OURS: ours,
    BOUNDED: lambda: ours(MOST),
    STARTED: ours,
}


def ten_minutes(asked: tuple[str, int]) -> Served:
    """One run: a gate and a seed."""
    name, seed = asked
    run = Run(GATES[name](), seed, guarded=name == STARTED)
    served = run.go(CLIENTS, TEN_MINUTES)
    served.gate = name
    return served


# What is kept and said


def lines(found: Iterable[Served]) -> Iterable[str]:
    """A table: means over seeds, of pages/s the range too."""
    yield "| before the engine | pages/s | deaths | until the first, s | pages lost | preempted |"
    yield "|---|--:|--:|--:|--:|--:|"
    each: dict[str, list[Served]] = {}
    for one in found:
        each.setdefault(one.gate, []).append(one)
    for name, runs in each.items():
        rates = [run.rate for run in runs]
        firsts = [run.first for run in runs if run.first is not None]
        cells = [
            name,
            f"{mean(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})",
            f"{mean(run.deaths for run in runs):.1f}",
            f"{mean(firsts):.0f}" if firsts else "-",
            f"{mean(run.lost for run in runs):.0f}",
            f"{mean(run.preemptions for run in runs):.0f}",
        ]
        yield "| " + " | ".join(cells) + " |"


def theirs(found: Iterable[Setting]) -> Iterable[str]:
    """Their table again."""
    yield "| slots | pages/s while it lived | died in two minutes | pages/s in all |"
    yield "|--:|--:|--:|--:|"
    for one in found:
        yield f"| {one.slots} | {one.alive:.1f} | {one.died:.0%} | {one.whole:.1f} |"


def options() -> argparse.Namespace:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--http", action="store_true", help="in real time")
    made.add_argument("--seeds", type=int, help="5 in virtual time, 1 over HTTP")
    made.add_argument(
        "--engines", type=int, default=60, help="of each setting of their table; 0: without"
    )
    made.add_argument("--parallel", type=int, default=1)
    made.add_argument("--seconds", type=float, default=240.0, help="of each run over HTTP")
    made.add_argument("--out", type=Path, default=RECORDS)
    return made.parse_args()


def over_http(asked: argparse.Namespace) -> list[Served]:
    """The gates that need no hand on the engine."""
    found = []
    for seed in range(1, (asked.seeds or 1) + 1):
        for name, most in ((BARE, 0), (OURS, None), (BOUNDED, MOST)):
            with tempfile.TemporaryDirectory() as folder:
                work = partial(before_a_server, Path(folder), PROFILE.name, seed)
                served = asyncio.run(work(most, clients=CLIENTS, seconds=asked.seconds))
            served.gate = name
            print(served, flush=True)
            found.append(served)
    return found


def main() -> None:
    """Run it."""
    asked = options()
    form, table = "http" if asked.http else "virtual", list[Setting]()
    if asked.http:
        found = over_http(asked)
    else:
        with ProcessPoolExecutor(asked.parallel) as pool:
            if asked.engines:
                table = their_table(pool, asked.engines)
                print("\n".join(theirs(table)) + "\n", flush=True)
            cells = [(name, seed) for seed in range(1, (asked.seeds or 5) + 1) for name in GATES]
            found = list(pool.map(ten_minutes, cells))
    print("\n".join(lines(found)))
    record = {
        "experiment": "founding",
        "form": form,
        "commit": commit(),
        "at": time.strftime("%Y-%m-%d %H:%M:%S"),
        "load_average": os.getloadavg()[0],
        "table": [asdict(one) for one in table],
        "results": [asdict(one) for one in found],
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    path = asked.out / f"founding-{form}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(f"\ncommit {commit()}; load average {os.getloadavg()[0]:.1f}; {path}")


if __name__ == "__main__":
    main()

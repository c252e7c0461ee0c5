"""What admission costs per page, beside a bare semaphore in the same run.

Run: ``python -m benchmarks.gate.admission`` (about ten seconds). Each figure is the best of several
rounds, in microseconds of this thread's CPU time per page.
"""

import argparse
import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from time import thread_time

from ocrgate.control.admission import PATIENT, Admission
from ocrgate.control.decision import Admitted, Decision, Outcome
from ocrgate.domain.ticket import Cost, Lane, Ticket
from ocrgate.runtime.clock import LoopClock
from ocrgate.runtime.gate import Gate

PLACES = 16
CROWD = 10_000
_ids = itertools.count()


COST = Cost(1000, 100, 220, 500)


def ticket(now: float, caller: str = "a", *, continues: bool = False) -> Ticket:
    """A page that arrives now and has a minute."""
    number = next(_ids)
    return Ticket(
        number, Lane.STANDARD, caller, now, now + 60.0, 300_000, continues=continues, cost=COST
    )


def core(pages: int) -> float:
    """The core alone, never full: offer and release."""
    admission, now = Admission(PLACES), 0.0
    start = thread_time()
    for _ in range(pages):
        page = ticket(now)
        admission.offer(page, now)
        now += 0.001
        admission.release(page.id, now)
    return (thread_time() - start) / pages


def core_refusing(pages: int) -> float:
    """The core alone, full: what a refusal costs."""
    admission = Admission(PLACES)
    for _ in range(3 * PLACES):
        admission.offer(ticket(0.0), 0.0)
    start = thread_time()
    for _ in range(pages):
        admission.offer(ticket(0.5), 0.5)
    return (thread_time() - start) / pages


def core_crowded(pages: int, callers: int) -> float:
    """The core alone with ten thousand waiting, of so many callers: an offer, and a release that
    starts another.
    """
    admission, now, running = Admission(PLACES, PATIENT), 0.0, deque[int]()
    turns = itertools.cycle([f"caller-{number}" for number in range(callers)])

    def follow(decisions: tuple[Decision, ...]) -> None:
        running.extend(d.ticket.id for d in decisions if isinstance(d, Admitted))

    for _ in range(PLACES + CROWD):
        follow(admission.offer(ticket(now, next(turns)), now))
    start = thread_time()
    for _ in range(pages):
        now += 1e-6
        follow(admission.offer(ticket(now, next(turns)), now))
        follow(admission.release(running.popleft(), now, Outcome.OK, 200))
    return (thread_time() - start) / pages


async def gate_crowded(pages: int, callers: int) -> float:
    """The gate with ten thousand waiting tasks of so many callers, until all have gone through."""
    clock = LoopClock()
    gate = Gate(Admission(PLACES, PATIENT), clock)
    turns = itertools.cycle([f"caller-{number}" for number in range(callers)])

    async def one() -> None:
        async with gate.admit(ticket(clock.now(), next(turns))):
            await asyncio.sleep(0)

    start = thread_time()
    for _ in range(max(1, pages // CROWD)):
        await asyncio.gather(*(one() for _ in range(CROWD)))
    return (thread_time() - start) / max(1, pages // CROWD) / CROWD


async def _crowd(pages: int, one: Callable[[], Awaitable[None]]) -> float:
    """Many tasks at once, most of which wait."""
    start = thread_time()
    for _ in range(pages // 200):
        await asyncio.gather(*(one() for _ in range(200)))
    return (thread_time() - start) / pages


async def _one_by_one(pages: int, one: Callable[[], Awaitable[None]]) -> float:
    start = thread_time()
    for _ in range(pages):
        await one()
    return (thread_time() - start) / pages


async def gate_page(gate: Gate, clock: LoopClock) -> None:
    """One page through the gate; the turn of the loop stands for its work."""
    async with gate.admit(ticket(clock.now(), continues=True)):
        await asyncio.sleep(0)


async def semaphore_page(semaphore: asyncio.Semaphore) -> None:
    """The same through a bare semaphore."""
    async with semaphore:
        await asyncio.sleep(0)


Load = Callable[[int, Callable[[], Awaitable[None]]], Awaitable[float]]


async def compare(pages: int, load: Load) -> tuple[float, float]:
    """Gate and semaphore under the same load."""
    clock = LoopClock()
    gate = Gate(Admission(PLACES, PATIENT), clock)
    semaphore = asyncio.Semaphore(PLACES)
    return (
        await load(pages, lambda: gate_page(gate, clock)),
        await load(pages, lambda: semaphore_page(semaphore)),
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pages", type=int, default=20_000)
    asked = parser.parse_args()
    best: dict[str, float] = {}

    def note(name: str, seconds: float) -> None:
        best[name] = min(best.get(name, 1.0), seconds)

    for _ in range(asked.rounds):
        note("core: offer and release", core(asked.pages))
        note("core: refusal", core_refusing(asked.pages))
        for callers in (1, 100, CROWD):
            name = f"10,000 waiting, {callers:,} callers"
            note(f"core, {name}", core_crowded(asked.pages, callers))
            note(f"gate, {name}", asyncio.run(gate_crowded(asked.pages, callers)))
        for name, load in (("idle", _one_by_one), ("200 waiting", _crowd)):
            gate, semaphore = asyncio.run(compare(asked.pages, load))
            note(f"gate, {name}", gate)
            note(f"asyncio.Semaphore, {name}", semaphore)
    print("| per page | us |\n|---|--:|")
    for name, seconds in best.items():
        print(f"| {name} | {1e6 * seconds:.1f} |")


if __name__ == "__main__":
    main()

"""What the interactive lane can have at most, while ten times the knee comes in all lanes.

``python -m benchmarks.overload.interactive``: our gate as it comes, with limits that stay, and
with nobody but the interactive lane there, in virtual time. A page has ten seconds; a long text
takes more than that in a full batch, whoever lets it in, so a lane is served better only by a batch
that is not full, which costs the pages of everybody.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from statistics import mean

from benchmarks.overload.gates import GUARD
from benchmarks.overload.ours import Ours
from benchmarks.overload.play import virtual_knee
from benchmarks.overload.scene import Knee
from benchmarks.overload.table import PROFILE, lanes
from benchmarks.overload.world import World

from ocrgate.control.limit.engine import EngineLimit
from ocrgate.control.limit.fixed import FixedLimit, FixedParams
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profiles import profile

SEEDS = range(1, 6)
LIMITS = (16, 20, 24, 28, 32)


@dataclass(frozen=True, slots=True)
class Case:
    """One line: a limit that stays, or 0 for our law; others than the interactive lane or none."""

    name: str
    limit: int = 0
    alone: bool = False


CASES = (
    Case("ocrgate"),
    *(Case(f"a limit of {limit}", limit) for limit in LIMITS),
    Case("ocrgate, only the interactive lane", alone=True),
)


def play(knee: Knee, case: Case, seed: int) -> tuple[float, float]:
    """The part of the interactive pages that is in time, and goodput as a part of the knee."""
    shape, scene = profile(PROFILE), lanes(knee, seed)
    if case.alone:
        scene = replace(scene, plan=replace(scene.plan, flows=scene.plan.flows[:1]))
    law = FixedLimit(FixedParams(case.limit)) if case.limit else EngineLimit()
    gate = Ours(law, shape.kv_tokens, block=shape.block_size)
    world = World(scene.plan, gate, VirtualEngine(shape, seed), scene.warm, guard=GUARD)
    result = world.go()
    return result.shares["interactive"], result.goodput / knee.rate


def lines(pool: ProcessPoolExecutor, knee: Knee) -> Iterator[str]:
    """The table."""
    yield "| gate | interactive pages in time | goodput / knee |"
    yield "|---|--:|--:|"
    for case in CASES:
        found = list(pool.map(partial(play, knee, case), SEEDS))
        share, goodput = mean(each[0] for each in found), mean(each[1] for each in found)
        yield f"| {case.name} | {100 * share:.1f} % | {goodput:.2f} |"


def main() -> None:
    """Print it."""
    knee = virtual_knee(PROFILE, SEEDS, 2)
    with ProcessPoolExecutor(2) as pool:
        for line in lines(pool, knee):
            print(line, flush=True)


if __name__ == "__main__":
    main()

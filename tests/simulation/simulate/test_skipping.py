"""Many steps at once are the same as one by one."""

import random
from dataclasses import replace

import pytest

from ocrgate.simulate.changes import Change
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profile import Preprocessing, Profile, Speed
from ocrgate.simulate.request import Finished, Preempted, Request

TIGHT = Profile(
    name="tight",
    about="",
    source="",
    speed=Speed(0.00791, 0.000113, 0.0000107, 1.3e-6),
    kv_tokens=6000,
    max_num_seqs=12,
    max_num_batched_tokens=700,
    preprocessing=Preprocessing(0.0031),
)


def ends(
    seed: int, *, one_by_one: bool, reserve: bool, block_size: int
) -> tuple[list[tuple[int | str, str, int, int]], list[float], int]:
    """Who ended how, when, and how many preemptions there were. A request that has to be told of at
    every token lets the engine take one step at a time.
    """
    source = random.Random(seed)
    profile = replace(TIGHT, reserve_full_prompt=reserve, block_size=block_size)
    changes = [Change(source.uniform(1, 9), "kv_tokens", 4500), Change(4.567, "slow", 1.7)]
    engine = VirtualEngine(profile, seed, changes)
    now = 0.0
    events = []
    for number in range(150):
        now += source.expovariate(12.0)
        prompt, output = source.randint(50, 1300), round(source.lognormvariate(4.2, 0.8))
        image = min(prompt, 600)
        every = 1 if one_by_one else 0
        engine.submit(now, Request(number, prompt, output, 900, image, progress_every=every))
        if source.random() < 0.1:
            engine.abort(now + 1e-3, number - 3)
            now += 1e-3
    events = engine.advance(1e4)
    over = [event for event in events if isinstance(event, Finished)]
    told = [(event.id, event.reason.value, event.tokens, event.preemptions) for event in over]
    preempted = sum(isinstance(event, Preempted) for event in events)
    return told, [event.at for event in over], preempted


@pytest.mark.parametrize("block_size", [1, 16, 128])
@pytest.mark.parametrize("reserve", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_skipping_steps_changes_nothing(seed: int, *, reserve: bool, block_size: int) -> None:
    """Under preemption, aborts and a cache that shrinks, with every size of block."""
    slow = ends(seed, one_by_one=True, reserve=reserve, block_size=block_size)
    fast = ends(seed, one_by_one=False, reserve=reserve, block_size=block_size)
    assert fast[0] == slow[0]
    assert fast[1] == pytest.approx(slow[1], abs=1e-6)
    assert fast[2] == slow[2] > 0

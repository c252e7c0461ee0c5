"""Which neighbour is tried next."""

from dataclasses import replace

import pytest
from tests.unit.load.tune.curves import BOX, seen

from ocrgate.load.tune.near import nearby
from ocrgate.load.tune.trial import History, Purpose, Rules, Setting, Space, Stop, Trial

RULES = Rules()
FLAT = Space((BOX.axes[0], BOX.axes[2]))
"""Work at once and memory only, so that no third axis is in the way of what a test is about."""


def history(goods: dict[Setting, float | Stop], preemptions: float = 0.0) -> History:
    return tuple(
        replace(seen(Trial(key, Purpose.EXPLORE), good), preemptions=preemptions)
        for key, good in goods.items()
    )


def proposed(goods: dict[Setting, float | Stop], preemptions: float = 0.0) -> Setting | None:
    trial = nearby(history(goods, preemptions), BOX, RULES)
    return None if trial is None else trial.setting


def test_a_direction_that_gained_is_gone_on_with() -> None:
    """Rather than an axis of which nothing is known, or the way back."""
    goods: dict[Setting, float | Stop] = {
        (64, 4096, 0.8): 10.0,
        (64, 4096, 0.9): 11.5,
        (48, 4096, 0.9): 11.4,
    }
    assert proposed({**goods, (96, 4096, 0.9): 11.0}) == (64, 4096, 0.95)


def test_an_axis_of_which_nothing_is_known_is_tried_once() -> None:
    goods: dict[Setting, float | Stop] = {(each, 4096, 0.9): 10.0 for each in (48, 64, 96)}
    goods |= {(48, 4096, 0.8): 9.0, (48, 4096, 0.95): 10.0}
    found = proposed(goods)
    assert found is not None
    assert found[1] != 4096


def test_nothing_is_proposed_where_all_around_is_known_to_be_no_better() -> None:
    around: dict[Setting, float | Stop] = {
        (at, batched, share): 10.0 if (at, batched, share) == (64, 4096, 0.9) else 9.0
        for at in (48, 64, 96)
        for batched in (2048, 4096, 8192)
        for share in (0.8, 0.9, 0.95)
    }
    assert proposed(around) is None


def test_where_more_work_killed_it_less_memory_opens_the_way() -> None:
    goods: dict[Setting, float | Stop] = {(each, 4096, 0.9): each for each in (8, 16, 32)}
    assert proposed({**goods, (64, 4096, 0.9): Stop.DIED}) == (48, 4096, 0.8)


def test_after_a_death_curiosity_alone_is_no_reason_to_give_it_more_memory() -> None:
    goods: dict[Setting, float | Stop] = {
        (each, 0.7): min(each, 32) for each in (16, 24, 32, 48, 64, 96, 128)
    }
    assert nearby(history({**goods, (192, 0.7): 32.0}), FLAT, RULES) is not None
    assert nearby(history({**goods, (256, 0.7): Stop.DIED}), FLAT, RULES) is None


def test_but_pages_thrown_out_of_the_batch_are() -> None:
    """They tell of a cache that is too small; it grows with the memory."""
    goods: dict[Setting, float | Stop] = {(16, 4096, 0.7): 10.0, (16, 4096, 0.8): 14.0}
    goods |= {(12, 4096, 0.8): 13.0, (24, 4096, 0.8): 13.0, (256, 4096, 0.8): Stop.DIED}
    assert proposed(goods, preemptions=0.5) == (16, 4096, 0.9)


@pytest.mark.parametrize(("dead", "further"), [(256, True), (96, False)])
def test_a_gain_does_not_make_up_for_a_death_that_is_likely(dead: float, *, further: bool) -> None:
    """Next to 96 that died both more work and more memory risk more than they promise."""
    goods: dict[Setting, float | Stop] = {(8, 0.9): 6.0, (16, 0.9): 8.0, (32, 0.9): 9.5}
    goods |= {(48, 0.9): 10.0, (48, 0.8): 7.0, (32, 0.8): 6.0}
    found = nearby(history({**goods, (dead, 0.9): Stop.DIED}, preemptions=0.5), FLAT, RULES)
    assert (found is not None) is further

"""Which neighbour is tried next."""

from dataclasses import replace

from tests.unit.load.tune.curves import BOX, seen

from ocrgate.load.tune.near import nearby
from ocrgate.load.tune.trial import History, Purpose, Rules, Setting, Stop, Trial

RULES = Rules()


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
    found = proposed({**goods, (64, 4096, 0.9): Stop.DIED})
    assert found is not None
    assert found[2] < 0.9
    assert found[0] >= 32


def test_after_a_death_curiosity_alone_is_no_reason_to_give_it_more_memory() -> None:
    goods: dict[Setting, float | Stop] = {
        (each, 4096, 0.7): min(each, 32) for each in (16, 24, 32, 48)
    }
    goods[96, 4096, 0.7] = Stop.DIED
    found = nearby(history(goods), BOX, RULES)
    assert found is None or found.setting[2] == 0.7


def test_but_pages_thrown_out_of_the_batch_are() -> None:
    """They tell of a cache that is too small; it grows with the memory."""
    goods: dict[Setting, float | Stop] = {(16, 4096, 0.7): 10.0, (16, 4096, 0.8): 14.0}
    goods |= {(12, 4096, 0.8): 13.0, (24, 4096, 0.8): 13.0, (256, 4096, 0.8): Stop.DIED}
    assert proposed(goods, preemptions=0.5) == (16, 4096, 0.9)


def test_a_gain_that_is_small_does_not_make_up_for_a_likely_death() -> None:
    goods: dict[Setting, float | Stop] = {(48, 4096, 0.9): 10.0, (64, 4096, 0.9): 10.8}
    goods |= {(256, 4096, 0.9): Stop.DIED, (128, 4096, 0.9): Stop.DIED}
    goods |= {(64, each, 0.9): 10.8 for each in (2048, 8192)}
    found = proposed(goods)
    assert found is None or found[:1] + found[2:] != (96, 0.9)

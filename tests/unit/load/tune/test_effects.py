"""What a step on an axis does, from pairs of settings that differ in it alone."""

import math

import pytest
from tests.unit.load.tune.curves import BOX, seen

from ocrgate.load.tune.effects import Effects
from ocrgate.load.tune.evidence import sites
from ocrgate.load.tune.trial import Purpose, Setting, Stop, Trial

SLOTS, BATCHED, MEMORY = range(3)


def effects(goods: dict[Setting, float | Stop]) -> Effects:
    history = tuple(seen(Trial(key, Purpose.EXPLORE), good) for key, good in goods.items())
    return Effects(sites(history), BOX)


def test_nothing_seen_is_nothing_known_but_hope() -> None:
    found = effects({}).step((16, 4096, 0.9), MEMORY, 1)
    assert found.log == 0
    assert found.hope == pytest.approx(0.1)


def test_a_step_that_was_seen_is_known_and_the_way_back_is_its_inverse() -> None:
    found = effects({(16, 4096, 0.8): 10.0, (16, 4096, 0.9): 12.0})
    there = found.step((16, 4096, 0.8), MEMORY, 1)
    back = found.step((16, 4096, 0.9), MEMORY, -1)
    assert there.log == pytest.approx(math.log(1.2) / 1.25)  # drawn a bit towards nothing
    assert back.log == pytest.approx(-there.log)
    assert there.doubt == back.doubt


def test_it_is_known_less_the_further_away_it_was_seen() -> None:
    found = effects({(16, 4096, 0.8): 10.0, (16, 4096, 0.9): 12.0})
    near = found.step((24, 4096, 0.8), MEMORY, 1)
    far = found.step((64, 4096, 0.8), MEMORY, 1)
    assert near.log > far.log > 0
    assert near.doubt < far.doubt


def test_two_values_with_an_untried_one_between_share_what_they_do() -> None:
    found = effects({(16, 4096, 0.8): 10.0, (16, 4096, 0.95): 10 * 1.2**2})
    assert found.step((16, 4096, 0.8), MEMORY, 1).log == found.step((16, 4096, 0.9), MEMORY, 1).log
    assert 0.5 * math.log(1.2) < found.step((16, 4096, 0.8), MEMORY, 1).log < math.log(1.2)


def test_an_axis_that_did_nothing_is_hoped_for_less_than_one_that_did_much() -> None:
    goods: dict[Setting, float | Stop] = {(16, each, 0.9): 10.0 for each in (2048, 4096, 8192)}
    found = effects(goods | {(4, 4096, 0.8): 2.0, (6, 4096, 0.8): 3.0})
    assert found.step((64, 4096, 0.9), BATCHED, 1).doubt < found.step((64, 4096, 0.9), 0, 1).doubt


def test_what_died_or_is_not_of_the_space_says_nothing() -> None:
    """As the settings that are strained to prove another: 18 is no value of the axis."""
    found = effects({(16, 4096, 0.9): 10.0, (24, 4096, 0.9): Stop.DIED, (18, 4096, 0.9): 1.0})
    assert found.step((16, 4096, 0.9), SLOTS, 1).log == 0


def test_a_setting_without_any_page_in_time_is_much_worse_and_no_more() -> None:
    found = effects({(16, 4096, 0.9): 10.0, (24, 4096, 0.9): 0.0})
    assert -5 < found.step((16, 4096, 0.9), SLOTS, 1).log < -2

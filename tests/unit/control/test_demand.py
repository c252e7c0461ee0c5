"""How many entries need to wait while more comes than can be read."""

import math

import pytest

from ocrgate.control.demand import Demand, DemandParams


def under(load: float, entries: int = 200, memory: float = 16.0) -> Demand:
    """A lane to which ``load`` times as much has come as could be read."""
    demand, due = Demand(DemandParams(memory=memory)), 0.0
    for number in range(entries):
        due += 1 / load
        if due >= 1:
            due -= 1
            demand.let_in(number * 0.01)
        else:
            demand.turned_away(number * 0.01)
    return demand


def test_while_nobody_is_turned_away_any_number_may_wait() -> None:
    """Bursts are what a queue is for."""
    assert under(1.0).depth(2.0) == math.inf
    assert under(1.0).share(2.0) == 0.0


@pytest.mark.parametrize(
    ("load", "least", "most"), [(2.0, 2.5, 4.5), (4.0, 1.3, 2.2), (20.0, 0.7, 1.1)]
)
def test_the_more_comes_the_fewer_need_to_wait(load: float, least: float, most: float) -> None:
    """Three or four at twice the load, one at twenty times."""
    assert least <= under(load).depth(2.0) <= most


def test_what_was_turned_away_is_forgotten_by_what_comes_and_by_time() -> None:
    """A few dozens that are let in, or a minute in which nobody comes."""
    demand = under(10.0)
    assert demand.depth(60.0) > 10
    for _ in range(60):
        demand.let_in(2.0)
    assert demand.depth(2.0) > 50


def test_other_numbers_hold_at_once() -> None:
    """An operator who wants shorter queues has them."""
    demand = under(2.0)
    before = demand.depth(2.0)
    demand.retune(DemandParams(idle=0.5))
    assert demand.depth(2.0) < before / 2


def test_senseless_numbers_are_refused() -> None:
    """Parts of a whole, and times."""
    for wrong in ({"idle": 0.0}, {"idle": 1.0}, {"memory": 0.5}, {"seconds": 0.0}):
        with pytest.raises(ValueError, match="idle"):
            DemandParams(**wrong)

"""What the learning guard decides, case by case."""

import pytest

from ocrgate.control.guard import (
    GuardParams,
    GuardState,
    Healthy,
    Load,
    OutOfMemory,
    begin,
    learn,
)

PAGE = 4_194_304  # 2048 x 2048
PARAMS = GuardParams(Load(1, 1_048_576), Load(16, PAGE), patience=600.0)
DAY = 86_400.0


def after(*events: OutOfMemory | Healthy, state: GuardState | None = None) -> GuardState:
    """The state that these events lead to, from the beginning or from ``state``."""
    known = state or begin(PARAMS, None, 0.0)
    for event in events:
        known = learn(PARAMS, known, event)
    return known


def test_the_first_start_carries_the_most() -> None:
    assert begin(PARAMS, None, 0.0).load == PARAMS.most


def test_a_death_halves_the_sequences_first() -> None:
    """Sixteen, eight, four at full size; then smaller pages; one page at a time in the end."""
    state, seen = begin(PARAMS, None, 0.0), []
    for second in range(6):
        state = learn(PARAMS, state, OutOfMemory(float(second), state.load, 0.0))
        seen.append(state.load)
    assert seen[:2] == [Load(8, PAGE), Load(4, PAGE)]
    assert seen[2].sequences == 4
    assert 1_048_576 < seen[2].pixels <= PAGE / 2
    assert seen[3].pixels == 1_048_576
    assert seen[-1] == PARAMS.least


def test_health_earns_one_step() -> None:
    """Not before the time is full, then one sequence more."""
    died = after(OutOfMemory(0.0, Load(16, PAGE), 0.0))
    short = after(Healthy(599.0, Load(8, PAGE), 599.0), state=died)
    assert short.load == Load(8, PAGE)
    assert after(Healthy(601.0, Load(8, PAGE), 2.0), state=short).load == Load(9, PAGE)


def test_a_step_that_killed_costs_twice_the_patience() -> None:
    """And does not throw back further than to what has proven itself."""
    eight, nine = Load(8, PAGE), Load(9, PAGE)
    state = after(
        OutOfMemory(0.0, Load(16, PAGE), 0.0),
        Healthy(700.0, eight, 600.0),
        OutOfMemory(800.0, nine, 10.0),
    )
    assert state.load == eight
    state = after(Healthy(1500.0, eight, 600.0), state=state)
    assert state.load == eight
    assert after(Healthy(2100.0, eight, 600.0), state=state).load == nine


def test_a_step_that_killed_twice_in_a_day_is_closed_for_the_day() -> None:
    """It opens when one of the two deaths is a day old."""
    eight, nine = Load(8, PAGE), Load(9, PAGE)
    state = after(
        OutOfMemory(0.0, Load(16, PAGE), 0.0),
        Healthy(700.0, eight, 600.0),
        OutOfMemory(800.0, nine, 10.0),
        Healthy(2100.0, eight, 1200.0),
        OutOfMemory(2200.0, nine, 10.0),
        Healthy(50_000.0, eight, 47_000.0),
    )
    assert state.load == eight
    assert after(Healthy(800.0 + DAY, eight, 10.0), state=state).load == nine


def test_a_death_of_what_had_proven_itself_halves() -> None:
    """The world has changed, say by a neighbor on the same GPU."""
    eight = Load(8, PAGE)
    state = after(OutOfMemory(0.0, Load(16, PAGE), 0.0), Healthy(500.0, eight, 500.0))
    state = after(Healthy(600.0, eight, 100.0), OutOfMemory(700.0, eight, 700.0), state=state)
    assert state.load == Load(4, PAGE)
    assert state.proven is None


def test_a_death_after_a_day_of_work_costs_one_step() -> None:
    """One page in a day is no reason to serve half as many."""
    state = after(OutOfMemory(DAY, Load(16, PAGE), DAY))
    assert state.load == Load(15, PAGE)


def test_health_of_what_ran_before_says_nothing_of_what_was_chosen() -> None:
    """Until the restart the old server works on; its time does not earn a second step."""
    eight, nine = Load(8, PAGE), Load(9, PAGE)
    state = after(OutOfMemory(0.0, Load(16, PAGE), 0.0), Healthy(700.0, eight, 600.0))
    assert state.load == nine
    assert after(Healthy(9000.0, eight, 8000.0), state=state) == state


def test_deaths_are_forgotten_after_a_week() -> None:
    """With nothing left to fear, the next run of ocrgate begins with the most."""
    state = after(OutOfMemory(0.0, Load(16, PAGE), 0.0))
    assert begin(PARAMS, state, 6 * DAY).load == Load(8, PAGE)
    assert begin(PARAMS, state, 8 * DAY).load == PARAMS.most


def test_what_was_learned_is_fitted_to_another_range() -> None:
    """Someone lowers ``max_sequences`` below what was learned."""
    state = after(OutOfMemory(0.0, Load(16, PAGE), 0.0))
    smaller = GuardParams(Load(1, 1_048_576), Load(5, PAGE))
    assert begin(smaller, state, 1.0).load == Load(5, PAGE)


@pytest.mark.parametrize(
    ("least", "most"),
    [(Load(2, 100), Load(1, 100)), (Load(1, 100), Load(1, 99)), (Load(0, 1), Load(1, 1))],
)
def test_a_range_must_not_be_empty(least: Load, most: Load) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        GuardParams(least, most)

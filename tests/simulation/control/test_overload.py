"""Ten times the load, in virtual time: what the admission core makes of it."""

import pytest
from tests.simulation.control.crowd import Crowd, Run, steady

from ocrgate.domain.ticket import Lane

LIMIT = 4
DEADLINE = 5.0
SECONDS = 200.0


def simulate(
    load: dict[Lane, float], seed: int, *, limit: int = LIMIT, deadline: float = DEADLINE
) -> tuple[Run, float]:
    """So many times the capacity per lane; the run, and its goodput as a part of the capacity."""
    streams = [steady("a", part, lane) for lane, part in load.items()]
    crowd = Crowd(streams, seed, limit=limit, deadline=deadline)
    run = crowd.go(SECONDS)
    return run, sum(page.in_time for page in run.pages) / SECONDS / crowd.capacity


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ten_times_the_load_costs_no_goodput(seed: int) -> None:
    """At 10x, at least 95 % of the capacity is pages in time; nothing dead starts; refusals are
    told at once or after a fifth of the deadline at most.
    """
    run, goodput = simulate({Lane.STANDARD: 10.0}, seed)
    assert goodput >= 0.95
    assert run.dead_dispatched == 0
    assert run.deepest <= 16
    assert max(run.refusal_waits) <= DEADLINE / 5 + 1e-6
    assert sorted(run.refusal_waits)[len(run.refusal_waits) // 2] == 0.0
    assert run.late <= 0.02 * sum(page.in_time for page in run.pages)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shares_hold_when_every_lane_is_overloaded(seed: int) -> None:
    """Places go 50 : 35 : 15 while all three lanes send several times the capacity."""
    run, goodput = simulate(dict.fromkeys(Lane, 4.0), seed)
    parts = [run.held[lane] / run.held.total() for lane in Lane]
    assert parts == pytest.approx([0.5, 0.35, 0.15], abs=0.05)
    assert goodput >= 0.95


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_people_are_served_while_batch_floods(seed: int) -> None:
    """Interactive pages within their share are served in time, 995 of 1,000, at ten times the load,
    also with four places.
    """
    load = {Lane.INTERACTIVE: 0.25, Lane.STANDARD: 1.0, Lane.BATCH: 9.0}
    run, goodput = simulate(load, seed)
    assert run.share_in_time(lane=Lane.INTERACTIVE, until=SECONDS - DEADLINE) >= 0.995
    assert goodput >= 0.95


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_people_who_use_most_of_their_share_are_served_at_ten_times_the_load(seed: int) -> None:
    """At 80 % of its share of 16 places, 995 of 1,000 interactive pages are in time."""
    load = {Lane.INTERACTIVE: 0.4, Lane.STANDARD: 4.8, Lane.BATCH: 4.8}
    run, goodput = simulate(load, seed, limit=16, deadline=10.0)
    assert run.share_in_time(lane=Lane.INTERACTIVE, until=SECONDS - 10.0) >= 0.995
    assert goodput >= 0.95


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_below_capacity_almost_nothing_is_refused(seed: int) -> None:
    """At 80 % of the capacity of 16 places, 98 of 100 pages are served within ten seconds."""
    run, _ = simulate({Lane.STANDARD: 0.8}, seed, limit=16, deadline=10.0)
    assert run.share_in_time(until=SECONDS - 10.0) >= 0.98

"""Ten tenants, one of which sends nine tenths of eight times the capacity."""

import pytest
from tests.simulation.control.crowd import Crowd, Run, steady

SECONDS = 60.0
LOAD = 8.0
SMALL = [f"small-{number}" for number in range(9)]


def tenants(seed: int, *, priced: bool = False, limit: int = 32) -> tuple[Crowd, Run]:
    """One sends 90 % of the load, nine share the rest, each within a tenth of the capacity."""
    streams = [steady("big", 0.9 * LOAD), *(steady(name, 0.1 * LOAD / 9) for name in SMALL)]
    crowd = Crowd(streams, seed, limit=limit, priced=priced)
    return crowd, crowd.go(SECONDS)


@pytest.mark.parametrize(("seed", "priced"), [(1, False), (2, False), (3, False), (1, True)])
def test_the_small_are_served_beside_a_big_one(seed: int, *, priced: bool) -> None:
    """96 of 100 pages of the small tenants are in time, nothing is left idle, and service is as
    even as max-min fairness would have it (Jain's index of what each got of its fair part).
    """
    crowd, run = tenants(seed, priced=priced)
    parts = [run.share_in_time(caller=name) for name in SMALL]
    assert sum(parts) / len(parts) >= 0.96
    assert min(parts) >= 0.93
    total = crowd.capacity * SECONDS
    fair = {"big": 0.2 * total, **dict.fromkeys(SMALL, 0.8 * total / 9)}
    got = [
        sum(page.in_time for page in run.pages if page.stream.caller == name) / part
        for name, part in fair.items()
    ]
    assert sum(got) ** 2 / (len(got) * sum(each * each for each in got)) >= 0.95
    assert sum(page.in_time for page in run.pages) >= 0.97 * total


@pytest.mark.parametrize(("limit", "least"), [(8, 0.95), (16, 0.96)])
def test_so_they_are_with_few_places(limit: int, least: float) -> None:
    """Nobody who sends less than its part is refused for want of a place to wait."""
    for seed in (1, 2):
        _, run = tenants(seed, limit=limit)
        parts = [run.share_in_time(caller=name, until=SECONDS - 10.0) for name in SMALL]
        assert sum(parts) / len(parts) >= least

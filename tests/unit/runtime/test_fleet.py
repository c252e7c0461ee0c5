"""Choosing a replica, at instants that lie between two looks at the clock."""

import asyncio
from collections.abc import Callable

import pytest
from tests.integration.runtime.virtual_servers import PAGE, VirtualServer

from ocrgate.domain.recognition import PageRequest
from ocrgate.ports import TimerHandle
from ocrgate.runtime.fleet import Fleet
from ocrgate.runtime.replica import Page, ReplicaParams
from ocrgate.testing import ManualClock


class Running:
    """A clock that goes on by a millisecond with every look at it, as a real one does by less."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        self.time += 0.001
        return self.time

    def call_at(self, when: float, callback: Callable[[], None]) -> TimerHandle:
        return asyncio.get_running_loop().call_later(when - self.time, callback)


@pytest.mark.parametrize("before", [0.02, 0.021, 0.0205])
def test_a_breaker_that_lets_pages_through_from_this_instant_on_ends_no_page(
    before: float,
) -> None:
    """It may do so between two looks at the clock: the page goes then or not, and nothing fails."""
    params = ReplicaParams()
    clock = Running()
    engine = VirtualServer(ManualClock(), slots=8)
    fleet = Fleet([engine], clock, params, lambda _: None)
    fleet.down(0, "it was ended")
    clock.time += params.breaker.first - before
    found = [fleet.begin((), Page(PAGE, PageRequest())) for _ in range(20)]
    assert found[0] is None
    assert any(found)

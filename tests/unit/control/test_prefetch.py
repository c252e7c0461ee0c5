"""Pages ahead of the engine: enough to keep it busy, and hardly more."""

import heapq
import math
import random

import pytest

from ocrgate.control.prefetch import Prefetch, PrefetchParams


def told(prepare: float, engine: float, pages: int = 64) -> Prefetch:
    prefetch = Prefetch()
    for _ in range(pages):
        prefetch.learn(prepare, engine)
    return prefetch


def played(slots: int, ahead: int, prepare: float, pages: int = 4000) -> tuple[float, float]:
    """Part of the slots in use, and mean pages that stand ready, before an engine of one second a
    page while enough wait: each page that ends lets the next begin to be prepared. All times are
    exponential, so that they are as uneven as they come.
    """
    chance = random.Random(7)
    due = [(chance.expovariate(1 / prepare), "ready") for _ in range(slots + ahead)]
    heapq.heapify(due)
    busy = ready = 0
    now = used = stood = 0.0
    for _ in range(2 * pages):
        at, what = heapq.heappop(due)
        used, stood, now = used + busy * (at - now), stood + ready * (at - now), at
        if what == "ready":
            ready += 1
        else:
            busy -= 1
            heapq.heappush(due, (at + chance.expovariate(1 / prepare), "ready"))
        while ready and busy < slots:
            ready, busy = ready - 1, busy + 1
            heapq.heappush(due, (at + chance.expovariate(1.0), "ended"))
    return used / now / slots, stood / now


def test_before_pages_were_seen_half_the_slots() -> None:
    assert [Prefetch().pages(slots) for slots in (1, 2, 3, 4, 32)] == [1, 1, 2, 2, 16]
    assert told(0.0, 1.0, pages=7).pages(32) == 16


def test_a_page_that_is_ready_at_once_needs_one_ahead() -> None:
    assert told(0.0, 5.0).pages(80) == 1
    assert told(0.001, 6.0).pages(80) == 2


def test_never_more_than_half_the_slots_and_never_less_than_one() -> None:
    assert told(10.0, 1.0).pages(80) == 40
    assert told(10.0, 1.0).pages(1) == 1
    assert told(1.0, 0.0).pages(8) == 4  # an engine that takes no time says nothing


def test_it_follows_what_pages_take_now() -> None:
    prefetch = told(0.001, 1.0)
    few = prefetch.pages(32)
    for _ in range(200):
        prefetch.learn(0.2, 1.0)
    assert few < prefetch.pages(32) == 1 + math.ceil(6.4 + 2 * math.sqrt(6.4))


@pytest.mark.parametrize("slots", [2, 8, 32, 128])
@pytest.mark.parametrize("prepare", [0.001, 0.02, 0.1, 0.3])
def test_the_engine_stays_as_busy_as_with_half_the_slots_ahead(slots: int, prepare: float) -> None:
    """And where pages are prepared fast, none stand in a line before it."""
    ahead, most = told(prepare, 1.0).pages(slots), math.ceil(slots / 2)
    used, stood = played(slots, ahead, prepare)
    full, crowd = played(slots, most, prepare)
    assert used > 0.96 * full
    assert stood <= crowd + 0.2
    if prepare <= 0.02 and slots >= 32:
        assert stood < crowd / 3


def test_params_out_of_range_are_refused() -> None:
    for wrong in ({"most": 0.0}, {"least": 0}, {"least": 9, "memory": 8}):
        with pytest.raises(ValueError, match="most is above 0"):
            PrefetchParams(**wrong)

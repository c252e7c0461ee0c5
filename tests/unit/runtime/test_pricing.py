"""What pages are expected to take, and room for them."""

from dataclasses import replace

import pytest

from ocrgate.control.cost import Lengths, PageClass
from ocrgate.control.limit.law import Signals
from ocrgate.domain.document import DocumentInfo, ImageSpec, MediaType
from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.domain.ticket import Cost, Lane, Ticket
from ocrgate.errors import InvalidRequest
from ocrgate.ports import EngineDescription
from ocrgate.runtime.pricing import TokenBudget, price, sent_size
from ocrgate.runtime.station import StationState
from ocrgate.testing import ManualClock

PAGE = Cost(input_tokens=500, low=300, median=500, high=700)


class Halved:
    """A model that looks at half of each side, and takes no strips."""

    def fit(self, width: int, height: int) -> tuple[int, int]:
        if max(width, height) > 50 * min(width, height):
            raise InvalidRequest("a strip", field="image")
        return width // 2, height // 2


def described(**more: object) -> EngineDescription:
    return EngineDescription(
        "vllm/x",
        frozenset({Task.TEXT}),
        ImageSpec(max_side=1024),
        slots=8,
        boxes=False,
        **more,  # type: ignore[arg-type]
    )


def info(width: int, height: int) -> DocumentInfo:
    return DocumentInfo(MediaType.PNG, 1, width, height, 0)


def ticket(number: int, cost: Cost | None = PAGE) -> Ticket:
    return Ticket(number, Lane.STANDARD, "ann", 0.0, 60.0, cost=cost)


def state(capacity: int | None, usage: float | None = None, *, usable: bool = True) -> StationState:
    load = None if usage is None else Signals(kv_usage=usage)
    return StationState(8, "start", usable, 0, 0, capacity, load)


def test_a_page_is_priced_in_the_size_in_which_it_is_sent() -> None:
    """Input tokens of the shrunk image; output tokens of the page as it came."""
    engine = described(tokens=lambda width, height: width * height // 1000)
    cost = price(info(2048, 1024), PageRequest(), engine, Lengths())
    assert cost is not None
    assert cost.input_tokens == 1024 * 512 // 1000
    assert 0 < cost.low < cost.median < cost.high


def test_lengths_that_were_learned_count_and_so_does_the_callers_cap() -> None:
    """Pages of that size have had 40 tokens; who asks for 10 at most gets no more."""
    engine, lengths = described(tokens=lambda *_: 1), Lengths()
    for _ in range(200):
        lengths.observe(PageClass.of("vllm/x", Task.TEXT, 1000 * 1000), 40)
    cost = price(info(1000, 1000), PageRequest(), engine, lengths)
    assert cost is not None
    assert cost.median == pytest.approx(40, abs=3)
    short = price(info(1000, 1000), PageRequest(max_tokens=10), engine, lengths)
    assert short is not None
    assert short.high == 10


def test_what_has_no_tokens_has_no_price() -> None:
    """The embedded engine counts none; a strip that no model takes is told when it is prepared."""
    assert price(info(10, 10), PageRequest(), described(), Lengths()) is None
    picky = replace(described(tokens=lambda *_: 1), input=ImageSpec(sizing=Halved()))
    assert price(info(10, 9000), PageRequest(), picky, Lengths()) is None


def test_the_models_own_rule_decides_on_the_size() -> None:
    """Never larger than the longest side, nor than what the model says."""
    halved = Halved()
    assert sent_size(400, 200, ImageSpec(max_side=1000, sizing=halved)) == (200, 100)
    assert sent_size(2000, 1000, ImageSpec(max_side=1000)) == (1000, 500)
    assert sent_size(300, 200, ImageSpec(max_side=1000)) == (300, 200)


def test_pages_fit_until_the_caches_are_full() -> None:
    """Each may reach 1000 tokens; half of the way they need 1000 each at the peak."""
    budget = TokenBudget(3)
    budget.follow([state(10_000), state(10_000), state(99_999, usable=False)], 0.0)
    count = 0
    while budget.fits(ticket(count), 0.0):
        budget.begin(ticket(count), 0.0)
        count += 1
    assert 17 <= count <= 21
    budget.end(0, 0.0)
    budget.end(0, 0.0)
    assert budget.fits(ticket(99), 0.0)
    assert budget.fits(ticket(98, cost=None), 0.0)


def test_pages_are_let_in_by_the_blocks_that_they_will_hold() -> None:
    """An engine that gives its cache out in large blocks has room for fewer."""
    counts = []
    for block in (1, 4096):
        budget = TokenBudget(1)
        budget.follow([replace(state(10_000), block=block)], 0.0)
        number = 0
        while budget.fits(ticket(number), 0.0):
            budget.begin(ticket(number), 0.0)
            number += 1
        counts.append(number)
    assert counts[1] < counts[0]


def test_what_two_caches_have_together_is_no_room() -> None:
    """Two have 1,500 tokens left each; a page of 2,000 fits into neither."""
    budget = TokenBudget(2)
    budget.follow([state(3_000), state(3_000)], 0.0)
    half = Cost(input_tokens=1000, low=100, median=400, high=400)
    budget.begin(ticket(0, half), 0.0)
    budget.begin(ticket(1, half), 0.0)
    big = Cost(input_tokens=1500, low=100, median=500, high=500)
    assert not budget.fits(ticket(2, big), 0.0)
    assert budget.fits(ticket(2, half), 0.0)


def test_an_unknown_cache_has_room_for_all() -> None:
    """One replica that does not tell its size takes what does not fit elsewhere."""
    budget = TokenBudget(2)
    budget.follow([state(1000), state(None)], 0.0)
    for number in range(50):
        assert budget.fits(ticket(number), 0.0)
        budget.begin(ticket(number), 0.0)


def test_a_page_may_go_where_it_fits_and_holds_its_part_there() -> None:
    """Among several, and only where tokens are known; what it wrote elsewhere is forgotten."""
    clock = ManualClock()
    assert TokenBudget(1, clock).room(0) is None
    budget = TokenBudget(2, clock)
    budget.follow([state(1_500), state(1_400)], 0.0)
    budget.begin(ticket(0), 0.0)
    budget.begin(ticket(1), 0.0)
    budget.begin(ticket(2, cost=None), 0.0)
    first = budget.room(0)
    assert first is not None
    assert budget.room(2) is None
    assert list(first.fitting([0, 1])) == [0]
    budget.advance(1, 400)
    budget.end(1, 0.0)
    assert list(first.fitting([0, 1])) == [0, 1]
    first.sent(1)
    assert budget.fits(ticket(3), 0.0)
    budget.begin(ticket(3), 0.0)
    third = budget.room(3)
    assert third is not None
    assert list(third.fitting([0, 1])) == [0]
    first.sent(1)  # once more, where it is: nothing changes
    assert not budget.fits(ticket(4), 0.0)


def test_what_others_hold_is_left_to_them() -> None:
    """The engine says that nine tenths are in use, and none of it is ours."""
    budget = TokenBudget()
    budget.follow([state(10_000)], 0.0)
    budget.begin(ticket(0), 0.0)
    assert budget.fits(ticket(1), 0.0)
    for second in range(10):
        budget.follow([state(10_000, usage=0.95)], float(second))
    assert not budget.fits(ticket(1), 9.0)


def test_a_page_that_outgrows_its_estimate_takes_more_room() -> None:
    """The stream says so, in strides."""
    budget = TokenBudget()
    budget.follow([state(2_700)], 0.0)
    budget.begin(ticket(0), 0.0)
    assert budget.fits(ticket(1), 0.0)
    for tokens in range(0, 1500, 10):
        budget.advance(0, tokens)
    assert not budget.fits(ticket(1), 0.0)
    budget.advance(7, 10_000)  # unknown: nothing happens

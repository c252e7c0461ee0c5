"""A plan answers what a buyer asks, and ranks as physics does."""

from dataclasses import replace

import pytest
from tests.unit.load.plan.test_wish import wish

from ocrgate.errors import InvalidRequest
from ocrgate.load.plan.outlook import NEVER, Outlook, expected, outlook
from ocrgate.load.plan.pages import Measured, named
from ocrgate.load.plan.uncertain import Known
from ocrgate.load.plan.wish import ASSUMED
from ocrgate.load.tune.virtual import Pages
from ocrgate.simulate.gpus import Weights

GIB = 1024**3


@pytest.fixture(scope="module")
def small() -> Outlook:
    return outlook(wish("L4"))


def test_the_figure_lies_in_its_interval(small: Outlook) -> None:
    assert small.rate.low < small.rate.middle < small.rate.high
    assert small.per_day.middle == pytest.approx(small.rate.middle * 86_400 / 1.4)
    assert small.late <= 0.1


def test_what_is_planned_fits_into_the_cache(small: Outlook) -> None:
    assert small.at_once <= small.kv_pages
    assert small.kv_tokens > 100_000


def test_every_rung_says_what_it_gives(small: Outlook) -> None:
    rungs = {rung.name: rung for rung in small.rungs}
    assert rungs["2 x l4-24gb (one engine on each)"].times == 2
    assert rungs["side 1536"].times < 1 < rungs["side 768"].times
    assert rungs["1 x a10-24gb"].times > 1
    assert {"weights in fp8", "KV cache in fp8"} <= rungs.keys()


def test_a_larger_gpu_carries_more(small: Outlook) -> None:
    large = outlook(wish("A100-40"), rungs=False)
    assert large.rate.middle > 1.5 * small.rate.middle
    assert large.at_once >= small.at_once


def test_two_gpus_carry_twice(small: Outlook) -> None:
    assert outlook(wish("L4", gpus=2), rungs=False).rate.middle == pytest.approx(
        2 * small.rate.middle
    )


def test_a_neighbour_on_the_gpu_bounds_the_pages_at_once() -> None:
    """The founding case: what vLLM does not see is what kills it."""
    found = outlook(wish("RTX4090D", neighbour=2.05 * GIB), rungs=False)
    assert found.at_once == 16
    assert "memory outside" in found.bound


def test_a_measurement_narrows_the_interval(small: Outlook) -> None:
    pages = Measured(((700, 300),))
    sure = outlook(
        wish("L4", pages=pages), Known(pace=1.08, matched=lambda _: ASSUMED), rungs=False
    )
    width = sure.rate.high - sure.rate.low
    assert width < 0.5 * (small.rate.high - small.rate.low)


def test_the_more_is_known_of_pages_the_narrower_the_interval() -> None:
    """Their sort by name, their size and text, the very pages."""

    def width(pages: Pages) -> float:
        found = expected(wish("L4", pages=pages, deadline=60.0), Known(), 4)
        return found.high / found.low

    by_name, by_size = width(named("dense")), width(named("1240x1754:700"))
    counted = width(Measured(((850, 700), (850, 500), (850, 1000))))
    assert by_name > 1.3 * by_size
    assert by_size > counted
    assert by_name > 4


def test_a_guess_that_is_slower_is_given_fewer_at_once() -> None:
    """A number at which all are too late on a slower engine says nothing of what that carries."""
    found = expected(wish("L4"), Known(pace=3.0), 8)
    assert 0 < found.low < found.middle / 2


def test_no_side_is_offered_that_changes_nothing() -> None:
    """Where pages are smaller than that, or their sizes not known."""
    for pages in (named("300x200:20"), Measured(((700, 300),))):
        found = outlook(wish("L4", pages=pages, neighbour=2.3 * GIB))
        assert not [rung.name for rung in found.rungs if rung.name.startswith("side")]


def test_a_promise_that_cannot_be_kept_is_said_to_be_one() -> None:
    found = outlook(wish("L4", deadline=1.0), rungs=False)
    assert found.at_once == 1
    assert found.bound == NEVER
    assert found.late > 0.5


def test_a_model_that_does_not_fit_is_said_not_to() -> None:
    asked = wish("L4")
    large = replace(asked, model=replace(asked.model, weights=Weights(text=11e9)))
    with pytest.raises(InvalidRequest, match="does not fit on a l4-24gb"):
        outlook(large)


def test_a_gpu_full_of_other_things_is_said_to_be() -> None:
    with pytest.raises(InvalidRequest, match="leave no memory"):
        outlook(wish("L4", neighbour=30 * GIB))

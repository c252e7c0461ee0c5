"""Pages as a plan has them: by name or size, made smaller, weighed."""

import random
from itertools import islice

import pytest
from tests.unit.load.plan.test_wish import GRID

from ocrgate.errors import InvalidRequest
from ocrgate.load.plan.pages import Measured, Prepared, Replayed, named, weighed
from ocrgate.simulate.workload import MIXES


def test_pages_are_known_by_name_or_by_size() -> None:
    assert named("mix") is MIXES["ocr"]
    assert named("dense") is MIXES["dense"]
    page = next(named("1240x1754:300").pages(random.Random(1)))
    assert (page.width, page.height) == (1240, 1754)


@pytest.mark.parametrize("text", ["", "scans", "1240x1754", "0x0:1", "1240x1754:x"])
def test_other_pages_are_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(InvalidRequest, match="mix, screenshots"):
        named(text)


def test_a_page_is_made_as_small_as_the_gate_would() -> None:
    pages = Prepared(named("1240x1754:300"), GRID.tokens, 1024)
    page = next(pages.pages(random.Random(1)))
    assert (page.width, page.height) == (724, 1024)
    assert page.image_tokens == GRID.tokens(724, 1024)
    assert page.input_tokens == page.image_tokens + 24


def test_a_small_page_is_left_as_it_is() -> None:
    page = next(Prepared(named("300x200:20"), GRID.tokens, 1024).pages(random.Random(1)))
    assert (page.width, page.height) == (300, 200)


def test_a_page_on_which_the_model_loops_weighs_what_it_may_write_at_most() -> None:
    pages = Prepared(named("dense"), GRID.tokens, 1024)
    loops = [page for page in islice(pages.pages(random.Random(1)), 500) if page.loops_at]
    assert loops
    assert weighed(pages, 100_000).after > weighed(pages, 8192).after


def test_measured_pages_are_drawn_as_they_were_counted() -> None:
    pages = Prepared(Measured(((500, 20), (900, 80))), GRID.tokens, 1024)
    drawn = {(p.input_tokens, p.output_tokens) for p in islice(pages.pages(random.Random(1)), 50)}
    assert drawn == {(500, 20), (900, 80)}


def test_the_context_is_that_of_every_token_of_text() -> None:
    """A long text is written for longer, and with more behind it: it counts by its tokens."""
    short, long = weighed(Measured(((500, 10),)), 8192), weighed(Measured(((500, 1000),)), 8192)
    both = weighed(Measured(((500, 10), (500, 1000))), 8192, count=4000)
    assert short.context == pytest.approx(505)
    assert long.context == pytest.approx(1000)
    assert both.context == pytest.approx(995, rel=0.01)


def test_replayed_pages_come_in_their_order_over_and_again() -> None:
    pages = Replayed(((500, 10), (600, 20))).pages(random.Random(1))
    found = [(page.input_tokens, page.output_tokens) for page in islice(pages, 4)]
    assert found == [(500, 10), (600, 20)] * 2

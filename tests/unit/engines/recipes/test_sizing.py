"""The size in which a page is sent."""

import pickle

import pytest

from ocrgate.engines.recipes import CostSizing, recipe_named, sizing
from ocrgate.errors import InvalidRequest

NEW = recipe_named("hunyuanocr-1.5").cost
OLD = recipe_named("hunyuanocr-1.0").cost


def test_a_page_that_fits_is_sent_as_it_is() -> None:
    """Nothing is enlarged, although the model will do that with a small one."""
    assert sizing(NEW).fit(2480, 3508) == (2480, 3508)
    assert sizing(NEW).fit(30, 20) == (30, 20)


def test_a_page_is_shrunk_to_what_the_model_looks_at() -> None:
    """More pixels than the model keeps are not sent: it would shrink them in a single thread."""
    width, height = sizing(OLD).fit(2480, 3508)
    assert 0.999 * 2048**2 < width * height <= 2048**2


def test_a_page_is_shrunk_to_what_the_encoder_takes() -> None:
    """An engine with a small encoder cache refuses what is larger, so it is not sent."""
    width, height = sizing(NEW, limit=4096).fit(2480, 3508)
    assert 4000 < NEW.tokens(width, height) <= 4096
    assert width / height == pytest.approx(2480 / 3508, rel=0.001)


def test_all_bounds_hold_together() -> None:
    """The longest side, the area of a capped server and the tokens."""
    assert max(sizing(NEW, max_side=1288).fit(2480, 3508)) == 1288
    width, height = sizing(NEW, max_pixels=1_000_000).fit(2480, 3508)
    assert 0.998e6 < width * height <= 1e6


def test_a_strip_that_no_size_makes_cheap_is_refused() -> None:
    """Small images are enlarged, so a narrow strip costs more than 500 tokens at every size."""
    rule = sizing(NEW, limit=400)
    assert NEW.tokens(*rule.fit(3000, 2000)) <= 400
    with pytest.raises(InvalidRequest) as caught:
        rule.fit(150, 29000)
    assert caught.value.field == "image"


def test_a_strip_too_narrow_for_the_model_is_refused() -> None:
    """No size of it is any wider."""
    with pytest.raises(InvalidRequest):
        sizing(NEW).fit(10, 2001)


@pytest.mark.parametrize("bounds", [{"limit": 200}, {"limit": 0}, {"max_side": 0}])
def test_impossible_bounds_are_refused_when_set(bounds: dict[str, int]) -> None:
    """The least that HunyuanOCR makes of any image is 274 tokens."""
    with pytest.raises(ValueError):
        sizing(NEW, **bounds)


def test_it_travels_to_worker_processes_and_compares_by_value() -> None:
    """As the imaging pool asks of a sizing."""
    rule = sizing(NEW, limit=4096, max_side=2000)
    assert pickle.loads(pickle.dumps(rule)) == rule == CostSizing(NEW, 4096, 2000)
    assert hash(rule) == hash(CostSizing(NEW, 4096, 2000))

"""GPUs by the names that people use, models by their recipes' names."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.domain.patches import PatchGrid
from ocrgate.errors import InvalidRequest
from ocrgate.load.plan.pages import named
from ocrgate.load.plan.wish import ASSUMED, Model, Wish, gpu, shape
from ocrgate.simulate.gpus import SHEETS, Assumed, Weights

GRID = PatchGrid(32, 512**2, 2048**2, row_ends=True, ends=2)


def wish(name: str = "L4", **more: object) -> Wish:
    """Pages of an A4 sheet on a GPU."""
    model = Model("HunyuanOCR", Weights(), GRID.tokens, 5120)
    return Wish(gpu(name), model, **({"pages": named("1240x1754:300")} | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("L4", "l4-24gb"),
        ("rtx 4090", "rtx4090-24gb"),
        ("RTX4090D", "rtx4090d-24gb"),
        ("NVIDIA GeForce RTX 4090", "rtx4090-24gb"),
        ("A100-40", "a100-40gb"),
        ("A100-40GB", "a100-40gb"),
        ("H100", "h100-80gb"),
        ("Tesla-A10", "a10-24gb"),
    ],
)
def test_a_gpu_is_known_by_the_names_people_use(name: str, key: str) -> None:
    assert gpu(name).name == key


@pytest.mark.parametrize("key", SHEETS)
def test_every_gpu_is_known_by_its_own_name(key: str) -> None:
    assert gpu(key).name == key


def test_a_name_of_two_gpus_names_both() -> None:
    with pytest.raises(InvalidRequest, match="a100-80gb or a100-40gb"):
        gpu("A100")


def test_an_unknown_gpu_names_those_that_are_like_it() -> None:
    with pytest.raises(InvalidRequest, match=r"did you mean rtx4090-24gb"):
        gpu("RTX4091")
    with pytest.raises(InvalidRequest, match="its data sheet is not known"):
        gpu("potato")


def test_a_shape_is_known_or_not() -> None:
    assert shape("hunyuanocr") == Weights()
    assert shape("granite-docling") is None


def test_neighbours_and_a_greater_share_leave_room_for_fewer_pages() -> None:
    alone = wish().fitting
    assert wish(neighbour=1e9).fitting < alone
    assert wish(assumed=Assumed(utilization=0.95)).fitting < alone
    assert wish(neighbour=1e12).fitting == 0


@given(st.sampled_from(sorted(SHEETS)), st.integers(256, 4096), st.floats(1.0, 2.0))
def test_what_is_slower_is_slower(name: str, side: int, slower: float) -> None:
    usual = wish(name, side=side).profile()
    slow = wish(name, side=side, assumed=replace(ASSUMED, slower=slower)).profile()
    assert slow.speed.step(16, 1000) >= usual.speed.step(16, 1000)
    assert slow.speed.encode(4000) >= usual.speed.encode(4000)
    assert slow.kv_tokens == usual.kv_tokens


def test_long_pages_have_more_cache_to_read_in_every_step() -> None:
    short = replace(wish(), pages=named("600x600:50")).profile().speed
    long = replace(wish(), pages=named("600x600:3000")).profile().speed
    assert long.per_sequence > 1.4 * short.per_sequence
    assert long.base == short.base

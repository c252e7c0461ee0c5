"""What holds for the cost and the size of every image."""

import pickle

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ocrgate.domain.patches import MAX_RATIO
from ocrgate.engines.recipes import PatchGrid, recipe_named, recipes, sizing
from ocrgate.errors import InvalidRequest

SIDES = st.integers(1, 12000)
GRIDS = st.sampled_from([recipe.cost for recipe in recipes() if isinstance(recipe.cost, PatchGrid)])


@given(
    GRIDS,
    SIDES,
    SIDES,
    st.one_of(st.none(), st.integers(1100, 18000)),
    st.one_of(st.none(), st.integers(64, 5000)),
    st.one_of(st.none(), st.integers(10_000, 20_000_000)),
)
@settings(max_examples=200, deadline=None)
def test_a_page_is_sent_as_large_as_all_bounds_allow(
    grid: PatchGrid,
    width: int,
    height: int,
    limit: int | None,
    max_side: int | None,
    max_pixels: int | None,
) -> None:
    """Never larger, of the same shape to the pixel, within every bound; one pixel more is not."""
    assume(max(width, height) <= MAX_RATIO * min(width, height))
    rule = sizing(grid, limit=limit, max_side=max_side, max_pixels=max_pixels)
    assert pickle.loads(pickle.dumps(rule)) == rule
    area = min(max_pixels or grid.max_pixels, grid.max_pixels)

    def allowed(size: tuple[int, int]) -> bool:
        return (
            max(size) <= min(max_side or 12000, max(width, height))
            and size[0] * size[1] <= area
            and (limit is None or grid.tokens(*size) <= limit)
        )

    try:
        sent = rule.fit(width, height)
    except InvalidRequest:
        assert limit is not None
        assert min(width, height) * 8 < max(width, height)  # only strips are dear at every size
        return
    assert sent[0] <= width
    assert sent[1] <= height
    assert allowed(sent)
    long, short = max(sent), min(sent)
    assert short - 1 < long * min(width, height) / max(width, height) <= short
    larger = long + 1, -(-(long + 1) * min(width, height) // max(width, height))
    assert not allowed(larger if width >= height else larger[::-1])


@given(SIDES, SIDES)
@settings(deadline=None)
def test_a_flat_cost_leaves_the_size_alone(width: int, height: int) -> None:
    """Where the rule is not known there is nothing to gain."""
    assert sizing(recipe_named("deepseek-ocr").cost).fit(width, height) == (width, height)

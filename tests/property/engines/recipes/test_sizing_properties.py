"""What holds for the cost and the size of every image."""

import pickle

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ocrgate.engines.recipes import PatchGrid, recipe_named, recipes, sizing
from ocrgate.engines.recipes.cost import MAX_RATIO
from ocrgate.errors import InvalidRequest

SIDES = st.integers(1, 12000)
GRIDS = st.sampled_from([recipe.cost for recipe in recipes() if isinstance(recipe.cost, PatchGrid)])


@given(GRIDS, SIDES, SIDES)
@settings(max_examples=200, deadline=None)
def test_what_a_model_looks_at_is_within_its_own_bounds(
    grid: PatchGrid, width: int, height: int
) -> None:
    """Whole squares, no more than the largest area, about the same shape, and a bounded cost."""
    assume(max(width, height) <= MAX_RATIO * min(width, height))
    resized = grid.resized(width, height)
    squares = resized[0] * resized[1] // grid.factor**2
    assert all(side >= grid.factor and side % grid.factor == 0 for side in resized)
    assert squares * grid.factor**2 <= grid.max_pixels
    assert squares + grid.ends <= grid.tokens(width, height) <= grid.most()
    if width * height >= grid.min_pixels and min(width, height) >= 4 * grid.factor:
        scale = [side / given for side, given in zip(resized, (width, height), strict=True)]
        slack = [1 + grid.factor / side for side in resized]
        assert max(scale) <= min(scale) * slack[0] * slack[1]


@given(GRIDS, SIDES, SIDES)
@settings(deadline=None)
def test_turning_a_page_changes_the_row_ends_alone(
    grid: PatchGrid, width: int, height: int
) -> None:
    """Squares are the same either way round."""
    assume(max(width, height) <= MAX_RATIO * min(width, height))
    assert grid.resized(width, height) == grid.resized(height, width)[::-1]


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

"""What holds for the cost of every image, whatever the model's grid."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ocrgate.domain.patches import MAX_RATIO, PatchGrid

SIDES = st.integers(1, 12000)
GRIDS = st.builds(
    lambda factor, least, more, ends: PatchGrid(
        factor, least * factor**2, (least + more) * factor**2, row_ends=ends > 0, ends=ends
    ),
    st.sampled_from([14, 28, 32]),
    st.integers(1, 600),
    st.integers(600, 17_000),
    st.sampled_from([0, 2]),
)


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

"""What holds for the reading order of any page."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.domain.recognition import Box
from ocrgate.engines.cpu.layout import arrange

boxes = st.lists(
    st.builds(
        lambda x, y, width, height: Box(x, y, x + width, y + height),
        st.integers(0, 1000),
        st.integers(0, 1000),
        st.integers(5, 500),
        st.integers(5, 60),
    ),
    max_size=30,
    unique=True,
)


def reordered(found: list[list[int]], order: list[int]) -> list[list[int]]:
    return [[order[index] for index in block] for block in found]


@given(boxes)
@settings(max_examples=150, deadline=None)
def test_every_line_comes_out_once(page: list[Box]) -> None:
    """No line is lost and none is read twice, however the lines lie."""
    assert sorted(index for block in arrange(page) for index in block) == list(range(len(page)))
    assert all(arrange(page))


@given(boxes, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_detection_does_not_matter(page: list[Box], random: object) -> None:
    """The same page gives the same text, whichever line was found first."""
    order = list(range(len(page)))
    getattr(random, "shuffle")(order)  # noqa: B009 - Hypothesis hands out random.Random as object
    assert reordered(arrange([page[index] for index in order]), order) == arrange(page)


@given(boxes, st.integers(-4096, 4096), st.integers(-4096, 4096), st.sampled_from([0.5, 2.0, 4.0]))
@settings(max_examples=100, deadline=None)
def test_place_and_size_do_not_matter(page: list[Box], dx: int, dy: int, scale: float) -> None:
    """A page scanned at twice the resolution, or with a margin, reads the same."""
    moved = [
        Box(scale * x1 + dx, scale * y1 + dy, scale * x2 + dx, scale * y2 + dy)
        for x1, y1, x2, y2 in page
    ]
    assert arrange(moved) == arrange(page)

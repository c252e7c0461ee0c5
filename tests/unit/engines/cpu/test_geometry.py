"""Quads, crops and turns."""

import numpy as np
import pytest

from ocrgate.engines.cpu.geometry import (
    crop,
    grown,
    is_tall,
    ordered,
    part_of,
    sides,
    turned,
    turned_back,
)

QUAD = np.array([[10, 20], [50, 20], [50, 30], [10, 30]], np.float32)


@pytest.mark.parametrize("shift", range(4))
def test_corners_are_put_in_order(shift: int) -> None:
    """However a rectangle was reported, its corners run clockwise from the top left."""
    assert ordered(np.roll(QUAD, shift, axis=0)).tolist() == QUAD.tolist()


def test_a_grown_box_moves_every_side_by_the_same_distance() -> None:
    """Area times ratio over perimeter: 400 * 1.5 / 100."""
    bigger = grown(QUAD, 1.5)
    assert bigger[0] == pytest.approx([4, 14])
    assert list(sides(bigger)) == [pytest.approx(52), pytest.approx(22)]


def test_a_box_higher_than_wide_is_tall() -> None:
    """Such a line runs downwards."""
    assert not is_tall(QUAD)
    assert is_tall(ordered(QUAD[:, ::-1].copy()))


def test_an_upright_crop_is_a_view() -> None:
    """No pixels are copied or resampled for the usual line."""
    page = np.arange(60 * 60, dtype=np.uint8).reshape(60, 60)
    cut = crop(page, QUAD)
    assert cut.shape == (10, 40)
    assert np.shares_memory(cut, page)


def test_a_slanted_crop_is_turned_level() -> None:
    """A dark bar at an angle comes out dark from end to end."""
    page = np.full((100, 100), 255, np.uint8)
    for x in range(10, 90):
        page[10 + x // 2 : 22 + x // 2, x] = 0
    slanted = np.array([[12, 19], [86, 56], [86, 62], [12, 25]], np.float32)
    assert crop(page, slanted).max() < 60


def test_a_crop_outside_the_page_is_still_a_picture() -> None:
    """A quad pushed to the page's edge never yields an empty array."""
    page = np.zeros((30, 30), np.uint8)
    edge = np.array([[30, 30], [30, 30], [30, 30], [30, 30]], np.float32)
    assert crop(page, edge).size >= 1


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_places_on_a_turned_page_are_found_again(turn: int) -> None:
    """A mark on the page lies, once turned and turned back, where it was."""
    page = np.zeros((40, 70), np.uint8)
    page[12, 33] = 255
    (row,), (column,) = np.nonzero(turned(page, turn))
    middle = np.array([[column + 0.5, row + 0.5]], np.float32)
    assert turned_back(middle, turn, (70, 40))[0] == pytest.approx([33.5, 12.5])


def test_a_part_of_a_quad_lies_along_its_text() -> None:
    """The second quarter of a line of 40 pixels is 10 pixels wide and as high as the line."""
    assert part_of(QUAD, 0.25, 0.5).tolist() == [[20, 20], [30, 20], [30, 30], [20, 30]]

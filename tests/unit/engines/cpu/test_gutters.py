"""Lines drawn across a gutter are cut apart; lines with a wide space are not."""

import numpy as np

from ocrgate.engines.cpu.geometry import Pixels, Quad
from ocrgate.engines.cpu.gutters import split_at_gutters

PITCH = 30


def quad(x1: float, x2: float, row: int) -> Quad:
    y = row * PITCH
    return np.array([[x1, y], [x2, y], [x2, y + 20], [x1, y + 20]], np.float32)


def page(rows: int, *inked: tuple[int, int]) -> Pixels:
    """Rows of strokes, three pixels of ink and three of paper, between the given columns."""
    pixels = np.full((rows * PITCH, 700), 255, np.uint8)
    for row in range(rows):
        for first, last in inked:
            for stroke in range(first, last - 2, 6):
                pixels[row * PITCH + 4 : row * PITCH + 16, stroke : stroke + 3] = 0
    return pixels


def test_a_line_across_a_witnessed_gutter_is_cut() -> None:
    """Other lines end left of the gutter and begin right of it."""
    pixels = page(8, (10, 300), (320, 600))
    apart = [box for row in range(7) for box in (quad(8, 302, row), quad(318, 602, row))]
    parts = split_at_gutters(pixels, [*apart, quad(8, 602, 7)])
    assert len(parts) == 16
    left, right = parts[-2:]
    assert left[:, 0].max() < 312 < right[:, 0].min() + 4


def test_a_page_of_lines_across_is_cut_where_all_have_a_blank() -> None:
    """Even when the detector joined every line of two narrow columns."""
    pixels = page(8, (10, 300), (320, 600))
    assert len(split_at_gutters(pixels, [quad(8, 602, row) for row in range(8)])) == 16


def test_a_wide_space_in_one_line_is_left_alone() -> None:
    """One blank says nothing."""
    pixels = page(8, (10, 600))
    pixels[4:16, 250:275] = 255
    assert len(split_at_gutters(pixels, [quad(8, 602, row) for row in range(8)])) == 8


def test_short_lines_and_empty_pages_pass_through() -> None:
    """Nothing is cut that cannot hold two columns."""
    assert split_at_gutters(page(1), []) == []
    assert len(split_at_gutters(page(2, (10, 60)), [quad(8, 62, 0), quad(8, 62, 1)])) == 2

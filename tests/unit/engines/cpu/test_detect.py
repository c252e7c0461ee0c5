"""What is shown to the detector, and what its map means."""

import numpy as np
import pytest

from ocrgate.engines.cpu.detect import regions, shown_size, strips
from ocrgate.engines.cpu.geometry import sides


def test_a_page_is_shrunk_to_the_side() -> None:
    """A4 at 300 dpi is shown with its longest side at 1280, in multiples of 32."""
    assert shown_size(2480, 3508, 1280) == (896, 1280)


def test_a_small_page_is_shown_as_it_is() -> None:
    """Nothing is enlarged that is large enough."""
    assert shown_size(640, 480, 1280) == (640, 480)


def test_a_long_screenshot_keeps_its_letters() -> None:
    """A scrolled page ten times as long as wide is measured by its width."""
    assert shown_size(1000, 10_000, 1280) == (640, 6400)


def test_a_tiny_picture_is_enlarged_at_most_fourfold() -> None:
    """One word of 12 pixels height is shown larger."""
    width, height = shown_size(40, 14, 1280)
    assert 128 <= width <= 192
    assert height >= 32


@pytest.mark.parametrize("height", [32, 320, 384, 416, 1280, 6400])
def test_strips_cover_every_row_once(height: int) -> None:
    """The map has no hole and no strip is taller than what memory was planned for."""
    cut = list(strips(height))
    assert [strip.first for strip in cut] == [0, *(strip.last for strip in cut[:-1])]
    assert cut[-1].last == height
    assert all(strip.top % 32 == 0 and strip.bottom % 32 == 0 for strip in cut)
    assert all(strip.top <= strip.first < strip.last <= strip.bottom for strip in cut)
    assert all(strip.bottom - strip.top <= 448 for strip in cut)


def test_a_region_becomes_a_larger_box_around_it() -> None:
    """The network marks the middle of a line; the box holds the whole line."""
    probability = np.zeros((100, 200), np.float32)
    probability[40:50, 20:160] = 0.9
    (quad,) = regions(probability)
    low, high = quad.min(axis=0), quad.max(axis=0)
    assert (low < [20, 40]).all()
    assert (high > [159, 49]).all()
    assert sides(quad)[1] < 30


def test_unsure_and_tiny_regions_are_dropped() -> None:
    """Faint smears and specks are no lines."""
    probability = np.zeros((100, 200), np.float32)
    probability[10:20, 20:160] = 0.3
    probability[60:62, 20:22] = 0.9
    assert regions(probability) == []

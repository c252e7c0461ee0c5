"""Which boxes are set level with the page."""

import math

import cv2
import numpy as np
import pytest

from ocrgate.engines.cpu.detect import regions, smallest_box
from ocrgate.engines.cpu.geometry import Quad
from ocrgate.engines.cpu.level import levelled, page_angle

FOG = np.array([[0, 8], [8, 0], [16, 0], [60, 10], [60, 24], [40, 32], [34, 32], [0, 24]], np.int32)
"""The outline of a short word: high on the left, low in its last third."""


def tilted(width: float, height: float, degrees: float) -> Quad:
    """A rectangle around the origin."""
    corners = cv2.boxPoints(((0.0, 0.0), (width, height), degrees))
    return smallest_box(corners.astype(np.float32))


def lean(quad: Quad) -> float:
    """Degrees by which the top edge leans."""
    x, y = quad[1] - quad[0]
    return math.degrees(math.atan2(y, x))


@pytest.mark.parametrize("degrees", [-20.0, 0.0, 3.0, 20.0])
def test_long_lines_tell_how_the_page_leans(degrees: float) -> None:
    """The median by length; short boxes and a few askew lines are not listened to."""
    lines = [tilted(400, 20, degrees)] * 3
    others = [tilted(60, 40, 37.0)] * 9 + [tilted(150, 20, 44.0)] * 2
    assert math.degrees(page_angle([*others, *lines])) == pytest.approx(degrees, abs=0.01)


def test_lines_that_run_downwards_tell_it_too() -> None:
    """A page of vertical text leans by what its lines are off the vertical."""
    assert math.degrees(page_angle([tilted(20, 400, 2.0)])) == pytest.approx(2.0, abs=0.01)


def test_a_page_without_long_lines_counts_as_straight() -> None:
    """Nothing else is known of it."""
    assert page_angle([tilted(60, 40, 9.0)]) == 0.0


@pytest.mark.parametrize("degrees", [0.0, 4.0])
def test_a_short_word_follows_the_page(degrees: float) -> None:
    """Its letters would have tilted it; all of them stay inside."""
    word = smallest_box(FOG)
    assert abs(lean(word)) > 3
    level = levelled(word, FOG, math.radians(degrees))
    assert lean(level) == pytest.approx(degrees, abs=0.01)
    outside = [-cv2.pointPolygonTest(level, (float(x), float(y)), True) for x, y in FOG]
    assert max(outside) < 0.01


def test_a_short_word_that_really_stands_askew_stays_so() -> None:
    """Set straight, its box would hold far more than the word."""
    word = tilted(60, 28, 12.0)
    assert levelled(word, word, 0.0) is word


def test_a_long_line_keeps_its_own_angle() -> None:
    """One degree over a whole line is as much as its height."""
    line = tilted(600, 20, 1.0)
    assert levelled(line, line, 0.0) is line


def test_a_word_beside_lines_is_found_level() -> None:
    """From the detector's map to the box."""
    probability = np.zeros((120, 400), np.float32)
    probability[10:20, 20:380] = 0.9
    cv2.fillPoly(probability, [FOG + np.array([40, 60], np.int32)], 0.9)
    assert [lean(quad) for quad in regions(probability)] == pytest.approx([0.0, 0.0], abs=0.01)

"""Quadrilaterals around lines of text, and the crops they cut out of a page.

A quad is a float32 array of shape (4, 2): x, y in pixels, clockwise from the text's own top left.
"""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (height, width) gray, or (height, width, 3) RGB
Quad = NDArray[np.float32]

TALL = 1.5  # a box this many times as high as wide holds a line that runs downwards
_UPRIGHT = 0.6  # px a corner may be off before a crop has to be warped


def ordered(points: NDArray[np.float32]) -> Quad:
    """The corners of a convex quad, clockwise from the one nearest to the top left."""
    by_x = points[np.argsort(points[:, 0], kind="stable")]
    left, right = by_x[:2], by_x[2:]
    top_left, bottom_left = left[np.argsort(left[:, 1], kind="stable")]
    top_right, bottom_right = right[np.argsort(right[:, 1], kind="stable")]
    return np.array([top_left, top_right, bottom_right, bottom_left], dtype=np.float32)


def sides(quad: Quad) -> tuple[float, float]:
    """Width and height in pixels: the longer of each pair of opposite sides."""
    edges = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1)
    return float(max(edges[0], edges[2])), float(max(edges[1], edges[3]))


def is_tall(quad: Quad) -> bool:
    """Whether the line in it runs downwards."""
    width, height = sides(quad)
    return height >= TALL * width


def grown(quad: Quad, ratio: float) -> Quad:
    """A rectangle with every side moved outwards by ``ratio * area / perimeter``.

    That is the offset by which the detector's training shrank the text (Liao et al., "Real-time
    Scene Text Detection with Differentiable Binarization", 2020, section 3.4).
    """
    width, height = sides(quad)
    distance = ratio * width * height / max(2.0 * (width + height), 1e-6)
    along = _unit(quad[1] - quad[0]) * distance
    down = _unit(quad[3] - quad[0]) * distance
    return np.asarray(
        quad + np.array([-along - down, along - down, along + down, down - along]), np.float32
    )


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return cast("NDArray[np.float32]", vector / max(float(np.linalg.norm(vector)), 1e-6))


def part_of(quad: Quad, begin: float, end: float) -> Quad:
    """The part of a quad between two shares of its length, from its first edge to its third."""
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    corners = [
        quad[0] + top * begin,
        quad[0] + top * end,
        quad[3] + bottom * end,
        quad[3] + bottom * begin,
    ]
    return np.array(corners, np.float32)


def clipped(quad: Quad, width: int, height: int) -> Quad:
    """The quad with its corners moved inside a page of that size."""
    return np.clip(quad, 0, np.array([width, height], np.float32)).astype(np.float32)


def crop(page: Pixels, quad: Quad) -> Pixels:
    """The pixels inside a quad, its top edge turned upwards; at least 1 x 1."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    box = np.array([low, [high[0], low[1]], high, [low[0], high[1]]], np.float32)
    if float(np.abs(box - quad).max()) <= _UPRIGHT:
        x1, y1 = np.maximum(np.round(low).astype(int), 0)
        x2, y2 = np.maximum(np.round(high).astype(int), (x1 + 1, y1 + 1))
        cut = page[y1:y2, x1:x2]
        if cut.size:
            return cut
    return _warped(page, quad)


def _warped(page: Pixels, quad: Quad) -> Pixels:
    width, height = (max(1, round(side)) for side in sides(quad))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return cast(
        "Pixels",
        cv2.warpPerspective(
            page,
            cv2.getPerspectiveTransform(quad, target),
            (width, height),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        ),
    )


def turned(page: Pixels, clockwise: int) -> Pixels:
    """The page turned clockwise by 0, 90, 180 or 270 degrees, as a contiguous array."""
    return np.ascontiguousarray(np.rot90(page, -(clockwise // 90)))


def turned_back(points: NDArray[np.float32], clockwise: int, size: tuple[int, int]) -> Quad:
    """Points of a turned page as points of the page before ``turned(page, clockwise)``.

    Args:
        points: shape (n, 2), in the turned page.
        clockwise: the turn that was made.
        size: width and height of the page before the turn.
    """
    width, height = size
    x, y = points[:, 0], points[:, 1]
    columns = {
        0: (x, y),
        90: (y, height - x),
        180: (width - x, height - y),
        270: (width - y, x),
    }[clockwise]
    return np.stack(columns, axis=1).astype(np.float32)

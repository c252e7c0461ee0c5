"""Short boxes set level with the page.

The smallest rectangle around a short word leans with its letters: the f and the g of "fog" tilt it
by six degrees. Long lines tell how the page itself leans, so a short box follows them as long as
that hardly makes it larger; one that really stands askew would grow by far more.
"""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrgate.engines.cpu.geometry import Quad, ordered, sides

_LONG = 6.0  # times as long as high: the angle of such a box can be trusted
_GROWTH = 1.15  # of the area that is still the same box, seen straight

Contour = NDArray[np.int32] | cv2.typing.MatLike


def page_angle(quads: list[Quad]) -> float:
    """Radians in [-pi/4, pi/4) by which the long boxes lean; 0 where there are none.

    The median by length, so that a few askew lines do not turn it.
    """
    leans = sorted((_lean(quad), max(sides(quad))) for quad in quads if _is_long(quad))
    half = sum(length for _, length in leans) / 2
    for angle, length in leans:
        half -= length
        if half <= 0:
            return angle
    return 0.0


def levelled(quad: Quad, contour: Contour, angle: float) -> Quad:
    """The box around ``contour`` at the page's ``angle`` when ``quad`` is short and nearly that.

    Args:
        quad: the smallest rectangle around it.
        contour: shape (n, 1, 2) or (n, 2), pixels.
        angle: of the page, radians.
    """
    if _is_long(quad):
        return quad
    turn = _turn(angle)
    points = np.asarray(contour, np.float32).reshape(-1, 2) @ turn
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    width, height = sides(quad)
    if (right - left) * (bottom - top) > _GROWTH * width * height:
        return quad
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    return ordered(cast("Quad", corners @ turn.T))


def _is_long(quad: Quad) -> bool:
    width, height = sides(quad)
    return max(width, height) >= _LONG * min(width, height)


def _lean(quad: Quad) -> float:
    """Angle of the longer sides, to the nearest axis."""
    first, second = quad[1] - quad[0], quad[2] - quad[1]
    along = first if np.hypot(*first) >= np.hypot(*second) else second
    quarter = np.pi / 2
    lean = float(np.arctan2(along[1], along[0]))
    return (lean + quarter / 2) % quarter - quarter / 2


def _turn(angle: float) -> NDArray[np.float32]:
    """Multiplied from the right, it turns points of the page into the page's own axes."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]], np.float32)

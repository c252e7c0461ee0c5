"""Finding lines of text: a differentiable-binarization network and what its map means.

The page is shown to the network in horizontal strips that overlap, so that memory is bounded by
the strip and not by the page (docs/adr/0020-detector-strips.md).
"""

from collections.abc import Iterator
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrgate.engines.cpu.cancel import Check
from ocrgate.engines.cpu.geometry import Pixels, Quad, clipped, grown, ordered, part_of, sides
from ocrgate.engines.cpu.inference import Inference, Tensor
from ocrgate.engines.cpu.level import levelled, page_angle

Map = NDArray[np.float32]

_MULTIPLE = 32  # the network halves its input five times
_STRIP = 320  # rows of the map taken from one strip at most
_CONTEXT = 64  # rows above and below that are shown but not taken
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # ImageNet, as in the network's training
_STD = np.array([0.229, 0.224, 0.225], np.float32)
_TEXT = 0.2  # probability from which a pixel counts as text
_BOX = 0.45  # mean probability from which a region counts as a line
_UNCLIP = 1.4
_ENDS = 0.1  # heights added to both ends of a line
_LEAST_SIDE = 3.0  # map pixels
_MOST_REGIONS = 3000
_LEAST_SHORT_SIDE = 192  # small pictures are enlarged to this, at most fourfold


class Strip(NamedTuple):
    """Rows shown to the network (``top`` to ``bottom``) and rows taken from its map."""

    top: int
    bottom: int
    first: int
    last: int


class Detector:
    """Lines of text on a page, as quads in the page's pixels, in no particular order."""

    def __init__(self, network: Inference) -> None:
        self._network = network

    def find(self, page: Pixels, side: int, check: Check) -> list[Quad]:
        """The lines of ``page``, shown to the network with its longest side at most ``side``."""
        height, width = page.shape[:2]
        shown_width, shown_height = shown_size(width, height, side)
        scale = np.array([width / shown_width, height / shown_height], np.float32)
        shown = _resized(page, shown_width, shown_height)
        return [clipped(quad * scale, width, height) for quad in regions(self._map(shown, check))]

    def _map(self, shown: Pixels, check: Check) -> Map:
        """Text probability of every pixel of ``shown``."""
        height, width = shown.shape[:2]
        whole = np.empty((height, width), np.float32)
        for strip in strips(height):
            check()
            tensor = _tensor(shown[strip.top : strip.bottom])
            found = self._network.run(tensor, shrink=strip.last == height)
            rows = slice(strip.first - strip.top, strip.last - strip.top)
            whole[strip.first : strip.last] = found[0, 0, rows]
        return whole


def shown_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Size at which a page is shown: multiples of 32, long strips measured by their short side.

    A page's longest side is brought down to ``side``. When it is more than twice as long as wide
    (a receipt, a scrolled screenshot), its short side is brought down to half of ``side`` instead,
    else its letters would vanish.
    """
    longest, shortest = max(width, height), min(width, height)
    scale = min(1.0, max(side / longest, side / 2 / shortest))
    if shortest * scale < _LEAST_SHORT_SIDE:
        scale = max(scale, min(4.0, _LEAST_SHORT_SIDE / shortest, side / longest))
    return _rounded(width * scale), _rounded(height * scale)


def _rounded(length: float) -> int:
    return max(_MULTIPLE, round(length / _MULTIPLE) * _MULTIPLE)


def strips(height: int) -> Iterator[Strip]:
    """Cover ``height`` rows (a multiple of 32) by strips of about equal size."""
    count = max(1, -(-height // _STRIP)) if height > _STRIP + 2 * _CONTEXT else 1
    rows = -(-height // (count * _MULTIPLE)) * _MULTIPLE
    for first in range(0, height, rows):
        last = min(height, first + rows)
        yield Strip(max(0, first - _CONTEXT), min(height, last + _CONTEXT), first, last)


def _resized(page: Pixels, width: int, height: int) -> Pixels:
    shrinks = width < page.shape[1]
    return cast(
        "Pixels",
        cv2.resize(
            page, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        ),
    )


def _tensor(pixels: Pixels) -> Tensor:
    """Shape (1, 3, height, width), blue first, as in the network's training."""
    planes = (pixels,) * 3 if pixels.ndim == 2 else tuple(cv2.split(pixels))[::-1]
    tensor = np.empty((1, 3, *pixels.shape[:2]), np.float32)
    for index, plane in enumerate(planes):
        scale = 1 / (255 * _STD[index])
        np.multiply(plane, scale, out=tensor[0, index])
        tensor[0, index] -= _MEAN[index] / _STD[index]
    return tensor


def regions(probability: Map) -> list[Quad]:
    """Rotated rectangles around the regions of a probability map that are sure enough."""
    mask = (probability > _TEXT).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    sure = [contour for contour in contours[:_MOST_REGIONS] if _is_line(probability, contour)]
    boxes = [smallest_box(contour) for contour in sure]
    angle = page_angle(boxes)
    level = (levelled(box, contour, angle) for box, contour in zip(boxes, sure, strict=True))
    bigger = (_with_ends(grown(box, _UNCLIP)) for box in level)
    return [quad for quad in bigger if min(sides(quad)) >= _LEAST_SIDE + 2]


def smallest_box(contour: cv2.typing.MatLike) -> Quad:
    """The smallest rectangle around a contour, however it is turned."""
    return ordered(cast("Quad", cv2.boxPoints(cv2.minAreaRect(contour))))


def _is_line(probability: Map, contour: cv2.typing.MatLike) -> bool:
    if min(cv2.minAreaRect(contour)[1]) < _LEAST_SIDE:
        return False
    return _score(probability, contour) >= _BOX


def _with_ends(quad: Quad) -> Quad:
    """The box with room for a final full stop, which the map often leaves out."""
    width, height = sides(quad)
    if height > width:
        return quad
    share = _ENDS * height / max(width, 1e-6)
    return part_of(quad, -share, 1 + share)


def _score(probability: Map, contour: cv2.typing.MatLike) -> float:
    """Mean probability inside a contour."""
    x, y, width, height = cv2.boundingRect(contour)
    inside = np.zeros((height, width), np.uint8)
    cv2.drawContours(inside, [contour], 0, 1, thickness=cv2.FILLED, offset=(-x, -y))
    return float(cv2.mean(probability[y : y + height, x : x + width], mask=inside)[0])

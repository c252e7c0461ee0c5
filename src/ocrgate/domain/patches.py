"""What an image costs a model that sees it in squares: the model's own resize, and tokens after it.

All sizes are (width, height) in pixels, as a person would say them.
"""

import math
from dataclasses import dataclass

from ocrgate.errors import InvalidRequest

Size = tuple[int, int]

MAX_RATIO = 200
"""Of the sides; the image processors of this family refuse longer strips."""


@dataclass(frozen=True, slots=True)
class PatchGrid:
    """Images resized to multiples of ``factor``, one token per square of that side.

    The resize is the ``smart_resize`` that HunyuanOCR shares with the Qwen-VL family: each side is
    rounded to a multiple of ``factor`` (half to even, as Python rounds); if that has more than
    ``max_pixels`` both sides are scaled by the root of the excess and rounded down, if it has fewer
    than ``min_pixels`` they are scaled up and rounded up.

    Attributes:
        factor: patch size times spatial merge.
        min_pixels: smaller images are enlarged to about this area.
        max_pixels: larger ones are shrunk to about this area.
        row_ends: whether every row of squares ends in a token of its own (HunyuanOCR).
        ends: tokens around all rows (HunyuanOCR: a begin and an end).
        exact: whether ``tokens`` is what the engine will count; False where the limits of a
            checkpoint are not known.
    """

    factor: int
    min_pixels: int
    max_pixels: int
    row_ends: bool = False
    ends: int = 0
    exact: bool = True

    def tokens(self, width: int, height: int) -> int:
        """``rows * columns``, for HunyuanOCR ``rows * (columns + 1) + 2``.

        Raises:
            InvalidRequest: one side is more than 200 times the other.
        """
        resized = self.resized(width, height)
        columns, rows = (side // self.factor for side in resized)
        return self._count(columns, rows)

    def resized(self, width: int, height: int) -> Size:
        """Width and height after the model's own resize.

        Raises:
            InvalidRequest: one side is more than 200 times the other.
        """
        if max(width, height) > MAX_RATIO * min(width, height):
            raise InvalidRequest(
                f"an image of {width} x {height} pixels is too narrow for this model",
                field="image",
                limit=f"sides of 1 to {MAX_RATIO}",
            )
        rounded = self._multiple(width), self._multiple(height)
        area = rounded[0] * rounded[1]
        if area > self.max_pixels:
            return self._shrunk(width, height)
        return self._enlarged(width, height) if area < self.min_pixels else rounded

    def most(self) -> int:
        """A bound that long strips come up to: they have most rows, and so most row ends.

        A grid of ``columns`` holds at most ``max_pixels / factor**2 / columns`` rows, and no more
        than the ratio of 200 allows once both sides were rounded by half a square.
        """
        squares = self.max_pixels // self.factor**2
        if not self.row_ends:
            return squares + self.ends
        return max(
            self._count(columns, min(squares // columns, MAX_RATIO * columns + MAX_RATIO // 2 + 1))
            for columns in range(1, math.isqrt(squares) + 1)
        )

    def _count(self, columns: int, rows: int) -> int:
        return rows * (columns + self.row_ends) + self.ends

    def _multiple(self, side: int) -> int:
        return round(side / self.factor) * self.factor

    def _shrunk(self, width: int, height: int) -> Size:
        excess = math.sqrt(height * width / self.max_pixels)
        return self._floor(width / excess), self._floor(height / excess)

    def _floor(self, side: float) -> int:
        return max(self.factor, math.floor(side / self.factor) * self.factor)

    def _enlarged(self, width: int, height: int) -> Size:
        lack = math.sqrt(self.min_pixels / (height * width))
        return self._ceil(width * lack), self._ceil(height * lack)

    def _ceil(self, side: float) -> int:
        return math.ceil(side / self.factor) * self.factor

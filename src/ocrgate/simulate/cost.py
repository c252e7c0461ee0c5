"""What an image costs HunyuanOCR: the rule by which the served model resizes and counts it.

The rule is that of the model's own processor: both sides are rounded to multiples of 32 with the
aspect ratio kept and the area held between two bounds; every 32 x 32 pixels are one token, each row
ends with one more, and a begin and an end go around the whole.
"""

import math
from dataclasses import dataclass

FACTOR = 32  # patches of 16 pixels, merged 2 x 2
_STEEPEST = 200  # the processor refuses longer strips


@dataclass(frozen=True, slots=True)
class ImageRule:
    """The bounds of the area after resizing, in pixels; version 1.0 of the model by default."""

    min_pixels: int = 512 * 512
    max_pixels: int = 2048 * 2048

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """Width and height that the encoder sees.

        Raises:
            ValueError: one side is more than 200 times the other, or nothing.
        """
        if min(width, height) < 1 or max(width, height) > _STEEPEST * min(width, height):
            raise ValueError(f"absolute aspect ratio must be smaller than {_STEEPEST}")
        wide = max(FACTOR, round(width / FACTOR) * FACTOR)
        high = max(FACTOR, round(height / FACTOR) * FACTOR)
        if wide * high > self.max_pixels:
            shrink = math.sqrt(width * height / self.max_pixels)
            wide = max(FACTOR, math.floor(width / shrink / FACTOR) * FACTOR)
            high = max(FACTOR, math.floor(height / shrink / FACTOR) * FACTOR)
        elif wide * high < self.min_pixels:
            grow = math.sqrt(self.min_pixels / (width * height))
            wide = math.ceil(width * grow / FACTOR) * FACTOR
            high = math.ceil(height * grow / FACTOR) * FACTOR
        return wide, high

    def tokens(self, width: int, height: int) -> int:
        """Visual tokens of a picture of that size, without the template's two markers.

        Raises:
            ValueError: as :meth:`resized`.
        """
        wide, high = self.resized(width, height)
        return (high // FACTOR) * (wide // FACTOR + 1) + 2

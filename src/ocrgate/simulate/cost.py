"""What an image costs HunyuanOCR: the rule by which the served model resizes and counts it.

The rule is that of the model's own processor: both sides are rounded to multiples of 32 with the
aspect ratio kept and the area held between two bounds; every 32 x 32 pixels are one token, each row
ends with one more, and a begin and an end go around the whole.
"""

from dataclasses import dataclass, field

from ocrgate.domain.patches import MAX_RATIO, PatchGrid

TEXT_BEFORE = 3  # tokens of the chat template before an image
FACTOR = 32  # patches of 16 pixels, merged 2 x 2


@dataclass(frozen=True, slots=True)
class ImageRule:
    """The bounds of the area after resizing, in pixels; version 1.0 of the model by default."""

    min_pixels: int = 512 * 512
    max_pixels: int = 2048 * 2048
    _grid: PatchGrid = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        grid = PatchGrid(FACTOR, self.min_pixels, self.max_pixels, row_ends=True, ends=2)
        object.__setattr__(self, "_grid", grid)

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """Width and height that the encoder sees.

        Raises:
            ValueError: one side is more than 200 times the other, or nothing.
        """
        _require_shape(width, height)
        return self._grid.resized(width, height)

    def tokens(self, width: int, height: int) -> int:
        """Visual tokens of a picture of that size, without the template's two markers.

        Raises:
            ValueError: as :meth:`resized`.
        """
        _require_shape(width, height)
        return self._grid.tokens(width, height)


def _require_shape(width: int, height: int) -> None:
    """In the words of the model's processor."""
    if min(width, height) < 1 or max(width, height) > MAX_RATIO * min(width, height):
        raise ValueError(f"absolute aspect ratio must be smaller than {MAX_RATIO}")

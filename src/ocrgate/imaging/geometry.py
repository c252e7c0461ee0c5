"""Sizes and turns: how far a page is shrunk and how it comes to stand upright. Pure arithmetic."""

from typing import Final

from PIL import Image

Size = tuple[int, int]
Reach = tuple[float, float]  # how far a page goes into its picture, right and down

# EXIF orientation (CIPA DC-008, 4.6.5) to the turn that undoes it.
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def fit(size: Size, max_side: int) -> Size:
    """``size`` shrunk so that its longest side is at most ``max_side``; never grown, never 0."""
    longest = max(size)
    if longest <= max_side:
        return size
    width, height = (max(1, round(side * max_side / longest)) for side in size)
    return width, height


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as displayed. Called last, on the small picture: turning costs by the pixel."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)

"""Sizes and turns: how far a page is shrunk and how it comes to stand upright. Pure arithmetic."""

from typing import Final

from PIL import Image

from ocrgate.domain.document import ImageSpec

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


def target(size: Size, spec: ImageSpec, *, turned: bool = False) -> Size:
    """The size in which an engine is given a page of ``size``: never grown, never 0.

    ``turned`` says that the page stands on its side in the picture, so that ``size`` is as stored
    while the engine's own rule sees the page upright.
    """
    width, height = fit(size, spec.max_side)
    if spec.sizing is None:
        return width, height
    if not turned:
        return spec.sizing.fit(width, height)
    height, width = spec.sizing.fit(height, width)
    return width, height


def lies(orientation: int) -> bool:
    """Whether an EXIF orientation turns the page by a quarter."""
    return orientation in {5, 6, 7, 8}


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as displayed. Called last, on the small picture: turning costs by the pixel."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)

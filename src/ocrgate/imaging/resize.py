"""Shrinking with a Lanczos filter: with SIMD when the extra is there and proves itself."""

from collections.abc import Callable
from functools import cache
from typing import Final

from PIL import Image, ImageChops

from ocrgate.imaging.geometry import Size

Resizer = Callable[[Image.Image, Size], Image.Image]

# Both use fixed-point weights of a different width: rounding may differ by one step per pass.
_TOLERANCE: Final = 3


def shrink(image: Image.Image, size: Size) -> Image.Image:
    """An ``L`` or ``RGB`` picture at exactly ``size``, filtered with Lanczos of 3 lobes."""
    return image if image.size == size else resizer()(image, size)


@cache
def resizer() -> Resizer:
    """The fastest resizer that works here. It is tried on a known picture once per process."""
    fast = _simd()
    return fast if fast is not None and proves_itself(fast) else lanczos


def lanczos(image: Image.Image, size: Size) -> Image.Image:
    """Pillow's own filter: the reference."""
    return image.resize(size, Image.Resampling.LANCZOS)


def proves_itself(candidate: Resizer) -> bool:
    """Whether a resizer agrees with the reference on gray and color, up to rounding.

    The extra writes into Pillow's memory by address, so a change of either library shows here and
    not in somebody's page.
    """
    return all(_agrees(candidate, mode) for mode in ("L", "RGB"))


def _agrees(candidate: Resizer, mode: str) -> bool:
    gradient = Image.radial_gradient("L").resize((131, 97), Image.Resampling.NEAREST)
    bands = [gradient, ImageChops.invert(gradient), gradient.rotate(90)]
    image = Image.merge("RGB", bands) if mode == "RGB" else gradient
    try:
        ours, theirs = candidate(image, (53, 41)), lanczos(image, (53, 41))
    except (TypeError, ValueError, RuntimeError, AttributeError):
        return False
    if (ours.mode, ours.size) != (theirs.mode, theirs.size):
        return False
    spread = ImageChops.difference(ours, theirs).convert("L").getextrema()
    return max(int(value) for value in spread if isinstance(value, int | float)) <= _TOLERANCE


def _simd() -> Resizer | None:
    try:
        import cykooz_resizer as simd  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    options = simd.ResizeOptions(simd.ResizeAlg.convolution(simd.FilterType.lanczos3))

    def resize(image: Image.Image, size: Size) -> Image.Image:
        shrunk = Image.new(image.mode, size)
        simd.Resizer().resize_pil(image, shrunk, options)  # one per call: it is not thread-safe
        return shrunk

    return resize

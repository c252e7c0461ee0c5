"""Shrinking with a Lanczos filter: with SIMD when the extra is there and proves itself."""

from collections.abc import Callable
from functools import cache
from typing import Final

from PIL import Image, ImageChops

from ocrgate.imaging.geometry import Reach, Size

Resizer = Callable[[Image.Image, Size, Reach], Image.Image]

# Both use fixed-point weights of a different width: rounding may differ by one step per pass.
_TOLERANCE: Final = 3


def shrink(image: Image.Image, size: Size, reach: Reach | None = None) -> Image.Image:
    """An ``L`` or ``RGB`` picture at exactly ``size``, filtered with Lanczos of 3 lobes.

    ``reach`` is the part of the picture that the page covers, in fractions of pixels: a decoder
    that halves 901 columns gives 451, of which the page is 450.5. None means all of it.
    """
    whole = (float(image.width), float(image.height))
    if image.size == size and reach in {None, whole}:
        return image
    return resizer()(image, size, reach or whole)


@cache
def resizer() -> Resizer:
    """The fastest resizer that works here. It is tried on a known picture once per process."""
    fast = _simd()
    return fast if fast is not None and proves_itself(fast) else lanczos


def lanczos(image: Image.Image, size: Size, reach: Reach) -> Image.Image:
    """Pillow's own filter: the reference."""
    return image.resize(size, Image.Resampling.LANCZOS, box=(0, 0, *reach))


def proves_itself(candidate: Resizer) -> bool:
    """Whether a resizer agrees with the reference on gray and color, up to rounding.

    The extra writes into Pillow's memory by address, so a change of either library shows here and
    not in somebody's page.
    """
    return all(_agrees(candidate, mode) for mode in ("L", "RGB"))


def _agrees(candidate: Resizer, mode: str) -> bool:
    # Rings with hard edges, off center: another filter, a turn or a mirror image differs. In the
    # middle tones, since black and white cut off overshoot, each library in its own pass.
    cone = Image.radial_gradient("L").crop((20, 0, 220, 140)).resize((131, 97))
    rings = cone.point([72 + value * 5 % 112 for value in range(256)])
    bands = [rings, ImageChops.invert(cone), rings.rotate(90)]
    image = Image.merge("RGB", bands) if mode == "RGB" else rings
    try:
        ours, theirs = (resize(image, (53, 41), (120.5, 90.25)) for resize in (candidate, lanczos))
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
    lobes = simd.ResizeAlg.convolution(simd.FilterType.lanczos3)

    def resize(image: Image.Image, size: Size, reach: Reach) -> Image.Image:
        shrunk = Image.new(image.mode, size)
        options = simd.ResizeOptions(lobes, crop_box=simd.CropBox(0.0, 0.0, *reach))
        simd.Resizer().resize_pil(image, shrunk, options)  # one per call: it is not thread-safe
        return shrunk

    return resize

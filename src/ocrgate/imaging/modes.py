"""Every pixel format to one of two: 8-bit gray (``L``) or 8-bit color (``RGB``), never growing.

Gray stays gray and black-and-white becomes gray: color costs three times as much downstream. Pages
have tens of megapixels: deep ones are made shallow in bands, and no copy lives that nobody reads.
"""

from collections.abc import Iterator
from typing import Final

from PIL import Image, ImageChops, ImageStat

_LIGHT: Final = 160  # mean luminance from which ink counts as light
_SAMPLE: Final = 64  # side of the grid that is looked at before a whole picture is
_BAND: Final = 256  # rows of deep pixels that are unpacked at a time


def simplify(image: Image.Image) -> Image.Image:
    """A loaded picture as ``L`` or ``RGB``: alpha flattened, depth reduced, profiles ignored.

    A shade that deep gray marks as unseen is shown: Pillow would take all above 255 for white.
    """
    if image.mode in {"I", "F"} or image.mode.startswith("I;"):
        return _shallow(image)
    if image.has_transparency_data:
        return _flatten(image)
    if image.mode in {"L", "RGB"}:
        return image
    if image.mode == "P":
        return image.convert("L" if _gray_palette(image) else "RGB")
    if image.mode == "LAB":
        return image.getchannel("L")  # lightness is all that reading needs
    return image.convert("L" if image.mode == "1" else "RGB")


def to_gray_if_gray(image: Image.Image) -> Image.Image:
    """``L`` for a color picture whose three channels are equal everywhere, else itself."""
    if image.mode != "RGB":
        return image
    step = max(1, max(image.size) // _SAMPLE)
    if not _equal_channels(image.resize(_grid(image.size, step), Image.Resampling.NEAREST)):
        return image
    return image.getchannel("R") if _equal_channels(image) else image


def _grid(size: tuple[int, int], step: int) -> tuple[int, int]:
    return max(1, size[0] // step), max(1, size[1] // step)


def _equal_channels(image: Image.Image) -> bool:
    red, green, blue = image.split()
    return not (
        ImageChops.difference(red, green).getbbox() or ImageChops.difference(red, blue).getbbox()
    )


def _gray_palette(image: Image.Image) -> bool:
    colors = bytes(image.getpalette("RGB") or ())
    return colors[0::3] == colors[1::3] == colors[2::3]


def _shallow(image: Image.Image) -> Image.Image:
    """16 bits, 32 bits or fractions to 8 bits.

    The brightest pixel decides: scanners put 10 or 12 bits into 16, which read as 16 are black.
    """
    lows, highs = zip(*(_extrema(band) for _, band in _deep(image)), strict=True)
    low, high = min(lows), max(highs)
    if image.mode != "F":
        low, high = 0, max(255, 2 ** int(high).bit_length() - 1)
    scale = 255 / ((high - low) or 1)
    shallow = Image.new("L", image.size)
    for top, band in _deep(image):
        shallow.paste(band.point(lambda value: value * scale + -low * scale).convert("L"), (0, top))
    return shallow


def _deep(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Bands of rows as ``F`` or ``I``, each with its first row."""
    for top in range(0, image.height, _BAND):
        band = image.crop((0, top, image.width, min(top + _BAND, image.height)))
        yield top, band if image.mode == "F" else band.convert("I")


def _extrema(image: Image.Image) -> tuple[float, float]:
    low, high = image.getextrema()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    return low, high


def _flatten(image: Image.Image) -> Image.Image:
    """Put a picture with alpha on white, or on black when its ink is light."""
    opaque, alpha = _layers(image)
    if _extrema(alpha)[0] < 255:
        opaque.paste(_paper(opaque, alpha), mask=ImageChops.invert(alpha))
    return opaque


def _layers(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Colors of their own, and how much of them shows."""
    gray = image.mode in {"L", "1", "LA", "La"}
    mode = "LA" if gray else "RGBA"
    layered = image if image.mode == mode else image.convert(mode)
    return layered.convert("L" if gray else "RGB"), layered.getchannel("A")


def _paper(opaque: Image.Image, alpha: Image.Image) -> str:
    """``black`` for light ink on an empty background (white text made for dark pages)."""
    ink = alpha.point(lambda value: 255 * (value >= 128))
    share = ImageStat.Stat(ink).mean[0] / 255
    if not 0 < share < 0.5:  # mostly opaque: what shows through are rounded corners and shadows
        return "white"
    return "black" if ImageStat.Stat(opaque.convert("L"), ink).mean[0] >= _LIGHT else "white"

"""The fast resizer is used only while it agrees with the reference."""

import importlib.util

import pytest
from PIL import Image

from ocrgate.imaging.geometry import Reach, Size
from ocrgate.imaging.resize import Resizer, lanczos, proves_itself, resizer, shrink

HAS_SIMD = importlib.util.find_spec("cykooz_resizer") is not None


def mirrored(image: Image.Image, size: Size, reach: Reach) -> Image.Image:
    """A resizer that is wrong in a way that a size check does not see."""
    return lanczos(image, size, reach).transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def blurred(image: Image.Image, size: Size, reach: Reach) -> Image.Image:
    """A resizer with another filter."""
    return image.resize(size, Image.Resampling.BOX, box=(0, 0, *reach))


def failing(image: Image.Image, size: Size, reach: Reach) -> Image.Image:
    """A resizer whose binary no longer fits Pillow's memory."""
    raise RuntimeError("unknown pixel layout")


def only_gray(image: Image.Image, size: Size, reach: Reach) -> Image.Image:
    """A resizer that forgets about color."""
    return lanczos(image.convert("L"), size, reach)


def stretched(image: Image.Image, size: Size, reach: Reach) -> Image.Image:
    """A resizer that takes the whole picture for the page."""
    return lanczos(image, size, (image.width, image.height))


@pytest.mark.parametrize("candidate", [mirrored, blurred, failing, only_gray, stretched])
def test_wrong_resizer_is_found_out(candidate: Resizer) -> None:
    """A resizer that mirrors, blurs, stretches, fails or loses color is never used."""
    assert not proves_itself(candidate)


def test_reference_proves_itself() -> None:
    """The self-test accepts what is right."""
    assert proves_itself(lanczos)


@pytest.mark.skipif(not HAS_SIMD, reason="the simd extra is not installed")
def test_simd_is_used_where_it_is_installed() -> None:
    """With the extra installed pages are not shrunk by Pillow."""
    assert resizer() is not lanczos


def test_same_size_is_the_same_picture() -> None:
    """Nothing is filtered when nothing changes."""
    image = Image.new("L", (20, 10))
    assert shrink(image, (20, 10)) is image

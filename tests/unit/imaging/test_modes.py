"""Small decisions about pixels."""

from PIL import Image

from ocrgate.imaging.modes import simplify, to_gray_if_gray


def test_opaque_alpha_is_dropped() -> None:
    """An alpha channel that hides nothing changes nothing."""
    image = Image.new("RGBA", (4, 4), (10, 20, 30, 255))
    assert simplify(image).getpixel((0, 0)) == (10, 20, 30)


def test_invisible_picture_is_paper() -> None:
    """A picture of which nothing can be seen is a white page."""
    assert simplify(Image.new("RGBA", (4, 4), (0, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)


def test_negative_fractions_have_a_range() -> None:
    """Measurements below zero are scaled between the darkest and the brightest."""
    image = Image.new("F", (2, 1))
    image.putpixel((0, 0), -3.0)
    image.putpixel((1, 0), 5.0)
    assert simplify(image).tobytes() == b"\x00\xff"


def test_one_flat_fraction_does_not_divide_by_zero() -> None:
    """A picture of one value is a flat page."""
    assert simplify(Image.new("F", (2, 1), 7.0)).mode == "L"


def test_long_thin_gray_picture_is_recognized() -> None:
    """Looking at a sample first works for extreme shapes."""
    strip = Image.linear_gradient("L").resize((3000, 1)).convert("RGB")
    assert to_gray_if_gray(strip).mode == "L"
    strip.putpixel((2999, 0), (1, 2, 3))
    assert to_gray_if_gray(strip).mode == "RGB"

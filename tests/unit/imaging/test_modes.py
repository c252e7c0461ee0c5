"""Small decisions about pixels."""

import subprocess
import sys

import pytest
from PIL import Image

from ocrgate.domain.document import MediaType
from ocrgate.imaging.media import working_memory
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


def deep(values: list[int], height: int = 1) -> Image.Image:
    """Sixteen bits, rows of the same values."""
    row = b"".join(value.to_bytes(2, "little") for value in values)
    return Image.frombytes("I;16", (len(values), height), row * height)


def test_twelve_bits_in_sixteen_are_as_bright_as_eight() -> None:
    """In every band of a tall page alike: its brightest pixel may be in another one."""
    tall = deep([0, 1000, 2000, 4095], height=1000)
    tall.putpixel((0, 0), 40)
    shown = simplify(tall)
    assert shown.mode == "L"
    assert shown.crop((0, 999, 4, 1000)).tobytes() == bytes([0, 62, 124, 255])
    assert shown.getpixel((0, 0)) == 2


def test_deep_gray_with_an_unseen_shade_is_not_all_white() -> None:
    """Text on it stays readable, whichever shade its writer meant to be unseen."""
    image = deep([0, 10_000, 30_000, 65_535])
    plain = simplify(image).tobytes()
    image.info["transparency"] = 65_535
    assert simplify(image).tobytes() == plain
    assert len(set(plain)) == 4


def test_what_is_half_seen_is_mixed_with_paper() -> None:
    """Ink on white, light ink on black; gray stays gray."""
    half = Image.new("LA", (3, 1), (0, 255))
    half.putpixel((1, 0), (0, 0))
    half.putpixel((2, 0), (100, 128))
    assert simplify(half).tobytes() == bytes([0, 255, 177])
    assert half.getpixel((1, 0)) == (0, 0)


MEASURE = """
import io, sys
from PIL import Image
from ocrgate.imaging.modes import simplify

def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))

mode, kind, side = sys.argv[1], sys.argv[2], 2500
picture = Image.new(mode, (side, side), 1 if mode in ("P", "I;16") else None)
more = {"transparency": 1} if mode == "P" else {}
packed = io.BytesIO()
picture.save(packed, kind, **more)
del picture
warm = Image.new("L", (8, 8)); simplify(warm)
with open("/proc/self/clear_refs", "w") as reset:
    reset.write("5")
before = peak()
image = Image.open(packed)
image.load()
simplify(image)
print((peak() - before) / side**2)
"""


@pytest.mark.parametrize(
    ("mode", "kind", "media"),
    [
        ("RGB", "PNG", MediaType.PNG),
        ("RGBA", "PNG", MediaType.PNG),
        ("LA", "PNG", MediaType.PNG),
        ("P", "PNG", MediaType.PNG),
        ("I;16", "PNG", MediaType.PNG),
        ("P", "GIF", MediaType.GIF),
        ("RGBA", "WEBP", MediaType.WEBP),
        ("RGB", "JPEG", MediaType.JPEG),
    ],
)
def test_no_picture_takes_more_memory_than_is_said(mode: str, kind: str, media: MediaType) -> None:
    """What is transparent or deep takes most: admission and the choice of a worker count on it."""
    command = [sys.executable, "-c", MEASURE, mode, kind]
    try:
        told = subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        if "clear_refs" in error.stderr:
            pytest.skip("this kernel does not let a process forget its peak")
        raise
    assert 0 < float(told.stdout) <= working_memory(media, 1) + 0.5

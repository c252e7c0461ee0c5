"""Prepared pages as arrays."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.engines.cpu.unpack import pixels_of
from ocrgate.errors import EngineFailed


def raw(data: bytes, channels: int) -> PageImage:
    return PageImage(data, Encoding.RAW, 3, 2, channels, 3, 2)


def test_raw_gray_is_two_dimensional() -> None:
    """A gray page stays gray."""
    assert pixels_of(raw(bytes(range(6)), 1)).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_raw_color_keeps_red_first() -> None:
    """Rows of RGB."""
    assert pixels_of(raw(bytes(range(18)), 3)).shape == (2, 3, 3)


@pytest.mark.parametrize("encoding", [Encoding.PNG, Encoding.JPEG, Encoding.WEBP])
def test_encoded_pages_are_decoded(encoding: Encoding) -> None:
    """An engine behind another image path reads the same page."""
    picture = Image.new("RGB", (40, 20), (250, 10, 10))
    stream = BytesIO()
    picture.save(stream, encoding.value)
    pixels = pixels_of(PageImage(stream.getvalue(), encoding, 40, 20, 3, 40, 20))
    assert pixels.shape == (20, 40, 3)
    assert np.abs(pixels[10, 20].astype(int) - [250, 10, 10]).max() < 12


@pytest.mark.parametrize(
    "image",
    [
        raw(b"", 1),
        raw(bytes(5), 1),
        PageImage(b"", Encoding.PNG, 3, 2, 1, 3, 2),
        PageImage(b"not a picture", Encoding.JPEG, 3, 2, 1, 3, 2),
    ],
)
def test_what_is_no_page_is_refused(image: PageImage) -> None:
    """A page that is not what it claims is an engine failure, not a crash."""
    with pytest.raises(EngineFailed):
        pixels_of(image)

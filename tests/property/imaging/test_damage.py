"""No damage to a file leads to anything but a page or a typed error."""

import io
import warnings
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from tests import hostile_files

from ocrgate.domain.document import Encoding, ImageSpec
from ocrgate.errors import OcrgateError
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.prepare import prepare
from ocrgate.imaging.probe import probe

LIMITS = ImageLimits(max_pixels=1_000_000)
KINDS = ("JPEG", "progressive", "PNG", "animated PNG", "WEBP", "GIF", "BMP", "TIFF", "fax")


@cache
def sample(kind: str) -> bytes:
    """A small valid file."""
    if kind == "fax":
        return hostile_files.tiff_g4(64, 48)
    image = Image.new("RGB", (64, 48), "white")
    ImageDraw.Draw(image).ellipse((5, 5, 50, 40), fill="navy")
    options: dict[str, object] = {}
    if kind == "progressive":
        options = {"progressive": True}
    elif kind == "animated PNG":
        options = {"save_all": True, "append_images": [image.transpose(Image.Transpose.ROTATE_180)]}
    elif kind == "TIFF":
        options = {"compression": "tiff_lzw"}
    out = io.BytesIO()
    image.save(out, {"progressive": "JPEG", "animated PNG": "PNG"}.get(kind, kind), **options)
    return out.getvalue()


@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    st.floats(0, 1),
)
@settings(max_examples=400, deadline=None)
def test_damaged_files_are_pages_or_typed_errors(
    kind: str, changes: list[tuple[float, int]], kept: float
) -> None:
    """Flip bytes anywhere, cut the end off: nothing else comes out."""
    data = bytearray(sample(kind))
    for place, value in changes:
        data[int(place * len(data))] = value
    damaged = bytes(data[: round(len(data) * max(kept, 1 - kept))])
    try:
        with warnings.catch_warnings():  # decoders warn of damage; a server shows and goes on
            warnings.simplefilter("ignore")
            page = prepare(damaged, 1, ImageSpec(32, Encoding.RAW), LIMITS)
    except OcrgateError:
        return
    assert max(page.width, page.height) <= 32
    assert len(page.data) == page.width * page.height * page.channels


@given(st.binary(max_size=300), st.sampled_from(KINDS), st.integers(0, 60))
@settings(max_examples=400, deadline=None)
def test_garbage_behind_a_true_beginning(junk: bytes, kind: str, kept: int) -> None:
    """Probing random bytes that begin like a picture gives a size or a typed error."""
    try:
        info = probe(sample(kind)[:kept] + junk, LIMITS)
    except OcrgateError:
        return
    assert 1 <= info.width * info.height <= LIMITS.max_pixels

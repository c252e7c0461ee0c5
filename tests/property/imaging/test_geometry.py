"""Any picture, any orientation, any size asked for."""

import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from ocrgate.domain.document import Encoding, ImageSpec
from ocrgate.imaging.geometry import fit
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.prepare import prepare
from ocrgate.imaging.probe import probe

SIDES = st.integers(1, 300)
TURNABLE = st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF"])


def noise(size: tuple[int, int], mode: str, seed: int) -> Image.Image:
    """A picture in which every turn shows."""
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(values).convert(mode)


def turned(image: Image.Image, kind: str, orientation: int) -> bytes:
    """A file with an EXIF orientation."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    out = io.BytesIO()
    image.save(out, kind, exif=tags, **({"lossless": True} if kind == "WEBP" else {}))
    return out.getvalue()


@given(
    SIDES, SIDES, st.sampled_from(["L", "RGB", "1"]), TURNABLE, st.integers(1, 8), st.integers(0, 9)
)
@settings(max_examples=150, deadline=None)
def test_pages_stand_as_pillow_would_turn_them(
    width: int, height: int, mode: str, kind: str, orientation: int, seed: int
) -> None:
    """Without shrinking, the rows are those of the picture turned by its EXIF orientation."""
    mode = "L" if mode == "1" and kind in {"JPEG", "WEBP"} else mode
    data = turned(noise((width, height), mode, seed), kind, orientation)
    page = prepare(data, 1, ImageSpec(300, Encoding.RAW), ImageLimits())
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert (page.width, page.height) == expected.size
    assert page.data == expected.convert("L" if page.channels == 1 else "RGB").tobytes()


@given(SIDES, SIDES, st.integers(1, 400), TURNABLE, st.integers(1, 8))
@settings(max_examples=100, deadline=None)
def test_pages_fit_and_never_grow(
    width: int, height: int, max_side: int, kind: str, orientation: int
) -> None:
    """The prepared page keeps to the side asked for, keeps its shape, and is never enlarged."""
    data = turned(noise((width, height), "RGB", 1), kind, orientation)
    page = prepare(data, 1, ImageSpec(max_side, Encoding.RAW), ImageLimits())
    info = probe(data, ImageLimits())
    assert (page.source_width, page.source_height) == (info.width, info.height)
    assert (page.width, page.height) == fit((info.width, info.height), max_side)
    assert len(page.data) == page.width * page.height * page.channels


@given(st.integers(1, 40_000), st.integers(1, 40_000), st.integers(1, 20_000))
def test_fit(width: int, height: int, max_side: int) -> None:
    """A fitted size is within bounds, at least a pixel, and of the same shape to half a pixel."""
    small = fit((width, height), max_side)
    assert max(small) == min(max(width, height), max_side)
    assert 1 <= small[0] <= width
    assert 1 <= small[1] <= height
    scale = max(small) / max(width, height)
    assert abs(small[0] - width * scale) <= 0.5 or small[0] == 1
    assert abs(small[1] - height * scale) <= 0.5 or small[1] == 1


@given(st.integers(900, 2600), st.integers(900, 2600), st.integers(200, 900))
@settings(max_examples=15, deadline=None)
def test_shrinking_while_decoding_stays_true(width: int, height: int, max_side: int) -> None:
    """A JPEG shrunk by its decoder looks like one decoded in full and filtered."""
    smooth = noise((width // 40, height // 40), "L", 5).resize((width, height))
    data = turned(smooth, "JPEG", 1)
    page = prepare(data, 1, ImageSpec(max_side, Encoding.RAW), ImageLimits())
    whole = Image.open(io.BytesIO(data)).resize((page.width, page.height), Image.Resampling.LANCZOS)
    ours = np.frombuffer(page.data, np.uint8).astype(int)
    error = ours - np.asarray(whole, int).reshape(-1)
    assert np.sqrt((error**2).mean()) < 2.5

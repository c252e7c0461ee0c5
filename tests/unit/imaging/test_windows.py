"""Searching a file without holding it."""

import io
from pathlib import Path

import pytest
from PIL import Image

from ocrgate.domain.document import Encoding, ImageSpec
from ocrgate.errors import PayloadTooLarge
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.media import HELD_BYTES
from ocrgate.imaging.session import RasterSession
from ocrgate.imaging.windows import WINDOW, FileBytes

MARK = b"/ObjStm"


def opened(folder: Path, data: bytes) -> FileBytes:
    path = folder / "file"
    path.write_bytes(data)
    return FileBytes(path.open("rb"))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("at", [0, 5, WINDOW - 7, WINDOW - 3, WINDOW, 2 * WINDOW - 1, 2 * WINDOW])
def test_a_word_is_found_wherever_it_lies(tmp_path: Path, at: int) -> None:
    """Across the border of two windows too, as in memory, from any start and up to any end."""
    data = b"x" * at + MARK + b"y" * 100 + MARK
    file = opened(tmp_path, data)
    for start, end in [(0, None), (at, None), (at + 1, None), (0, at + 6), (0, at + 7), (at, at)]:
        assert file.find(MARK, start, end) == data.find(MARK, start, end)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_slices_are_those_of_bytes(tmp_path: Path) -> None:
    """Header readers cannot tell a file from memory."""
    data = bytes(range(200))
    file = opened(tmp_path, data)
    assert len(file) == 200
    for part in [slice(0, 4), slice(190, 400), slice(-5, None), slice(50, 10), slice(300, 310)]:
        assert file[part] == data[part]


def test_a_large_tiff_is_read_page_by_page(tmp_path: Path) -> None:
    """An archive's TIFF of gigabytes is read; a hole on disk stands for its other pages here."""
    pages = [Image.new("L", (60, 40), shade) for shade in (10, 200)]
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    path = tmp_path / "archive.tif"
    with path.open("wb") as file:
        file.write(buffer.getvalue())
        file.truncate(HELD_BYTES * 8)
    session = RasterSession(ImageLimits(max_bytes=2**32), confine=False)
    assert session.probe(str(path)).pages == 2
    page = session.prepare(str(path), 2, ImageSpec(encoding=Encoding.RAW))
    assert set(page.data) == {200}


def test_other_pictures_must_fit_into_memory(tmp_path: Path) -> None:
    """A PNG of gigabytes is refused with its bound, and not read to find that out."""
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.truncate(HELD_BYTES + 1)
    session = RasterSession(ImageLimits(max_bytes=2**32), confine=False)
    with pytest.raises(PayloadTooLarge) as refused:
        session.probe(str(path))
    assert refused.value.limit == f"{HELD_BYTES} bytes"

"""One's own files on one's own machine."""

from pathlib import Path

from ocrgate.cli.reading.own import for_own_files
from ocrgate.imaging.limits import ImageLimits
from ocrgate.settings import load


def test_files_of_ones_own_may_be_long_and_large() -> None:
    """The server's bounds against strangers do not stop a 240 MB scan of 3,000 pages."""
    image = for_own_files(load(environ={})).image
    assert image.max_bytes == 4 * 2**30
    assert image.max_pages == 100_000


def test_what_one_page_may_cost_stays_bounded() -> None:
    """Pixels, time and memory of a page are bounded for everybody."""
    image, usual = for_own_files(load(environ={})).image, ImageLimits()
    assert (image.max_pixels, image.max_side) == (usual.max_pixels, usual.max_side)
    assert (image.timeout, image.memory) == (usual.timeout, usual.memory)


def test_bounds_that_somebody_set_hold(tmp_path: Path) -> None:
    """A setting counts wherever it was set, even to what it would have been."""
    file = tmp_path / "ocrgate.toml"
    file.write_text("[image]\nmax_pages = 2000\n")
    loaded = load(config=file, environ={"OCRGATE_IMAGE__MAX_BYTES": "5000"})
    image = for_own_files(loaded).image
    assert (image.max_bytes, image.max_pages) == (5000, 2000)

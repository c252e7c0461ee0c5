"""Hostile files against a process with little memory: typed errors or right results, no deaths."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests import hostile_files

from ocrgate import errors
from ocrgate.domain.document import Encoding, ImageSpec
from ocrgate.errors import OcrgateError
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.session import RasterSession

# Reads each file named on the command line as a worker would, with so much memory and no more.
CHILD = """
import json, sys, time
from ocrgate.domain.document import ImageSpec
from ocrgate.errors import OcrgateError
from ocrgate.imaging.burden import bound_unpacking
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.session import RasterSession, confine_memory

session = RasterSession(ImageLimits(), confine=False)
session.prepare(sys.argv[2], 1, ImageSpec())  # whatever is loaded at first use is loaded now
bound_unpacking()
confine_memory(int(sys.argv[1]))
for path in sys.argv[3:]:
    start = time.process_time()
    try:
        session.probe(path)
        outcome = session.prepare(path, 1, ImageSpec()).encoding
    except OcrgateError as error:
        outcome = error.code
    print(json.dumps([path, outcome, time.process_time() - start]), flush=True)
"""
TYPED = {kind.code for kind in errors.leaves(errors.RequestError)}
MEMORY = 64 * 2**20  # 50 MB and the slack of the allocator's steps


def outcomes(files: Mapping[str, bytes], folder: Path) -> dict[str, tuple[str, float]]:
    """What became of each file, and the CPU seconds it took."""
    for name, data in {**files, "warm.pdf": hostile_files.pdf_box(72, 72)}.items():
        (folder / name).write_bytes(data)
    command = [sys.executable, "-c", CHILD, str(MEMORY), str(folder / "warm.pdf")]
    done = subprocess.run(
        [*command, *(str(folder / name) for name in files)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"died after {rows[-1:]}: {done.stderr[-2000:]}"
    return {Path(path).name: (outcome, seconds) for path, outcome, seconds in rows}


def test_bombs_are_refused_quickly_in_little_memory(tmp_path: Path) -> None:
    """Every bomb is a typed error for a fraction of a second and 50 MB; the process lives on."""
    found = outcomes({name: make() for name, make in hostile_files.BOMBS.items()}, tmp_path)
    assert set(found) == set(hostile_files.BOMBS)
    assert {name: code for name, (code, _) in found.items() if code not in TYPED} == {}
    assert {name: seconds for name, (_, seconds) in found.items() if seconds > 0.3} == {}


def test_broken_files_are_typed_errors(tmp_path: Path) -> None:
    """Empty, cut and hollow files of every format."""
    found = outcomes({name: make() for name, make in hostile_files.BROKEN.items()}, tmp_path)
    assert {code for code, _ in found.values()} == {"unreadable_document"}


def test_large_but_honest_files_are_read_in_little_memory(tmp_path: Path) -> None:
    """A poster, a plan of 900 million black and white pixels, a long book: results, no refusals."""
    files = {
        "poster.pdf": hostile_files.pdf_box(14_400, 14_400),
        "plan.pdf": hostile_files.pdf_image(30_000, 30_000),
        "book.pdf": hostile_files.pdf_of_pages(2000),
        "fax.tif": hostile_files.tiff_g4(2480, 3508),
        "photo.jpg": hostile_files.jpeg(5000, 4000),
    }
    assert {code for code, _ in outcomes(files, tmp_path).values()} == {"jpeg"}


def test_page_without_memory_is_a_typed_error(tmp_path: Path) -> None:
    """A picture within the pixel limit that this process cannot hold is refused, not fatal."""
    files = {"large.png": hostile_files.png(8000, 8000, bits=8, color=2)}
    assert outcomes(files, tmp_path)["large.png"][0] == "document_limit"


# What each file of the corpus must come to; "page" where it is odd but readable.
CORPUS = {
    "hostile_trunc_jpeg.jpg": "unreadable_document",
    "hostile_trunc_png.png": "unreadable_document",
    "hostile_bomb_gif.gif": "document_limit",
    "hostile_bomb_ico.ico": "unsupported_media",
    "hostile_crash_tif.tif": "unreadable_document",
    "hostile_oom_tif.tif": "unreadable_document",
    "hostile_bmp_reallybig.bmp": "document_limit",
    "hostile_png_nodata.png": "unreadable_document",
    "hostile_jpg_broken.jpg": "unreadable_document",
    "hostile_pdf_invalid.pdf": "unreadable_document",
    "hostile_pdf_enormous.pdf": "page",
    "hostile_pdf_hugemono.pdf": "page",
    "hostile_pdf_nocontents.pdf": "page",
    "hostile_pdf_cycle.pdf": "page",
    "hostile_pdf_fuzzed.pdf": "unreadable_document",
    "hostile_pdf_password.pdf": "unreadable_document",
    "hostile_qpdf_fuzz.pdf": "unsupported_media",
    "hostile_empty_file.png": "unreadable_document",
    "hostile_html_as_png.png": "unsupported_media",
    "hostile_png_30000px.png": "document_limit",
    "hostile_png_strip.png": "document_limit",
    "hostile_png_1x1.png": "page",
    "hostile_pdf_1500_pages.pdf": "page",
    "hostile_svg_entity.svg": "unsupported_media",
}


@pytest.mark.corpus
def test_every_hostile_file_of_the_corpus(corpus: Path) -> None:
    """Each real malformed file is a typed error or a page, and all of them are listed here."""
    session = RasterSession(ImageLimits(memory=2**40), confine=False)
    found = {}
    for path in sorted((corpus / "hostile").iterdir()):
        try:
            session.probe(str(path))
            page = session.prepare(str(path), 1, ImageSpec(512, Encoding.RAW))
        except OcrgateError as error:
            found[path.name] = error.code
        else:
            assert len(page.data) == page.width * page.height * page.channels
            found[path.name] = "page"
    assert found == CORPUS


@pytest.mark.corpus
def test_every_page_of_the_corpus_is_prepared(corpus: Path) -> None:
    """All real images and PDFs give pages within the size asked for, upright as shown."""
    session = RasterSession(ImageLimits(memory=2**40), confine=False)
    for folder in ("images", "pdf"):
        for path in sorted((corpus / folder).iterdir()):
            info = session.probe(str(path))
            page = session.prepare(str(path), info.pages, ImageSpec(512))
            assert max(page.width, page.height) <= 512
            if info.pages == 1:
                assert (page.source_width, page.source_height) == (info.width, info.height)

"""PDF pages are weighed before anybody draws them."""

import zlib
from pathlib import Path

import pytest
from tests import hostile_files

from ocrgate.errors import DocumentLimit
from ocrgate.imaging.burden import MAX_UNPACKED, Scales, check_tables

MB = hostile_files.MB


def written(folder: Path, data: bytes) -> Path:
    """A file on disk."""
    file = folder / "document.pdf"
    file.write_bytes(data)
    return file


def check(file: Path, page: int = 1) -> None:
    """Weigh one page."""
    scales = Scales(file)
    try:
        scales.check(page)
    finally:
        scales.close()


def test_content_is_counted_over_all_its_parts(tmp_path: Path) -> None:
    """Content cut into many streams weighs as much as in one, in a file with a wrong table too."""
    part = hostile_files.stream(zlib.compress(b"0 0 m 9 9 l S\n" * 90_000), "/Filter /FlateDecode")
    parts = " ".join(["5 0 R"] * (MAX_UNPACKED // 1_260_000 + 1))
    whole = hostile_files.pdf_page(b"null", more={5: part})
    data = whole.replace(b"/Contents 4 0 R", f"/Contents [{parts}]".encode())
    with pytest.raises(DocumentLimit, match="page 1 unpacks") as refused:
        check(written(tmp_path, data))
    assert refused.value.limit == f"{MAX_UNPACKED // MB} MB"


def test_dense_drawing_passes(tmp_path: Path) -> None:
    """A map of ten megabytes of lines is no bomb."""
    lines = b"".join(b"%d %d m %d %d l S\n" % (n, n * 7, n * 3, n) for n in range(400_000))
    packed = hostile_files.stream(zlib.compress(lines), "/Filter /FlateDecode")
    check(written(tmp_path, hostile_files.pdf_page(packed)))


def test_logo_on_every_line_passes(tmp_path: Path) -> None:
    """A form that is drawn a thousand times is not a bomb for that."""
    form = hostile_files.stream(b"0 0 9 9 re f", "/Type /XObject /Subtype /Form /BBox [0 0 9 9]")
    data = hostile_files.pdf_page(
        hostile_files.stream(b"/F Do\n" * 1000),
        resources="/XObject << /F 5 0 R >>",
        more={5: form},
    )
    check(written(tmp_path, data))


def test_bomb_in_an_annotation(tmp_path: Path) -> None:
    """What a note shows is drawn too, so it is weighed too."""
    look = hostile_files.stream(
        hostile_files.deflate_repeated(b" " * MB, 100),
        "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Filter /FlateDecode",
    )
    note = b"<< /Type /Annot /Subtype /Stamp /Rect [0 0 9 9] /AP << /N 6 0 R >> >>"
    data = hostile_files.pdf_page(
        hostile_files.stream(b""), page="/Annots [5 0 R]", more={5: note, 6: look}
    )
    with pytest.raises(DocumentLimit):
        check(written(tmp_path, data))


def test_resources_of_the_page_tree_are_found(tmp_path: Path) -> None:
    """Forms may be named by the parent of a page."""
    data = hostile_files.pdf_nested_forms(12, 10)
    own, kept = b"/Resources << /XObject << /F 5 0 R >> >> >>", b"/Kids [3 0 R] /Count 1"
    moved = data.replace(own, b">>".ljust(len(own)), 1)
    moved = moved.replace(kept, kept + b" " + own[:-3], 1)
    with pytest.raises(DocumentLimit):
        check(written(tmp_path, moved))


def test_ordinary_object_streams_pass(tmp_path: Path) -> None:
    """Modern PDFs keep their objects in streams; only absurd ones are refused."""
    check_tables(written(tmp_path, hostile_files.pdf_zip_objects(2 * MB)))
    with pytest.raises(DocumentLimit, match="the PDF unpacks"):
        check_tables(written(tmp_path, hostile_files.pdf_zip_objects(100 * MB)))


def test_damaged_files_are_left_to_the_reader(tmp_path: Path) -> None:
    """What qpdf cannot open is not judged here."""
    check(written(tmp_path, hostile_files.pdf_cut()))
    check(written(tmp_path, hostile_files.pdf_box(9, 9)), page=7)

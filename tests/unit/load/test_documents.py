"""Your own files as work."""

import io
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from PIL import Image

from ocrgate.errors import NotFound, UnreadableDocument, UnsupportedMedia
from ocrgate.load.documents import from_files


def picture(path: Path, size: int = 40) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.new("L", (size, size), 200).save(path)
    return path


def pdf(path: Path, pages: int) -> Path:
    document = pdfium.PdfDocument.new()
    for _ in range(pages):
        document.new_page(200, 300)
    document.save(path)
    document.close()
    return path


def test_text_beside_a_picture_is_its_truth(tmp_path: Path) -> None:
    known, unknown = picture(tmp_path / "a.png"), picture(tmp_path / "b.jpg")
    known.with_suffix(".txt").write_text("what it says", encoding="utf-8")
    made = from_files([(known, Path("a.png")), (unknown, Path("b.jpg"))], whole=True)
    texts = {document.name: document.text for document in made.documents}
    assert texts == {"a.png": "what it says", "b.jpg": None}
    assert {document.media for document in made.documents} == {"image/png", "image/jpeg"}
    assert "remembers" in made.notes[0]


def test_a_text_that_is_none_is_told(tmp_path: Path) -> None:
    """Not as a mistake of ours; a byte order mark is none of its characters."""
    known = picture(tmp_path / "a.png")
    known.with_suffix(".txt").write_bytes(b"\xef\xbb\xbfread")
    assert from_files([(known, Path("a.png"))], whole=True).documents[0].text == "read"
    known.with_suffix(".txt").write_bytes(b"\xff\xe9")
    with pytest.raises(UnreadableDocument, match=r"a\.txt is no text in UTF-8"):
        from_files([(known, Path("a.png"))], whole=True)


def test_folders_are_classes(tmp_path: Path) -> None:
    """Results of receipts beside those of letters."""
    one = picture(tmp_path / "receipts" / "a.png")
    made = from_files([(one, Path("receipts/a.png"))], whole=True)
    assert made.documents[0].page_class == "receipts"


def test_a_pdf_is_sent_whole_or_page_by_page(tmp_path: Path) -> None:
    """As the contract takes it; pages are drawn as pictures."""
    file = pdf(tmp_path / "d.pdf", 3)
    whole = from_files([(file, Path("d.pdf"))], whole=True).documents
    assert [(d.media, d.pages) for d in whole] == [("application/pdf", 3)]
    pages = from_files([(file, Path("d.pdf"))], whole=False).documents
    assert [(d.media, d.pages) for d in pages] == [("image/jpeg", 1)] * 3
    assert Image.open(io.BytesIO(pages[0].data)).size == (417, 625)


def test_too_many_files_are_chosen_by_lot(tmp_path: Path) -> None:
    """Within the memory that they may take, and it is said."""
    files = [(picture(tmp_path / f"{n}.png"), Path(f"{n}.png")) for n in range(20)]
    made = from_files(files, whole=True, most=500, seed=1)
    assert 1 <= len(made.documents) < 20
    assert "of 20 files" in made.notes[0]
    again = from_files(files, whole=True, most=500, seed=1)
    assert [d.name for d in again.documents] == [d.name for d in made.documents]


def test_what_cannot_be_sent_is_told(tmp_path: Path) -> None:
    text = tmp_path / "a.png"
    text.write_text("not a picture")
    broken = tmp_path / "b.pdf"
    broken.write_bytes(b"%PDF-1.7 and nothing more")
    with pytest.raises(UnsupportedMedia, match=r"a\.png"):
        from_files([(text, Path("a.png"))], whole=True)
    with pytest.raises(UnreadableDocument):
        from_files([(broken, Path("b.pdf"))], whole=True)
    with pytest.raises(NotFound):
        from_files([], whole=True)

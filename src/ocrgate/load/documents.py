"""Your own pictures and PDFs as work, with the text of each beside it where you have it."""

import io
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ocrgate.domain.document import ImageSpec, MediaType
from ocrgate.errors import NotFound, UnreadableDocument, UnsupportedMedia
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.media import ACCEPTED, sniff
from ocrgate.imaging.pdf import PdfFile
from ocrgate.imaging.watch import Watch
from ocrgate.load.workload import Document, Workload

MOST = 2**30  # bytes that are held in memory
_DPI = 150  # of PDF pages that are sent as pictures
_SIDE = 4096  # pixels of such a page at most

Told = Callable[[int, int], None]
"""Is told how many files of how many are read."""


def from_files(
    files: Sequence[tuple[Path, Path]],
    *,
    whole: bool,
    seed: int = 0,
    most: int = MOST,
    told: Told = lambda _done, _all: None,
) -> Workload:
    """Files as work.

    Each picture's text is that of the file beside it whose name ends in ``.txt`` instead. Files
    are grouped by the folder they lie in, else by their format.

    Args:
        files: where each lies, and its place below the folder that was named.
        whole: whether a PDF is sent as it is; else each of its pages is drawn and sent alone.
        seed: chooses files where all are too many.
        most: bytes to hold in memory.
        told: of the progress.

    Raises:
        NotFound: there is none.
        UnsupportedMedia: one is no picture and no PDF.
        UnreadableDocument: a PDF is damaged or locked, or a text beside a picture is none.
        OSError: one cannot be read.
    """
    if not files:
        raise NotFound("there is nothing to send", field="FILE")
    order = [*files]
    random.Random(f"{seed} files").shuffle(order)  # noqa: S311 - a draw that can be repeated
    found: list[Document] = []
    held = 0
    for number, (path, place) in enumerate(order, 1):
        if held >= most:
            note = f"{number - 1} of {len(order)} files are sent, chosen by lot: {held >> 20} MB"
            return Workload(tuple(found), _named(order), (note, *_again(found)))
        for document in _documents(path, place, whole=whole):
            found.append(document)
            held += len(document.data)
        told(number, len(order))
    return Workload(tuple(found), _named(order), _again(found))


def _named(order: Sequence[object]) -> str:
    return f"{len(order)} files" if len(order) > 1 else "one file"


def _again(found: Sequence[Document]) -> tuple[str, ...]:
    note = "documents are sent over and over: a server that remembers pictures looks faster"
    return (f"{len(found)} {note} than it is",)


def _documents(path: Path, place: Path, *, whole: bool) -> Iterator[Document]:
    data = path.read_bytes()
    media = sniff(data[:1024])
    if media is None:
        raise UnsupportedMedia(f"{path}: {ACCEPTED} are read", field="FILE")
    group = place.parts[0] if len(place.parts) > 1 else path.suffix.lstrip(".").lower()
    if media is MediaType.PDF:
        yield from _pdf(path, data, group, whole=whole)
        return
    beside = path.with_suffix(".txt")
    text = _text(beside) if beside.is_file() else None
    yield Document(str(place), group, media.value, data, text)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableDocument(f"{path} is no text in UTF-8", field="FILE") from None


def _pdf(path: Path, data: bytes, group: str, *, whole: bool) -> Iterator[Document]:
    limits = ImageLimits()
    with PdfFile(path, limits) as file:
        if whole:
            yield Document(path.name, group, MediaType.PDF.value, data, pages=file.pages)
            return
        spec = ImageSpec(max_side=_SIDE, pdf_dpi=_DPI)
        for page in range(1, file.pages + 1):
            image, _ = file.draw(page, spec, Watch(page, limits, lambda: False))
            packed = io.BytesIO()
            image.convert("RGB").save(packed, "JPEG", quality=90)
            name = f"{path.name} {page}"
            yield Document(name, group, MediaType.JPEG.value, packed.getvalue())

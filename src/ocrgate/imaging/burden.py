"""How much work a PDF page asks for, found out before PDFium believes it.

A page is a program. A few kilobytes of it may unpack to gigabytes, or draw a form that draws a form
ten times, twelve levels deep. PDFium unpacks and follows without a bound and ends its process when
memory runs out. Here the program is unpacked with a bound and its length weighed: every form counts
as often as it is drawn.
"""

import re
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pikepdf

from ocrgate.errors import DocumentLimit
from ocrgate.imaging.windows import FileBytes

# A dense map of a city is a tenth of the first. Interpreting a megabyte takes PDFium 10 to 50 ms.
MAX_UNPACKED: Final = 24 * 2**20
MAX_WEIGHT: Final = 96 * 2**20
_MAX_DEPTH: Final = 40  # PDFium itself goes no deeper
_PIECE: Final = 2**20
# Drawing packs 3 to 30 times. What packs better than this after the first megabytes is a bomb, and
# known as one without unpacking all that may be.
_SUSPECT_RATIO: Final = 300
_SUSPECT_FROM: Final = 4 * 2**20
_OBJECTS: Final = b"/ObjStm"
_DICTIONARY: Final = 4096  # bytes in front of a stream that are taken for its description
_MAX_TABLES: Final = 10_000  # writers put 100 to 200 objects into each
_MAX_NOTES: Final = 2_000  # annotations of a page that are weighed
_DEFLATE_RATIO: Final = 1032  # the most that deflate can pack
_MAX_PACKED: Final = MAX_UNPACKED + 2**20  # what is longer unpacks to more than is read
_DRAW: Final = re.compile(rb"/([^\s/<>\[\](){}%]++)\s++Do\b")
_ESCAPE: Final = re.compile(rb"#([0-9a-fA-F]{2})")
# Not the shape that a page has: PDFium draws what it understands of it.
_UNLIKE_A_PAGE: Final = (pikepdf.PdfError, LookupError, TypeError, ValueError, AttributeError)
_FLATE: Final = frozenset({"/FlateDecode", "/Fl"})


def bound_unpacking() -> None:
    """Make qpdf stop unpacking at ``MAX_UNPACKED`` too. It counts for the whole process."""
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=MAX_UNPACKED,
        png_max_memory=MAX_UNPACKED,
        run_length_max_memory=MAX_UNPACKED,
        tiff_max_memory=MAX_UNPACKED,
    )


def check_tables(path: Path) -> None:
    """Refuse a PDF with a stream of objects that unpacks to too much: PDFium unpacks it to open.

    Raises:
        DocumentLimit: it has one.
    """
    with path.open("rb") as file:
        data = FileBytes(file)
        at = data.find(_OBJECTS)
        for _ in range(_MAX_TABLES):
            if at < 0:
                return
            at = data.find(_OBJECTS, _after_table(data, at))
    raise DocumentLimit(
        "the PDF has too many streams of objects", field="image", limit=f"{_MAX_TABLES}"
    )


def _after_table(data: FileBytes, at: int) -> int:
    """Unpack the stream of objects described at ``at``; where to go on looking."""
    start = data.find(b"stream", at, at + _DICTIONARY)
    if start < 0:
        return at + len(_OBJECTS)
    end = data.find(b"endstream", start)
    end = data.size if end < 0 else end
    # From the object's beginning: its filters may be told before its type.
    before = data.read(max(0, at - _DICTIONARY), at)
    about = before[max(before.rfind(b"obj"), 0) :] + data.read(at, start)
    passes = about.count(b"Flate") or about.count(b"/Fl")
    if passes > 1 or (end - start) * _DEFLATE_RATIO > MAX_UNPACKED:
        packed = data.read(start + 6, min(end, start + _MAX_PACKED)).lstrip(b"\r\n")
        _unpacked(packed, passes, "the PDF", MAX_UNPACKED)
    return end


class Scales:
    """Weighs the pages of one PDF. A file that qpdf cannot even repair is not weighed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened = False
        self._pdf: pikepdf.Pdf | None = None

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        if self._pdf is not None:
            self._pdf.close()

    def check(self, page: int) -> None:
        """Refuse a 1-based page whose program is too long.

        Raises:
            DocumentLimit: it unpacks to too much, or draws too much.
        """
        if not self._opened:
            self._opened = True
            self._pdf = _open(self._path)
        if self._pdf is None:
            return
        try:
            weight = _Weighing(page).page(self._pdf.pages[page - 1].obj)
        except _UNLIKE_A_PAGE:
            return
        if weight > MAX_WEIGHT:
            raise _too_heavy(f"page {page}", MAX_WEIGHT)


def _open(path: Path) -> pikepdf.Pdf | None:
    # PDFium repairs what it can, so what only repair makes readable must be weighed as well.
    for repair in (False, True):
        try:
            return pikepdf.open(
                path,
                attempt_recovery=repair,
                suppress_warnings=True,
                access_mode=pikepdf.AccessMode.stream,  # a mapping would count as ours
            )
        except pikepdf.PasswordError:
            return None
        except pikepdf.PdfError:
            continue
    return None


class _Weighing:
    """One page being weighed: its known forms, and how much is left to unpack."""

    def __init__(self, page: int) -> None:
        self._page = page
        self._left = MAX_UNPACKED
        self._known: dict[tuple[int, int], int] = {}

    def page(self, page: Any) -> int:
        """Bytes that drawing the page interprets, forms counted as often as they are drawn."""
        contents = page.get("/Contents", None)
        streams = contents if isinstance(contents, pikepdf.Array) else [contents]
        program = b"\n".join(self._unpack(s) for s in streams if isinstance(s, pikepdf.Stream))
        resources = _inherited(page, "/Resources")
        own = len(program) + self._drawn(program, resources, 0)
        return own + sum(self._form(form, resources, 0) for form in _appearances(page))

    def _drawn(self, program: bytes, resources: Any, depth: int) -> int:
        times: dict[bytes, int] = {}
        for match in _DRAW.finditer(program):
            times[match[1]] = times.get(match[1], 0) + 1
        return sum(
            count * self._form(_named(resources, name), resources, depth)
            for name, count in times.items()
        )

    def _form(self, form: Any, outer: Any, depth: int) -> int:
        if not isinstance(form, pikepdf.Stream) or form.get("/Subtype", None) != "/Form":
            return 0
        key = form.objgen
        if key not in self._known:
            self._known[key] = 0  # what a form that draws itself adds
            program = self._unpack(form)
            if depth < _MAX_DEPTH:
                inner = form.get("/Resources", outer)
                self._known[key] = len(program) + self._drawn(program, inner, depth + 1)
        return self._known[key]

    def _unpack(self, stream: Any) -> bytes:
        """The content of a stream, of which at most what is left is ever held."""
        filters = stream.get("/Filter", [])
        names = [str(f) for f in (filters if isinstance(filters, pikepdf.Array) else [filters])]
        if names and set(names) <= _FLATE:
            data = _unpacked(stream.read_raw_bytes(), len(names), f"page {self._page}", self._left)
        else:
            data = bytes(stream.read_bytes())
        self._left -= len(data)
        if self._left < 0:
            raise _too_heavy(f"page {self._page}", MAX_UNPACKED)
        return data


def _unpacked(packed: bytes, passes: int, what: str, bound: int) -> bytes:
    """Inflate as many times as told, holding little more than ``bound`` bytes."""
    for _ in range(passes):
        unpacker = zlib.decompressobj()
        held, rest = bytearray(), packed
        while rest and not unpacker.eof:
            try:
                held += unpacker.decompress(rest, _PIECE)
            except zlib.error:
                break  # what came out until here is what PDFium will see
            rest = unpacker.unconsumed_tail
            if len(held) > bound or _is_suspect(len(packed) - len(rest), len(held)):
                raise _too_heavy(what, MAX_UNPACKED)
        packed = bytes(held)
    return packed


def _is_suspect(taken: int, given: int) -> bool:
    return given > _SUSPECT_FROM and given > _SUSPECT_RATIO * taken


def _named(resources: Any, name: bytes) -> Any:
    plain = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), name).decode("latin-1")
    return resources.get("/XObject", {}).get("/" + plain, None) if resources is not None else None


def _inherited(page: Any, key: str) -> Any:
    for _ in range(_MAX_DEPTH):
        if page is None or key in page:
            break
        page = page.get("/Parent", None)
    return None if page is None else page.get(key, None)


def _appearances(page: Any) -> Iterator[Any]:
    """The forms that annotations show."""
    for note in islice(page.get("/Annots", []), _MAX_NOTES):
        shown = note.get("/AP", {}).get("/N", None)
        if isinstance(shown, pikepdf.Stream):
            yield shown


def _too_heavy(what: str, bound: int) -> DocumentLimit:
    return DocumentLimit(
        f"{what} unpacks to more than is read", field="image", limit=f"{bound // 2**20} MB"
    )

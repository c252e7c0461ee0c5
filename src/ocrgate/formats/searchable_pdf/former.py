"""Text that a PDF page already has: what a former recognition left is taken out.

Looks at the page's content and the forms it paints. Text shown in rendering mode 3 (unseen) is
removed; of seen text it is only noted that there is some, and where pictures are, since a line
read from within a picture is not among the seen text.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Page, Pdf, Stream

_LARGEST = 4 << 20  # bytes of content to look at, about a second's work; longer is left alone
_DEEPEST = 4  # forms within forms
_UNSEEN = frozenset({3, 7})  # text rendering modes that paint nothing (ISO 32000-1, 9.3.6)
_REMOVED = 3  # mode 7 also clips, which has an effect
_SHOWING = frozenset({"Tj", "TJ", "'", '"'})
_SAME = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)

# What the library raises over damaged files: beside its own errors those of the C++ below it and
# of Python types that turn out to be others.
DAMAGED = (
    pikepdf.PdfError,
    pikepdf.DataDecodingError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)

Matrix = tuple[float, float, float, float, float, float]
Bounds = tuple[float, float, float, float]


@dataclass(slots=True)
class FormerText:
    """What is left of a page's own text: whether any is seen, and where its pictures are."""

    seen: bool = False
    pictures: list[Bounds] = field(default_factory=list)

    def covers(self, x: float, y: float) -> bool:
        """Whether text read at this place of user space can be found already."""
        return self.seen and not any(
            x1 <= x <= x2 and y1 <= y <= y2 for x1, y1, x2, y2 in self.pictures
        )


def strip_former_text(pdf: Pdf, page: Page) -> FormerText:
    """Take unseen text out of a page and say what is left.

    Content that is too large or too damaged to be parsed is left alone.
    """
    found = FormerText()
    resources = page.obj.get("/Resources")
    if not isinstance(resources, Dictionary):
        return found
    try:
        content = _page_content(page) if _may_have_text(resources) else None
        kept = _Scan(pdf, found).content(content, resources, _SAME) if content else None
    except DAMAGED:
        return FormerText()
    if kept is not None:
        page.obj.Contents = packed(pdf, kept)
    return found


def packed(pdf: Pdf, data: bytes) -> Stream:
    """A deflated stream of the PDF: until it is saved, every page's content is in memory."""
    stream = pdf.make_stream(b"")
    stream.write(zlib.compress(data), filter=Name.FlateDecode)
    return stream


@dataclass(slots=True)
class _State:
    """What ``q`` saves and ``Q`` brings back, as far as it matters here."""

    matrix: Matrix
    mode: int = 0


@dataclass(slots=True)
class _TextObject:
    """What stands between ``BT`` and ``ET``: instructions that show unseen text, and others."""

    unseen: list[int] = field(default_factory=list)
    other: bool = False


class _Scan:
    """One walk over a page's content and its forms."""

    def __init__(self, pdf: Pdf, found: FormerText, depth: int = 0) -> None:
        self._pdf = pdf
        self._found = found
        self._depth = depth

    def content(self, data: bytes, resources: Dictionary, matrix: Matrix) -> bytes | None:
        """The content without its unseen text, or None where it has none."""
        instructions = pikepdf.parse_content_stream(Stream(self._pdf, data))
        state, stack = _State(matrix), list[_State]()
        text, drop = _TextObject(), set[int]()
        for index, item in enumerate(instructions):
            name, operands = str(item.operator), item.operands
            if name == "q":
                stack.append(_State(state.matrix, state.mode))
            elif name == "Q" and stack:
                state = stack.pop()
            elif name == "BT":
                text = _TextObject()
            elif name in _SHOWING:
                self._shown(index, name, state.mode, text)
            elif name == "ET" and not text.other:
                drop.update(text.unseen)
            else:
                self._other(name, operands, state, resources)
        if not drop:
            return None
        return pikepdf.unparse_content_stream(
            [kept for index, kept in enumerate(instructions) if index not in drop]
        )

    def _shown(self, index: int, name: str, mode: int, text: _TextObject) -> None:
        """Note what is shown: in one text object, taking out some of it would move the rest.

        The operator that also sets spacings has an effect beyond its text and stays.
        """
        if mode == _REMOVED and name != '"':
            text.unseen.append(index)
        else:
            text.other = True
            self._found.seen |= mode not in _UNSEEN

    def _other(self, name: str, operands: Any, state: _State, resources: Dictionary) -> None:
        if name == "cm":
            state.matrix = _times(_matrix(operands), state.matrix)
        elif name == "Tr":
            state.mode = _integer(operands)
        elif name == "INLINE IMAGE":
            self._found.pictures.append(_bounds(state.matrix))
        elif name == "Do":
            painted = _entry(resources, "/XObject", operands)
            if isinstance(painted, Stream):
                self._painted(painted, resources, state.matrix)

    def _painted(self, painted: Stream, resources: Dictionary, matrix: Matrix) -> None:
        if painted.get("/Subtype") == "/Image":
            self._found.pictures.append(_bounds(matrix))
        elif painted.get("/Subtype") == "/Form" and self._depth < _DEEPEST:
            own = painted.get("/Resources")
            data = _decoded(painted, _LARGEST)
            if data:
                inner = _times(_matrix(painted.get("/Matrix")), matrix)
                scan = _Scan(self._pdf, self._found, self._depth + 1)
                kept = scan.content(data, own if isinstance(own, Dictionary) else resources, inner)
                if kept is not None:
                    painted.write(zlib.compress(kept), filter=Name.FlateDecode)


def _may_have_text(resources: Dictionary) -> bool:
    """Whether there is a font, or a form that may have one: a bare scan is not parsed at all."""
    if isinstance(fonts := resources.get("/Font"), Dictionary) and len(fonts):
        return True
    painted = resources.get("/XObject")
    if not isinstance(painted, Dictionary):
        return False
    return any(
        isinstance(item, Stream) and item.get("/Subtype") == "/Form" for _, item in painted.items()
    )


def _entry(resources: Dictionary, kind: str, operands: Any) -> Object | None:
    named = resources.get(kind)
    if not isinstance(named, Dictionary) or not operands:
        return None
    return named.get(str(operands[0]))


def _page_content(page: Page) -> bytes | None:
    """All content streams joined, or None if there are none or they are too large."""
    contents = page.obj.get("/Contents")
    streams = list(contents) if isinstance(contents, Array) else [contents]
    joined = b""
    for stream in streams:
        data = _decoded(stream, _LARGEST - len(joined)) if isinstance(stream, Stream) else None
        if data is None:
            return None
        joined += data + b"\n"
    return joined


def _decoded(stream: Stream, limit: int) -> bytes | None:
    """The data if it is plain or deflated and at most ``limit`` bytes, however well packed."""
    if _length(stream) > limit:
        return None
    filters = list(_names(stream.get("/Filter")))
    raw = stream.read_raw_bytes()
    if not filters:
        return raw
    if filters != ["/FlateDecode"] or "/DecodeParms" in stream:
        return None
    try:
        data = zlib.decompressobj().decompress(raw, max(limit, 0) + 1)
    except zlib.error:
        return None
    return data if len(data) <= limit else None


def _length(stream: Stream) -> int:
    try:
        return int(stream.get("/Length", 0))
    except (TypeError, ValueError):
        return 0


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Array):
        yield from (str(item) for item in value)
    elif value is not None:
        yield str(value)


def _integer(operands: Any) -> int:
    try:
        return int(operands[0])
    except (TypeError, ValueError, IndexError):
        return 0


def _matrix(operands: Any) -> Matrix:
    try:
        a, b, c, d, e, f = (float(number) for number in operands)
    except (TypeError, ValueError):
        return _SAME
    return a, b, c, d, e, f


def _times(inner: Matrix, outer: Matrix) -> Matrix:
    """First ``inner``, then ``outer``."""
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return (
        a * p + b * r,
        a * q + b * s,
        c * p + d * r,
        c * q + d * s,
        e * p + f * r + t,
        e * q + f * s + u,
    )


def _bounds(matrix: Matrix) -> Bounds:
    """The upright rectangle around the unit square, where images are painted."""
    a, b, c, d, e, f = matrix
    xs, ys = (e, e + a, e + c, e + a + c), (f, f + b, f + d, f + b + d)
    return min(xs), min(ys), max(xs), max(ys)

"""Lines of a paragraph made into running text again."""

from collections.abc import Iterator

from ocrgate.domain.recognition import Box, Line, PageReading, bounding_box
from ocrgate.formats.characters import advance, clean, is_spaceless, width
from ocrgate.formats.placement import upright

_HYPHENS = "-\N{HYPHEN}"
_SOFT_HYPHEN = "\N{SOFT HYPHEN}"
_SUSPENDED = frozenset({"and", "or", "und", "oder", "bzw.", "et", "ou", "y", "o"})


def flow(lines: tuple[Line, ...], page: PageReading) -> Iterator[str]:
    """Runs of text, each of the lines that flow on; between two runs a line break was meant.

    A break was meant where the next line's first word would still have fitted (the rule of a
    ragged right margin). Without places every line flows on.
    """
    texts = [" ".join(clean(line.text).split()) for line in lines]
    boxes = [_box(line, page) for line in lines]
    edge = max((box.x2 for box in boxes if box), default=0.0)
    run = last = ""
    before: Box | None = None
    for text, box in zip(texts, boxes, strict=True):
        if last and text and _left_room(edge, before, box, text) and not _ends_in_hyphen(last):
            yield run
            run = text
        else:
            run = join(run, text)
        last, before = text, box
    if run:
        yield run


def join(left: str, right: str) -> str:
    """Two neighbouring lines of one paragraph as one line."""
    if not left or not right:
        return left or right
    if left.endswith(_SOFT_HYPHEN):
        return left[:-1] + right
    if _is_hyphenated(left, right):
        return left[:-1] + right
    if _is_compound(left, right) or is_spaceless(left[-1]) or is_spaceless(right[0]):
        return left + right
    return f"{left} {right}"


def _first(text: str) -> str:
    return text.split(maxsplit=1)[0]


def _ends_in_hyphen(text: str) -> bool:
    return len(text) > 1 and text[-1] in _HYPHENS and text[-2].isalpha()


def _is_hyphenated(left: str, right: str) -> bool:
    """Whether the hyphen at the end only divides a word: ``exam-`` + ``ple``."""
    if not _ends_in_hyphen(left) or not right[0].islower():
        return False
    stem = left.rsplit(maxsplit=1)[-1][:-1]
    return _first(right) not in _SUSPENDED and not any(hyphen in stem for hyphen in _HYPHENS)


def _is_compound(left: str, right: str) -> bool:
    """Whether the hyphen is the word's own: ``state-of-the-`` + ``art``, ``Anglo-`` + ``Irish``."""
    return _ends_in_hyphen(left) and right[0].isalpha() and _first(right) not in _SUSPENDED


def _box(line: Line, page: PageReading) -> Box | None:
    """Where the line stands once the page is upright."""
    return upright(bounding_box(line.polygon), page) if line.polygon else None


def _left_room(edge: float, before: Box | None, after: Box | None, text: str) -> bool:
    """Whether the first word of ``text`` (at ``after``) would have fitted behind ``before``."""
    if before is None or after is None:
        return False
    first = text[0] if is_spaceless(text[0]) else _first(text)
    room = (width(first) + advance(" ")) * (after.x2 - after.x1) / width(text)
    return edge - before.x2 > room

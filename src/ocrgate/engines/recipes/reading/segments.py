"""An answer in Markdown, cut into prose, tables, display formulas and fenced code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

_OPENING = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^\n`]*)$"
    r"|(?P<table><table\b)"
    r"|(?P<formula>\$\$|\\\[)"
    r"|\\begin\{(?P<environment>(?:equation|align|gather|eqnarray|multline|displaymath|tabular)\*?)\}",
    re.MULTILINE | re.IGNORECASE,
)
_TABLE_TAG = re.compile(r"<(/?)table\b[^<>]{0,500}>?", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n[ \t]{0,80}\n")
_REFERENCE = re.compile(r"[\d\s,\u2013-]*")
_WINDOW = 4000  # characters of a display formula that begins inside a line
_INDENT = 100  # blanks before one that begins a line
_ALIGNED = frozenset({"align", "gather", "eqnarray", "multline"})
_UNWRAPPED = frozenset({"markdown", "md", "html"})


class Kind(Enum):
    """What a segment is."""

    PROSE = "prose"
    TABLE = "table"  # HTML or LaTeX
    FORMULA = "formula"
    FENCE = "fence"


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of an answer.

    Attributes:
        kind: what it is.
        text: all of it, as written.
        inner: without its delimiters.
        info: the language of a fence, the environment of a formula.
    """

    kind: Kind
    text: str
    inner: str
    info: str = ""


def segments(text: str) -> list[Segment]:
    """The stretches of an answer, in order; joined, their ``text`` is the answer.

    A fence that only wraps Markdown or HTML is looked into (its own two lines are left out); one
    around the whole answer that names no language, too. What is not closed ends at the end (a
    formula: at the next blank line).
    """
    return list(_Cutter(_without_wrapping(text)).segments())


def _without_wrapping(text: str) -> str:
    stripped = text.strip()
    first, _, rest = stripped.partition("\n")
    is_wrapped = first == "```" and rest.endswith("```") and rest.count("```") == 1
    return rest[:-3] if is_wrapped else text


class _Cutter:
    """One pass over an answer. It remembers which closings it has looked for in vain."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._absent: set[str] = set()

    def segments(self) -> Iterator[Segment]:
        prose = position = 0
        while opening := _OPENING.search(self._text, position):
            found = self._segment(opening)
            if found is None:
                position = opening.end()
                continue
            segment, position = found
            if opening.start() > prose:
                yield self._prose(prose, opening.start())
            yield from _looked_into(segment)
            prose = position
        if prose < len(self._text):
            yield self._prose(prose, len(self._text))

    def _prose(self, start: int, end: int) -> Segment:
        return Segment(Kind.PROSE, self._text[start:end], self._text[start:end])

    def _segment(self, opening: re.Match[str]) -> tuple[Segment, int] | None:
        """The segment that begins there and its end; None where it is only prose."""
        if opening["fence"]:
            return self._fence(opening)
        if opening["table"]:
            return self._table(opening.start())
        if opening["environment"]:
            return self._environment(opening)
        return self._formula(opening)

    def _fence(self, opening: re.Match[str]) -> tuple[Segment, int]:
        closing = re.compile(rf"^ {{0,3}}{re.escape(opening['fence'])}[ \t]*$", re.MULTILINE)
        end = closing.search(self._text, opening.end())
        start, stop = opening.end() + 1, end.start() if end else len(self._text)
        after = end.end() if end else len(self._text)
        info = opening["info"].strip().lower()
        text = self._text[opening.start() : after]
        return Segment(Kind.FENCE, text, self._text[start:stop], info), after

    def _table(self, start: int) -> tuple[Segment, int]:
        depth = 0
        for tag in _TABLE_TAG.finditer(self._text, start):
            depth += -1 if tag[1] else 1
            if not depth:
                text = self._text[start : tag.end()]
                return Segment(Kind.TABLE, text, text), tag.end()
        text = self._text[start:].rstrip()
        return Segment(Kind.TABLE, text + "</table>" * min(depth, 9), text), len(self._text)

    def _environment(self, opening: re.Match[str]) -> tuple[Segment, int]:
        name = opening["environment"]
        end, after = self._end(f"\\end{{{name}}}", opening.end())
        kind = Kind.TABLE if name.lower().startswith("tabular") else Kind.FORMULA
        text = self._text[opening.start() : after]
        inner = text if kind is Kind.TABLE else self._text[opening.end() : end].strip()
        if name.lower().rstrip("*") in _ALIGNED and inner:
            inner = f"\\begin{{aligned}}\n{inner}\n\\end{{aligned}}"  # what $$ can hold
        return Segment(kind, text, inner, name), after

    def _formula(self, opening: re.Match[str]) -> tuple[Segment, int] | None:
        """A display formula: one that begins a line or goes over several; else it is prose."""
        closing = "$$" if opening[0] == "$$" else "\\]"
        if self._begins_line(opening.start()):
            end, after = self._end(closing, opening.end())
        else:
            end = self._text.find(closing, opening.end(), opening.end() + _WINDOW)
            after = end + len(closing)
            if end < 0 or "\n" not in self._text[opening.end() : end]:
                return None
        inner = self._text[opening.end() : end]
        if not inner.strip() or _REFERENCE.fullmatch(inner):
            return None
        return Segment(Kind.FORMULA, self._text[opening.start() : after], inner), after

    def _begins_line(self, place: int) -> bool:
        before = self._text[max(0, place - _INDENT) : place]
        _, newline, indent = before.rpartition("\n")
        return not indent.strip() and (bool(newline) or place <= _INDENT)

    def _end(self, closing: str, start: int) -> tuple[int, int]:
        """Where something ends, without and with its closing."""
        end = -1 if closing in self._absent else self._text.find(closing, start)
        if end >= 0:
            return end, end + len(closing)
        self._absent.add(closing)
        blank = _BLANK_LINE.search(self._text, start)
        stop = blank.start() if blank else len(self._text)
        return stop, stop


def _looked_into(segment: Segment) -> Iterator[Segment]:
    if segment.kind is Kind.FENCE and segment.info in _UNWRAPPED:
        yield from _Cutter(segment.inner).segments()
    else:
        yield segment

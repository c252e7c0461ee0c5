"""Blocks of an answer in Markdown.

The words of a block are plain; what the model wrote stays as ``markup`` wherever the words alone
would not give it back.
"""

import re
from collections.abc import Iterator

from ocrgate.domain.recognition import Block, BlockKind, Line
from ocrgate.engines.recipes.reading import tables
from ocrgate.engines.recipes.reading.plain import breaks, plain
from ocrgate.engines.recipes.reading.segments import Kind, Segment, segments

Blocks = tuple[Block, ...]

_RULE = re.compile(r" {0,3}(?:(?:\* ?){3,}|(?:- ?){3,}|(?:_ ?){3,})\s*")
_HTML_HEADING = re.compile(r"<h([1-6])(?:\s[^<>]{0,200})?>([^\n]*)</h\1>", re.IGNORECASE)
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,9}[.)])\s")
_QUOTE = re.compile(r"\A\s{0,3}> ?")
_IMAGE = re.compile(r"!\[([^\[\]\n]*)\]\([^()\n]*\)")
_IMG = re.compile(r"<img\b([^<>]{0,1000})>(?:([^<>\n]*)</img>)?", re.IGNORECASE)
_ALT = re.compile(r"\balt\s{0,3}=\s{0,3}\"([^\"]*)\"", re.IGNORECASE)
_INLINE = re.compile(r"\\\(((?:[^\\\n]|\\[^()\n])++)\\\)")
_LATEX = frozenset({"latex", "tex", "math"})
_DIAGRAMS = frozenset({"mermaid", "dot", "graphviz", "plantuml"})
_NAMELESS = frozenset({"", "image", "img", "figure", "picture"})


def blocks(text: str) -> Blocks:
    """The blocks of an answer, in order."""
    return tuple(block for segment in segments(text) for block in _blocks(segment))


def paragraphs(text: str) -> Blocks:
    """The blocks of an answer that is no Markdown: paragraphs between blank lines, as printed."""
    found = []
    for part in re.split(r"\n[ \t]*\n", text):
        lines = tuple(Line(words) for line in part.splitlines() if (words := line.strip()))
        if lines:
            found.append(Block(lines))
    return tuple(found)


def table(markup: str) -> Block:
    """A table in HTML or LaTeX."""
    if markup.startswith("\\begin"):
        rows, markup = tables.latex_rows(markup), f"```latex\n{markup}\n```"
    else:
        rows = tables.html_rows(markup)
    return Block(_lines(tables.lines_of(rows)), BlockKind.TABLE, markup=markup)


def formula(latex: str) -> Block:
    """A formula on lines of its own; its markup is the form that Markdown renderers know."""
    inner = "\n".join(line.strip() for line in latex.splitlines() if line.strip())
    lines = _lines(inner.splitlines())
    return Block(lines, BlockKind.FORMULA, markup=f"$$\n{inner}\n$$")


def fenced(text: str, info: str) -> Block:
    """A diagram or a listing in a fence."""
    kind = BlockKind.CHART if info in _DIAGRAMS else BlockKind.PARAGRAPH
    inner = text.strip("\n")
    lines = _lines([line.rstrip() for line in inner.splitlines() if line.strip()])
    longest = max((len(run) for run in re.findall(r"`{3,}", inner)), default=2)
    fence = "`" * (longest + 1)
    return Block(lines, kind, markup=f"{fence}{info}\n{inner}\n{fence}")


def _blocks(segment: Segment) -> Iterator[Block]:
    if segment.kind is Kind.PROSE:
        yield from _prose(segment.text)
    elif segment.kind is Kind.TABLE:
        yield table(segment.text)
    elif not segment.inner.strip():
        return
    elif segment.info in _LATEX and "\\begin{tabular" in segment.inner:
        yield table(segment.inner.strip())
    elif segment.kind is Kind.FORMULA or segment.info in _LATEX:
        yield formula(segment.inner)
    else:
        yield fenced(segment.inner, segment.info)


def _prose(text: str) -> Iterator[Block]:
    """Headings, tables of pipes, figures, and the paragraphs between them."""
    lines = text.splitlines()
    paragraph: list[str] = []
    at = 0
    while at < len(lines):
        end, block = _special(lines, at)
        if end == at:
            paragraph.append(lines[at])
            at += 1
            continue
        yield from _paragraph(paragraph)
        paragraph = []
        if block is not None:
            yield block
        at = end
    yield from _paragraph(paragraph)


def _special(lines: list[str], at: int) -> tuple[int, Block | None]:
    """What begins at a line other than a paragraph, and the line behind it; ``at`` if nothing."""
    line = lines[at]
    if not line.strip() or _RULE.fullmatch(line):
        return at + 1, None
    if "|" in line and at + 1 < len(lines) and tables.is_rule(lines[at + 1]):
        return _pipes(lines, at)
    if block := _heading(line):
        return at + 1, block
    if (alt := _figure(line)) is None:
        return at, None
    return at + 1, None if alt.lower() in _NAMELESS else Block((Line(alt),), BlockKind.FIGURE)


def _pipes(lines: list[str], start: int) -> tuple[int, Block]:
    end = start + 2
    while end < len(lines) and "|" in lines[end]:
        end += 1
    markup = "\n".join(lines[start:end])
    rows = tables.lines_of(tables.pipe_rows(markup))
    return end, Block(_lines(rows), BlockKind.TABLE, markup=markup)


def _heading(line: str) -> Block | None:
    stripped = line.strip()
    marks = len(stripped) - len(stripped.lstrip("#"))
    if 1 <= marks <= 6 and stripped[marks : marks + 1] in {"", " ", "\t"}:
        return _titled(stripped[marks:].strip(), marks)
    found = _HTML_HEADING.fullmatch(stripped)
    return _titled(found[2], int(found[1])) if found else None


def _titled(title: str, level: int) -> Block | None:
    words = plain(title)
    if not words:
        return None
    markup = None if words == title else f"{'#' * level} {' '.join(title.split())}"
    return Block((Line(words),), BlockKind.HEADING, level, markup)


def _figure(line: str) -> str | None:
    """The words of a figure that has a line of its own; None where it is none."""
    stripped = line.strip()
    if found := _IMAGE.fullmatch(stripped):
        return plain(found[1])
    if found := _IMG.fullmatch(stripped):
        alt = _ALT.search(found[1])
        return plain(found[2] or (alt[1] if alt else ""))
    return None


def _paragraph(raw: list[str]) -> Iterator[Block]:
    """Running text; a list or marked-up words keep their markup."""
    lines = [_QUOTE.sub("", part, count=1) for line in raw for part in breaks(line)]
    words = [plain(line) for line in lines]
    texts = [text for text in words if text]
    if not texts:
        return
    is_plain = words == [" ".join(line.split()) for line in raw]
    keeps = not is_plain or any(_ITEM.match(line) for line in raw)
    markup = _INLINE.sub(_in_dollars, "\n".join(raw).strip()) if keeps else None
    yield Block(_lines(texts), markup=markup)


def _in_dollars(inline: re.Match[str]) -> str:
    """An inline formula in the form that renderers know."""
    return f"${inline[1].strip()}$" if inline[1].strip() else inline[0]


def _lines(texts: list[str]) -> tuple[Line, ...]:
    return tuple(map(Line, texts))

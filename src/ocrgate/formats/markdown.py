"""Markdown (CommonMark with tables): structure only where the engine knew it.

Headings and tables come from :class:`~ocrgate.domain.recognition.Block` alone. All other text is
escaped, so that a printed ``# 5`` or ``*`` does not become markup, and the lines of a paragraph
are joined.
"""

import re
from dataclasses import replace

from ocrgate.domain.recognition import Block, BlockKind, PageReading
from ocrgate.formats.characters import clean
from ocrgate.formats.paragraphs import flow

_INLINE = re.compile(r"[\\`*\[\]<>~|]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")
_BLOCK = re.compile(r"(?=#{1,6}(?:\s|$)|[-+](?:\s|$)|[-=:][-=:\s]*$)")
_NUMBERED = re.compile(r"(\d{1,9})([.)])(?=\s|$)")
_CLOSING = re.compile(r"(?<= )(#+)$")


def page_markdown(reading: PageReading, *, first: bool) -> str:
    """One page, ended by a newline; a comment names every page but a leading page 1."""
    mark = "" if first and reading.number == 1 else f"<!-- page {reading.number} -->"
    parts = [mark, *(_block(block, reading) for block in reading.blocks)]
    return ("" if first else "\n") + "\n\n".join(part for part in parts if part) + "\n"


def markdown_alone(reading: PageReading) -> str:
    """One page by itself: without the comment that tells pages apart, and without a newline."""
    return page_markdown(replace(reading, number=1), first=True).strip()


def escape(text: str) -> str:
    """One line of text such that CommonMark shows it as it stands."""
    text = _INLINE.sub(lambda match: "\\" + match[0], " ".join(clean(text).split()))
    return _NUMBERED.sub(r"\1\\\2", text, count=1) if text[:1].isdigit() else _guarded(text)


def _guarded(text: str) -> str:
    return "\\" + text if _BLOCK.match(text) else text


def _block(block: Block, reading: PageReading) -> str:
    if block.markup is not None:
        return clean(block.markup).strip()
    if block.kind is BlockKind.HEADING:
        return _heading(block, reading)
    rows = [" ".join(line.text for line in row) for row in reading.rows(block)]
    if block.kind is BlockKind.TABLE or len(rows) < len(block.lines):
        return _lines(rows)
    return _lines(list(flow(block.lines, reading)))


def _heading(block: Block, reading: PageReading) -> str:
    title = escape(" ".join(flow(block.lines, reading)))
    marks = "#" * min(max(block.level, 1), 6)
    return f"{marks} " + _CLOSING.sub(r"\\\1", title) if title else ""


def _lines(texts: list[str]) -> str:
    """Lines of one paragraph that are to stay apart: a backslash is CommonMark's line break."""
    return "\\\n".join(line for line in map(escape, texts) if line)

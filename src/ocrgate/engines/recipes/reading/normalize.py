"""What HunyuanOCR's own tools do to a parsed document before it is used, as functions of our own.

Ten small repairs of its Markdown, each named after what it does, with the letter that the vendor
gives it: U, T, E, C, C2, D, A, W, F, V.
"""

import re

from ocrgate.engines.recipes.reading import latex
from ocrgate.engines.recipes.reading.segments import Kind, Segment, segments

_POINT = r"\(\d{1,5}, ?\d{1,5}\)"
_BOX = re.compile(rf"{_POINT}(?:, ?{_POINT})++")
_CAPTION = re.compile(r"<caption(?:\s[^<>]{0,200})?>([^<]{0,2000})</caption>", re.IGNORECASE)
_LONE_INLINE = re.compile(r"\$([^$\n]+)\$|\\\(((?:(?!\\\))[^\n])+)\\\)")
_ARITHMETIC = re.compile(r"(?=[^=]*=)(?=[^\d]*\d)[\d\s.,+\-*/()=\u00d7\u00f7\u2212\u00b7%]{5,200}")
_OPERATOR = re.compile(r"[\d)]\s?[+*/\u00d7\u00f7\u2212\u00b7-]\s?[\d(]")


def normalized(text: str) -> str:
    """A parsed document with all ten repairs; applied again it does not change any more."""
    return "".join(_repaired(segment) for segment in segments(text))


def without_trailing_boxes(text: str) -> str:
    """Prose without the coordinates that figures leave at the ends of lines (U)."""
    if ")," not in text:
        return text
    return "\n".join(_without_box(line) for line in text.split("\n"))


def caption_before(markup: str) -> str:
    """A table whose captions stand before it as paragraphs (T)."""
    captions = (" ".join(found[1].split()) for found in _CAPTION.finditer(markup))
    return "\n\n".join([*filter(None, captions), _CAPTION.sub("", markup)])


def rows(formula: str) -> list[str]:
    """A formula of several rows as one formula for each (E, C, C2)."""
    return [
        row
        for aligned in latex.aligned_rows(formula)
        for array in latex.array_rows(aligned)
        for row in latex.bare_rows(array)
    ]


def displayed(line: str) -> str:
    """A line that is one inline formula, as a display formula (A)."""
    found = _LONE_INLINE.fullmatch(line.strip())
    return _display((found[1] or found[2]).strip()) if found else line


def arithmetic(line: str) -> str:
    """A line that is nothing but a calculation, as a display formula (W)."""
    bare = line.strip()
    is_sum = bool(_ARITHMETIC.fullmatch(bare)) and bool(_OPERATOR.search(bare))
    return _display(bare) if is_sum else line


def formulas(formula: str) -> str:
    """A display formula, row by row, balanced and without its number (D, F, V)."""
    tidy = (
        latex.repaired(latex.balanced_fences(latex.without_number(row)))
        for row in rows(latex.without_number(formula))
    )
    return "\n\n".join(_display(row.strip()) for row in tidy if row.strip())


def _repaired(segment: Segment) -> str:
    if segment.kind is Kind.PROSE:
        lines = without_trailing_boxes(segment.text).split("\n")
        return "\n".join(arithmetic(displayed(line)) for line in lines)
    if segment.kind is Kind.TABLE:
        return caption_before(segment.text)
    return formulas(segment.inner) if segment.kind is Kind.FORMULA else segment.text


def _without_box(line: str) -> str:
    """Coordinates end a line, or are all of it; inside a sum or a formula they are its own."""
    if "$" in line or "|" in line or "\\(" in line:
        return line
    end = len(line)
    for box in reversed(list(_BOX.finditer(line))):
        if line[box.end() : end].strip():
            break
        end = box.start()
    return line[:end].rstrip() if end < len(line) else line


def _display(formula: str) -> str:
    return f"$$\n{formula}\n$$"

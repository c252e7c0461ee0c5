"""Tables as models write them (HTML, pipes, LaTeX, OTSL) as rows of plain cells."""

import html
import re
from collections.abc import Iterator

from ocrgate.engines.recipes.reading.plain import plain

Rows = list[list[str]]

_TAG = re.compile(r"<(/?)(table|caption|tr|td|th)(?:\s[^<>]{0,500})?>", re.IGNORECASE)
_CELL_END = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[\s|:\-]*-[\s|:\-]*")
_LATEX_RULE = re.compile(r"\\(?:hline|toprule|midrule|bottomrule|cline\{[^{}]{0,20}\})")
_ROW_END = frozenset({"nl"})
_OTSL = re.compile(r"<(fcel|ecel|lcel|ucel|xcel|nl|ched|rhed|srow)>")


def lines_of(rows: Rows) -> list[str]:
    """One line for each row that has words; cells part at tabs, as lines side by side do."""
    return [line for row in rows if (line := "\t".join(row).strip())]


def html_rows(markup: str) -> Rows:
    """Rows of an HTML table; those of tables inside its cells come after the row they stand in."""
    rows: Rows = []
    cell: list[str] = []
    start, inside = 0, False
    for tag in _TAG.finditer(markup):
        name, closes = tag[2].lower(), bool(tag[1])
        if inside:
            cell.append(markup[start : tag.start()])
            rows[-1].append(plain(" ".join(cell)))
            cell.clear()
        if not rows or (name in {"tr", "caption", "table"} and rows[-1]):
            rows.append([])
        inside = not closes and name in {"td", "th", "caption"}
        start = tag.end()
    if inside:
        rows[-1].append(plain(markup[start:]))
    return rows


def is_rule(line: str) -> bool:
    """Whether a line of a pipe table parts its head from its body."""
    return "|" in line and _RULE.fullmatch(line) is not None


def pipe_rows(markup: str) -> Rows:
    """Rows of a table drawn with pipes."""
    lines = (line.strip() for line in markup.splitlines())
    return [_cells(line) for line in lines if line and not is_rule(line)]


def latex_rows(markup: str) -> Rows:
    r"""Rows of a ``tabular``: cells part at ``&``, rows at two backslashes."""
    body = _LATEX_RULE.sub("", markup)
    start, end = body.find("\\begin{tabular}"), body.rfind("\\end{tabular}")
    start = max(start, 0)
    if body.startswith("\\begin{tabular}", start):
        start = _behind_columns(body, start + len("\\begin{tabular}"))
    body = body[start : end if end > start else None]
    return [[plain(cell) for cell in row.split("&")] for row in body.split("\\\\")]


def otsl_html(markup: str) -> str:
    """A table in OTSL (one token for each cell, ``<nl>`` for each row's end) as HTML.

    Cells that only go on from the left or from above become ``colspan`` and ``rowspan``.
    """
    grid = _otsl_grid(markup)
    rows = (
        "".join(_otsl_cell(grid, row, column) for column in range(len(cells)))
        for row, cells in enumerate(grid)
    )
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


def _cells(line: str) -> list[str]:
    line = line.removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [plain(cell) for cell in _CELL_END.split(line)]


def _behind_columns(body: str, start: int) -> int:
    """Behind the ``{lcr}`` that names the columns."""
    if not body.startswith("{", start):
        return start
    return body.find("}", start) + 1 or start


def _otsl_grid(markup: str) -> list[list[tuple[str, str]]]:
    """Rows of (token, text); text before the first token is a caption and left out."""
    grid: list[list[tuple[str, str]]] = [[]]
    for token, text in _otsl_tokens(markup):
        if token in _ROW_END:
            grid.append([])
        else:
            grid[-1].append((token, " ".join(text.split())))
    return [row for row in grid if row]


def _otsl_tokens(markup: str) -> Iterator[tuple[str, str]]:
    parts = _OTSL.split(markup)
    return zip(parts[1::2], parts[2::2], strict=True)


def _otsl_cell(grid: list[list[tuple[str, str]]], row: int, column: int) -> str:
    token, text = grid[row][column]
    if token in {"lcel", "ucel", "xcel"}:
        return ""
    name = "th" if token in {"ched", "rhed", "srow"} else "td"
    across = down = 1
    while _token(grid, row, column + across) == "lcel":
        across += 1
    while _token(grid, row + down, column) == "ucel":
        down += 1
    spans = f' colspan="{across}"' if across > 1 else ""
    spans += f' rowspan="{down}"' if down > 1 else ""
    return f"<{name}{spans}>{html.escape(text, quote=False)}</{name}>"


def _token(grid: list[list[tuple[str, str]]], row: int, column: int) -> str:
    inside = row < len(grid) and column < len(grid[row])
    return grid[row][column][0] if inside else ""

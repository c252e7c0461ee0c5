"""Display formulas put into the form that Markdown renderers show: one row each, balanced."""

import re

_LEFT = re.compile(r"\\left(?![a-zA-Z])")
_RIGHT = re.compile(r"\\right(?![a-zA-Z])")
_BRACE = re.compile(r"\\[{}\\]|[{}]")
_NUMBER = re.compile(
    r"\s*(?:\\tag\*?\{[^{}]{0,40}\}|\\eqno\s?\(?[\w.]{1,12}\)?"
    r"|\\(?:qquad|quad|hfill)\s{0,4}\([\w.\-]{1,12}\))\s*\Z"
)
_NUMBER_WINDOW = 120
_ARRAY = re.compile(r"\s*\\begin\{array\}\s*\{[lcr]\}(.*)\\end\{array\}\s*", re.DOTALL)
_ALIGNED = re.compile(
    r"\s*\\begin\{(aligned|align\*?|gathered|gather\*?|split|eqnarray\*?)\}(.*)\\end\{\1\}\s*",
    re.DOTALL,
)
_ROW_TOKEN = re.compile(r"\\begin\{|\\end\{|\\\\(?:\[[^\[\]]{0,20}\])?|\\[{}]|[{}]")
# The brace of \begin{ and of \end{ is closed by one that counts: they add one more or less.
_DEPTHS = {"{": 1, "}": -1, "\\begin{": 2, "\\end{": 0}
_ALIGN_MARK = re.compile(r"(?<!\\)&")


def aligned_rows(latex: str) -> list[str]:
    """The rows of a formula that is one aligned or gathered environment; itself otherwise (E)."""
    found = _ALIGNED.fullmatch(latex)
    return _unmarked_rows(found[2]) if found else [latex]


def array_rows(latex: str) -> list[str]:
    """The rows of a formula that is one array of a single column; itself otherwise (C)."""
    found = _ARRAY.fullmatch(latex)
    return _unmarked_rows(found[1]) if found else [latex]


def bare_rows(latex: str) -> list[str]:
    """The rows of a formula that breaks its lines outside any environment; else itself (C2)."""
    return [row for row in _top_rows(latex) if row.strip()] or [latex]


def balanced_fences(latex: str) -> str:
    r"""The formula with as many ``\left`` as ``\right``: invisible ones are added (D)."""
    missing = len(_LEFT.findall(latex)) - len(_RIGHT.findall(latex))
    return "\\left. " * -missing + latex + " \\right." * missing


def without_number(latex: str) -> str:
    """The formula without the equation number at its end (F)."""
    return latex[:-_NUMBER_WINDOW] + _NUMBER.sub("", latex[-_NUMBER_WINDOW:])


def repaired(latex: str) -> str:
    """The formula with its braces balanced, as an answer that was cut off leaves them open (V)."""
    depth = missing = 0
    for match in _BRACE.finditer(latex):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}" and depth:
            depth -= 1
        elif match[0] == "}":
            missing += 1
    return "{" * missing + latex + "}" * depth


def _unmarked_rows(body: str) -> list[str]:
    rows = (_ALIGN_MARK.sub("", row).strip() for row in _top_rows(body))
    return [row for row in rows if row] or [body]


def _top_rows(body: str) -> list[str]:
    """Parts between the line breaks that stand in no braces and no environment."""
    rows: list[str] = []
    depth = start = 0
    for match in _ROW_TOKEN.finditer(body):
        token = match[0]
        depth += _DEPTHS.get(token, 0)
        if token.startswith("\\\\") and depth <= 0:
            rows.append(body[start : match.start()])
            start = match.end()
    return [*rows, body[start:]]

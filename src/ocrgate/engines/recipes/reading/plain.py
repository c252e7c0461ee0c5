"""The words of a line of Markdown or HTML, without its markup."""

import html
import re

_ESCAPE = re.compile(r"\\([\\`*_{}\[\]#+\-.!|<>~$])")
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_ELEMENT = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|center|cite|code|del|div|em|figcaption|figure|font|footer"
    r"|h[1-6]|header|hr|i|img|ins|kbd|label|li|mark|math|ol|p|page_number|pre|q|s|section|signature"
    r"|small|span|strike|strong|sub|sup|t[dhr]|table|tbody|tfoot|thead|tt|u|ul|watermark)"
    r"(?:\s[^<>=]{0,80}=[^<>]{0,500})?\s?/?>",
    re.IGNORECASE,
)
_LINK = re.compile(r"!?\[([^\[\]\n]*+)\]\(([^()\s]{0,500}+)(?: [^()\n]{0,200}+)?\)")
_EMPHASIS = (
    re.compile(r"\*\*\*(?=[^\s*])([^*\n]*[^\s*])\*\*\*"),
    re.compile(r"\*\*(?=[^\s*])([^*\n]*[^\s*])\*\*"),
    re.compile(r"(?<!\*)\*(?=[^\s*])([^*\n]*[^\s*])\*(?!\*)"),
    re.compile(r"(?<![^\W_])__(?=[^\s_])([^_\n]*[^\s_])__(?![^\W_])"),
    re.compile(r"(?<![^\W])_(?=[^\s_])([^_\n]*[^\s_])_(?![^\W])"),
    re.compile(r"~~(?=[^\s~])([^~\n]*[^\s~])~~"),
)
_OPENING = re.compile(r"\\\(|\$\$?|`")
_WINDOW = 2000  # characters in which a formula or a piece of code ends, if it is one


def plain(text: str) -> str:
    """One line as it is printed: markup, tags and entities gone, formulas as their LaTeX."""
    pieces: list[str] = []
    start = 0
    while opening := _OPENING.search(text, start):
        inner, end = _verbatim(text, opening.start())
        pieces.append(_words(text[start : opening.start()]))
        pieces.append(inner)
        start = end
    pieces.append(_words(text[start:]))
    return " ".join("".join(pieces).split())


def breaks(text: str) -> list[str]:
    """The parts of a text between line ends and ``<br>``."""
    return _BREAK.sub("\n", text).splitlines()


def _verbatim(text: str, start: int) -> tuple[str, int]:
    r"""What stands in ``\(…\)``, ``$…$`` or backticks at ``start``, and where it ends.

    A sign that opens nothing stands for itself. A dollar opens a formula only where no blank
    follows, and closes one only where no blank stands before it and no digit behind: prices stay.
    """
    opening = "\\(" if text[start] == "\\" else text[start]
    if text.startswith("$$", start):
        opening = "$$"
    closing = "\\)" if opening == "\\(" else opening
    inside = start + len(opening)
    if start and text[start - 1] == "\\":
        return opening, inside
    end = text.find(closing, inside, inside + _WINDOW)
    if end <= inside or (opening == "$" and not _is_formula(text, inside, end)):
        return opening, inside
    return text[inside:end].strip(), end + len(closing)


def _is_formula(text: str, start: int, end: int) -> bool:
    digit_behind = text[end + 1 : end + 2].isdigit()
    return not (text[start].isspace() or text[end - 1].isspace() or digit_behind)


def _words(text: str) -> str:
    """Text outside formulas and code."""
    if "<" in text:
        text = _ELEMENT.sub("", _BREAK.sub(" ", text))
    if "](" in text:
        text = _LINK.sub(r"\1", text)
    for emphasis in _EMPHASIS:
        if text.find("*") < 0 and text.find("_") < 0 and text.find("~~") < 0:
            break
        text = emphasis.sub(r"\1", text)
    if "\\" in text:
        text = _ESCAPE.sub(r"\1", text)
    return html.unescape(text) if "&" in text else text

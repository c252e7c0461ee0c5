"""DocTags (Granite-Docling): ``<text><loc_x1><loc_y1><loc_x2><loc_y2>words</text>``."""

import re
from collections.abc import Iterator
from dataclasses import replace

from ocrgate.domain.recognition import Block, BlockKind, Line, Polygon
from ocrgate.engines.recipes.reading import markdown
from ocrgate.engines.recipes.reading.layout import region
from ocrgate.engines.recipes.reading.place import Plane
from ocrgate.engines.recipes.reading.tables import otsl_html

_NAMES = (
    r"title|section_header_level_\d|text|paragraph|list_item|caption|footnote|page_header"
    r"|page_footer|formula|code|otsl|picture|chart|inline|checkbox_selected|checkbox_unselected"
)
_ELEMENT = re.compile(rf"<(/?)({_NAMES})>")
_PLACE = re.compile(r"\s*<loc_(\d{1,4})><loc_(\d{1,4})><loc_(\d{1,4})><loc_(\d{1,4})>")
_OTHER_TAG = re.compile(
    r"</?(?:doctag|unordered_list|ordered_list|page_break|loc_\d{1,4}|_[\w+#\-]{1,30}_|other|group"
    r"|[a-z_]{3,30}_chart|[a-z]{3,20}_table)>|<\|[a-z_]{1,30}\|>"
)
_TABLE_CAPTION = re.compile(
    r"(<otsl>(?:<loc_\d{1,4}>){0,4})(<caption>(?:<loc_\d{1,4}>){0,4}[^<]{0,2000}</caption>)"
)
_LABELS = {"otsl": "table", "chart": "chart", "picture": "figure", "formula": "formula"}


def tagged(text: str, plane: Plane) -> tuple[Block, ...]:
    """The elements of a page in their order; a text without any is read as Markdown."""
    text = _TABLE_CAPTION.sub(r"\2\1", text)
    marks = list(_ELEMENT.finditer(text))
    if not marks:
        return markdown.blocks(_OTHER_TAG.sub("", text))
    return tuple(_elements(text, marks, plane))


def _elements(text: str, marks: list[re.Match[str]], plane: Plane) -> Iterator[Block]:
    """Every opening tag with the text up to the next tag: what is nested stands for itself."""
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        if mark[1]:
            yield from markdown.paragraphs(_OTHER_TAG.sub("", text[mark.end() : end]))
            continue
        block = _element(mark[2], text[mark.end() : end], plane)
        if block is not None:
            yield block


def _element(name: str, content: str, plane: Plane) -> Block | None:
    found = _PLACE.match(content)
    polygon = plane.polygon([float(part) for part in found.groups()]) if found else None
    words = content[found.end() :] if found else content
    if name == "otsl":
        words = otsl_html(words) if "<" in words else words
    else:
        words = _OTHER_TAG.sub("", words).strip()
    if name in _LABELS:
        return region(_LABELS[name], words, polygon)
    return _written(name, words, polygon) if words else None


def _written(name: str, words: str, polygon: Polygon | None) -> Block:
    """Text that is text, whatever signs it holds: DocTags are not Markdown."""
    line = Line(" ".join(words.split()), polygon)
    block = Block((line,))
    if name == "title":
        return replace(block, kind=BlockKind.HEADING, level=1)
    if name.startswith("section_header_level_"):
        return replace(block, kind=BlockKind.HEADING, level=min(int(name[-1]) + 1, 6))
    if name == "code":
        return replace(markdown.fenced(words, ""), lines=(line,))
    return replace(block, markup=f"- {line.text}") if name == "list_item" else block

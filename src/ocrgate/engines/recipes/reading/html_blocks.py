"""HTML whose elements carry their place: ``<p data-bbox="x1 y1 x2 y2">``."""

import re
from collections.abc import Iterator

from ocrgate.domain.recognition import Block
from ocrgate.engines.recipes.reading import markdown
from ocrgate.engines.recipes.reading.layout import region
from ocrgate.engines.recipes.reading.place import Plane, numbers

_PLACED = re.compile(
    r"<(?P<name>[a-z][a-z0-9]{0,15})(?=[^<>]{0,1500}\bdata-bbox)(?P<attributes>[^<>]{0,2000})>",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\bdata-bbox\s?=\s?[\"']([^\"'<>]{0,100})[\"']", re.IGNORECASE)
_LABEL = re.compile(r"\b(?:data-label|class)\s?=\s?[\"']([^\"'<>]{0,60})[\"']", re.IGNORECASE)
_ALT = re.compile(r"\balt\s?=\s?[\"']([^\"'<>]{0,500})[\"']", re.IGNORECASE)
_ITEM = re.compile(r"<li\b[^<>]{0,2000}>", re.IGNORECASE)
_SHELL = re.compile(
    r"</?(?:!doctype|html|body|head|main|article|section|div|p|h[1-6]|ul|ol|li|figure|figcaption)"
    r"\b[^<>]{0,2000}>",
    re.IGNORECASE,
)
_STYLE = re.compile(r"<(style|script|title)\b[^<>]{0,300}>[^<]*+</\1>", re.IGNORECASE)
_CONTAINERS = frozenset({"body", "html", "div", "section", "article", "main", "ul", "ol"})
_NAMES = {"img": "figure", "table": "table", "figure": "figure", "svg": "figure"}


def placed(text: str, plane: Plane) -> tuple[Block, ...]:
    """The elements that carry a place, in order; what stands between them belongs to the one
    before. An answer without any is read as Markdown.
    """
    text = _STYLE.sub("", text) if "</" in text else text
    marks = list(_PLACED.finditer(text))
    if not marks:
        return markdown.blocks(text)
    return markdown.blocks(_bare(text[: marks[0].start()])) + tuple(_elements(text, marks, plane))


def _elements(text: str, marks: list[re.Match[str]], plane: Plane) -> Iterator[Block]:
    starts = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, starts, strict=True):
        attributes = mark["attributes"]
        content = text[mark.end() : end]
        block = _block(mark, content, plane)
        if block is not None and (_has_words(block) or not _is_container(mark, attributes)):
            yield block


def _block(mark: re.Match[str], content: str, plane: Plane) -> Block | None:
    name, attributes = mark["name"].lower(), mark["attributes"]
    place, label = _PLACE.search(attributes), _LABEL.search(attributes)
    if name == "table":
        content = f"<table>{content}"
    elif name in {"h1", "h2", "h3", "h4", "h5", "h6"}:
        content = f"{'#' * int(name[1])} {' '.join(_bare(content).split())}"
    elif name == "img":
        alt = _ALT.search(attributes)
        content = f"{alt[1] if alt else ''}\n\n{content}"
    polygon = plane.polygon(numbers(place[1])) if place else None
    return region(_NAMES.get(name, label[1] if label else ""), _bare(content), polygon)


def _bare(text: str) -> str:
    """The text without the elements that only arrange it; each begins a paragraph."""
    return _SHELL.sub("\n\n", _ITEM.sub("\n- ", text)).strip()


def _has_words(block: Block) -> bool:
    return any(line.text for line in block.lines)


def _is_container(mark: re.Match[str], attributes: str) -> bool:
    """An element around others: its words are theirs, unless a label says that it is something."""
    return mark["name"].lower() in _CONTAINERS and not _LABEL.search(attributes)

"""Regions of a page with their kinds: JSON, or HunyuanOCR's older ``<hy-meta>`` tags."""

import re
from collections.abc import Iterator

from ocrgate.domain.recognition import Block, BlockKind, Line, Polygon
from ocrgate.engines.recipes.reading import markdown
from ocrgate.engines.recipes.reading.loose_json import Object, items, loads, objects
from ocrgate.engines.recipes.reading.place import Plane, numbers, spread
from ocrgate.engines.recipes.reading.spotting import item_place, item_text

_KIND_KEYS = ("layout_type", "category", "type", "label")
_META = re.compile(r"<hy-meta>([^\x00]{0,400}?)(?:</hy-meta>|\Z)")
_META_KIND = re.compile(r"<layout>([^<>]{0,60})</layout>")
_META_PLACE = re.compile(r"<(?:quad|poly)>([^<>]{0,200})</(?:quad|poly)>")
_LABEL_KINDS = {
    "title": BlockKind.HEADING,
    "heading": BlockKind.HEADING,
    "table": BlockKind.TABLE,
    "figure": BlockKind.FIGURE,
    "picture": BlockKind.FIGURE,
    "image": BlockKind.FIGURE,
    "chart": BlockKind.CHART,
    "formula": BlockKind.FORMULA,
    "equation": BlockKind.FORMULA,
}
_TOP_LEVEL = frozenset({"title", "doc_title", "document_title"})
_CAPTIONS = frozenset(
    {"table_title", "figure_title", "chart_title", "table_of_contents", "table_caption"}
    | {"figure_caption", "image_caption", "chart_caption"}
)


def kind_of(label: str) -> tuple[BlockKind, int]:
    """The kind of block that a model's category is, and the level if it is a heading.

    The lists of categories are not closed: the last word that is known decides
    (``section_title``), and what is not known is a paragraph, as captions and running heads are.
    """
    name = label.strip().lower().replace("-", "_").replace(" ", "_")
    kinds = (_LABEL_KINDS.get(word) for word in reversed(name.split("_")))
    kind = next((kind for kind in kinds if kind), BlockKind.PARAGRAPH)
    if name in _CAPTIONS:
        kind = BlockKind.PARAGRAPH
    if name == "section_header":
        kind = BlockKind.HEADING
    return kind, 1 if name in _TOP_LEVEL else 2


def regions(text: str, plane: Plane) -> tuple[Block, ...]:
    """The regions of an answer in its order; none if it is neither JSON nor tagged."""
    if "<hy-meta>" in text:
        return tuple(_tagged(text, plane))
    listed = (item for raw in objects(text) for item in items(loads(raw)))
    return tuple(block for item in listed for block in _region(item, plane))


def region(label: str, text: str, polygon: Polygon | None) -> Block | None:
    """One region as a block; None where it has neither words nor a place.

    Its words may be Markdown, HTML or LaTeX. It stays one block, whatever they are, and its lines
    share the place.
    """
    kind, level = kind_of(label)
    if kind is BlockKind.FORMULA and text.strip() and "$$" not in text and "\\[" not in text:
        text = f"$$\n{text.strip().strip('$')}\n$$"
    parts = markdown.blocks(text)
    words = [line.text for part in parts for line in part.lines]
    if not words and polygon is None:
        return None
    markup = _markup(text, parts)
    if len(parts) == 1 and kind in {BlockKind.PARAGRAPH, parts[0].kind}:
        kind, level = parts[0].kind, parts[0].level
    if kind is BlockKind.HEADING and markup and not markup.startswith("#"):
        markup = f"{'#' * level} {' '.join(markup.split())}"
    lines = spread(words, polygon) if words else (Line("", polygon),)
    return Block(lines, kind, level if kind is BlockKind.HEADING else 1, markup)


def _markup(text: str, parts: tuple[Block, ...]) -> str | None:
    """The markup of a region: its only block's own, or all of what was written."""
    if len(parts) == 1:
        return parts[0].markup
    return text.strip() if len(parts) > 1 else None


def _region(item: Object, plane: Plane) -> Iterator[Block]:
    labels = (value for key in _KIND_KEYS if isinstance(value := item.get(key), str))
    block = region(next(labels, ""), item_text(item), item_place(item, plane))
    if block is not None:
        yield block


def _tagged(text: str, plane: Plane) -> Iterator[Block]:
    """Text, each before the ``<hy-meta>`` that tells its kind and place."""
    end = 0
    for meta in _META.finditer(text):
        label, place = _META_KIND.search(meta[1]), _META_PLACE.search(meta[1])
        polygon = plane.polygon(numbers(place[1])) if place else None
        block = region(label[1] if label else "", text[end : meta.start()], polygon)
        end = meta.end()
        if block is not None:
            yield block
    yield from markdown.blocks(text[end:])

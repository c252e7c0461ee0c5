"""DeepSeek-OCR's grounding: ``<|ref|>kind or text<|/ref|><|det|>[[x1, y1, x2, y2]]<|/det|>``.

In a document the reference names the kind of a region and its content follows; elsewhere it is the
text itself.
"""

import re
from collections.abc import Iterator

from ocrgate.domain.recognition import Block, Line, Polygon
from ocrgate.engines.recipes.reading import markdown
from ocrgate.engines.recipes.reading.layout import region
from ocrgate.engines.recipes.reading.place import Plane, numbers

_MARK = re.compile(
    r"<\|ref\|>([^<>|]{0,2000}+)<\|/ref\|>\s{0,4}<\|det\|>([\[\]\d,. ]{0,2000}+)(?:<\|/det\|>|\Z)"
)
_LEAKED = re.compile(r"<[|\uff5c]/?[\w\u2581/ ]{1,40}[|\uff5c]>")
_TYPES = frozenset(
    {"title", "sub_title", "text", "table", "table_caption", "table_footnote", "image", "figure"}
    | {"image_caption", "figure_title", "equation", "formula", "equation_block", "list", "header"}
    | {"footer", "page_number", "footnote", "code", "chart", "page_header", "page_footer"}
)


def without_special_tokens(text: str) -> str:
    """The answer without tokens of the chat template that it was asked not to leave out."""
    return _LEAKED.sub("", text) if "<" in text else text


def grounded(text: str, plane: Plane) -> tuple[Block, ...]:
    """The regions of an answer with grounding; its Markdown where it has none."""
    marks = list(_MARK.finditer(text))
    if not marks:
        return markdown.blocks(without_special_tokens(text))
    before = markdown.blocks(without_special_tokens(text[: marks[0].start()]))
    return before + tuple(_regions(text, marks, plane))


def _regions(text: str, marks: list[re.Match[str]], plane: Plane) -> Iterator[Block]:
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        label, content = mark[1].strip(), without_special_tokens(text[mark.end() : end])
        place = _first_box(mark[2], plane)
        if label.lower() in _TYPES:
            block = region(label, content, place)
            if block is not None:
                yield block
        elif label:
            yield Block((Line(" ".join(label.split()), place),))
            yield from markdown.blocks(content)


def _first_box(written: str, plane: Plane) -> Polygon | None:
    return plane.polygon(numbers(written)[:4])

"""Readers for the tasks that all families answer alike; families add those of their own forms."""

from dataclasses import replace

from ocrgate.domain.recognition import Block, BlockKind, PageRequest
from ocrgate.engines.recipes.answer import Geometry, Parsed, Reader
from ocrgate.engines.recipes.reading import fields, markdown, spotting
from ocrgate.engines.recipes.reading.layout import regions
from ocrgate.engines.recipes.reading.place import Plane
from ocrgate.engines.recipes.reading.segments import Kind, segments

_DIAGRAMS = (
    *("graph ", "flowchart ", "sequenceDiagram", "classDiagram", "stateDiagram", "pie\n"),
    *("erDiagram", "gantt\n", "mindmap\n", "xychart-", "timeline\n", "journey\n"),
)


def as_text(text: str, request: PageRequest, page: Geometry) -> Parsed:  # noqa: ARG001
    """Paragraphs and lines as they stand."""
    return Parsed(markdown.paragraphs(_unfenced(text)))


def as_markdown(text: str, request: PageRequest, page: Geometry) -> Parsed:  # noqa: ARG001
    """A document in Markdown."""
    return Parsed(markdown.blocks(text))


def as_formula(text: str, request: PageRequest, page: Geometry) -> Parsed:  # noqa: ARG001
    """LaTeX, with or without the signs around it."""
    text = _unfenced(text)
    parts = segments(text)
    if any(part.kind is Kind.FORMULA for part in parts):
        return Parsed(markdown.blocks(text))
    bare = text.strip().removeprefix("\\(").removesuffix("\\)").strip("$ \n")
    return Parsed((markdown.formula(bare),) if bare else ())


def as_chart(text: str, request: PageRequest, page: Geometry) -> Parsed:  # noqa: ARG001
    """Mermaid, in a fence or without, or a table of the values; both are the chart."""
    if text.lstrip().startswith(_DIAGRAMS):
        return Parsed((markdown.fenced(text.strip(), "mermaid"),))
    return Parsed(tuple(map(_charted, markdown.blocks(text))))


def as_fields(text: str, request: PageRequest, page: Geometry) -> Parsed:  # noqa: ARG001
    """A JSON object."""
    return fields.fields(text, request)


def as_lines(parts: int) -> Reader:
    """Lines with boxes whose sides count from 0 to ``parts``."""

    def reader(text: str, request: PageRequest, page: Geometry) -> Parsed:  # noqa: ARG001
        lines = spotting.spotted(text, Plane.parts(parts, page))
        return Parsed(tuple(Block((line,)) for line in lines))

    return reader


def as_regions(parts: int) -> Reader:
    """Regions with kinds and boxes whose sides count from 0 to ``parts``; else Markdown."""

    def reader(text: str, request: PageRequest, page: Geometry) -> Parsed:
        found = regions(text, Plane.parts(parts, page))
        return Parsed(found) if found else as_markdown(text, request, page)

    return reader


def _charted(block: Block) -> Block:
    is_chart = block.kind is BlockKind.TABLE or (block.markup or "").startswith("```")
    return replace(block, kind=BlockKind.CHART) if is_chart else block


def _unfenced(text: str) -> str:
    """The answer without a fence around all of it."""
    stripped = text.strip()
    first, newline, rest = stripped.partition("\n")
    if first.startswith("```") and newline and rest.endswith("```") and "`" not in first[3:]:
        return rest[:-3]
    return text

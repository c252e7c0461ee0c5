"""What comes out: text with places, page by page.

Coordinates are pixels of the source page as displayed, origin top left, x right, y down.
Polygons run clockwise from the text's own top-left corner.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Task(StrEnum):
    """What is asked of an engine."""

    TEXT = "text"
    MARKDOWN = "markdown"
    SPOTTING = "spotting"
    TABLE = "table"
    FORMULA = "formula"
    CHART = "chart"
    FIELDS = "fields"
    TRANSLATE = "translate"


class Quality(StrEnum):
    """How much work an engine may spend on a page."""

    FAST = "fast"
    AUTO = "auto"
    HIGH = "high"


class PageWarning(StrEnum):
    """What a caller should know about a page before trusting it."""

    LOW_CONFIDENCE = "low_confidence"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    REPETITION = "repetition"
    SCHEMA_MISMATCH = "schema_mismatch"  # the fields are not what the caller's schema asks for


class BlockKind(StrEnum):
    """What a block is, where the engine knows it; else ``PARAGRAPH``."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    TABLE = "table"
    FIGURE = "figure"
    FORMULA = "formula"
    CHART = "chart"


class Point(NamedTuple):
    """A place on the page, in pixels."""

    x: float
    y: float


Polygon = tuple[Point, ...]


class Box(NamedTuple):
    """An upright rectangle, ``x1 <= x2`` and ``y1 <= y2``, in pixels."""

    x1: float
    y1: float
    x2: float
    y2: float


def bounding_box(polygon: Polygon) -> Box:
    """The smallest upright rectangle around a polygon of at least one point."""
    xs = [point.x for point in polygon]
    ys = [point.y for point in polygon]
    return Box(min(xs), min(ys), max(xs), max(ys))


@dataclass(frozen=True, slots=True)
class Word:
    """A run of text without white space (for scripts without spaces: a short run of characters)."""

    text: str
    polygon: Polygon
    confidence: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text. ``polygon`` and ``confidence`` are None where the engine gives none."""

    text: str
    polygon: Polygon | None = None
    confidence: float | None = None
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, in reading order.

    ``level`` is a heading's depth (1 is the highest). ``markup`` is the engine's own Markdown or
    HTML for this block (a table, say) where it gave any.
    """

    lines: tuple[Line, ...]
    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 1
    markup: str | None = None


@dataclass(frozen=True, slots=True)
class PageReading:
    """One recognized page: blocks in reading order.

    ``rotation`` is the clockwise turn in degrees (0, 90, 180, 270) that makes the page upright;
    polygons stay in the page as displayed, not as turned. ``fields`` is the answer of the task of
    that name: a JSON object, None for every other task.
    """

    number: int
    width: int
    height: int
    blocks: tuple[Block, ...] = ()
    rotation: int = 0
    warnings: tuple[PageWarning, ...] = ()
    degraded: tuple[str, ...] = ()
    fields: Mapping[str, object] | None = None

    def lines(self) -> Iterator[Line]:
        """All lines in reading order."""
        for block in self.blocks:
            yield from block.lines

    def rows(self, block: Block) -> Iterator[tuple[Line, ...]]:
        """A block's lines, those together that stand side by side on the upright page."""
        row: list[Line] = []
        for line in block.lines:
            if row and not self._beside(row[-1], line):
                yield tuple(row)
                row = []
            row.append(line)
        if row:
            yield tuple(row)

    @property
    def text(self) -> str:
        """Rows joined by newlines (tabs between lines side by side), blocks by a blank line.

        Blocks without words, such as figures, leave nothing.
        """
        texts = (
            "\n".join("\t".join(line.text for line in row) for row in self.rows(block))
            for block in self.blocks
        )
        return "\n\n".join(text for text in texts if text)

    def _beside(self, left: Line, right: Line) -> bool:
        """Whether two lines share most of their height; lines that run down a page never do."""
        if left.polygon is None or right.polygon is None:
            return False
        (from_, to, flat), (start, end, level) = self._band(left.polygon), self._band(right.polygon)
        return (
            flat and level and min(to, end) - max(from_, start) > 0.5 * min(to - from_, end - start)
        )

    def _band(self, polygon: Polygon) -> tuple[float, float, bool]:
        """Where a line begins and ends across the reading direction, and whether it is level."""
        x1, y1, x2, y2 = bounding_box(polygon)
        if self.rotation % 180:
            return x1, x2, y2 - y1 >= x2 - x1
        return y1, y2, x2 - x1 >= y2 - y1


@dataclass(frozen=True, slots=True)
class Usage:
    """What it cost. Token counts are 0 for engines that have none.

    ``wasted_tokens`` are those of the ``output_tokens`` that were made and thrown away.
    """

    pages: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    wasted_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.pages + other.pages,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.wasted_tokens + other.wasted_tokens,
        )


@dataclass(frozen=True, slots=True)
class Recognition:
    """A recognized document: its pages in the order asked for."""

    pages: tuple[PageReading, ...]
    engine: str
    usage: Usage = field(default_factory=Usage)

    @property
    def text(self) -> str:
        """The text of all pages, separated by a form feed."""
        return "\f".join(page.text for page in self.pages)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What is asked for one page.

    Attributes:
        number: 1-based page of the document.
        task: what to read for.
        language: of the text, a hint.
        quality: how much work it is worth.
        keys: names of the fields wanted (task ``fields``).
        schema: JSON schema of the fields wanted, instead of ``keys``.
        target: language to translate into (task ``translate``): ``en`` or ``zh``.
        prompt: the caller's own words for the model instead of the recipe's, where allowed.
        max_tokens: most tokens to write; None leaves it to the recipe.
        live: the text is handed out while it is written, so that none of it can be taken back.
    """

    number: int = 1
    task: Task = Task.TEXT
    language: str | None = None
    quality: Quality = Quality.AUTO
    keys: tuple[str, ...] = ()
    schema: Mapping[str, object] | None = None
    target: str | None = None
    prompt: str | None = None
    max_tokens: int | None = None
    live: bool = False

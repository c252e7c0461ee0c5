"""What is known of a page when its answer is read, and what the reading gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ocrgate.domain.recognition import Block, PageRequest, PageWarning


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes in pixels: of the image as sent, and of the source page as displayed."""

    width: int
    height: int
    source_width: int
    source_height: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an answer says.

    Attributes:
        blocks: in the model's order, boxes in pixels of the source page.
        fields: the answer of task ``fields``, None for every other task.
        warnings: what a caller should know before trusting it.
    """

    blocks: tuple[Block, ...]
    fields: Mapping[str, object] | None = None
    warnings: tuple[PageWarning, ...] = ()


Reader = Callable[[str, PageRequest, Geometry], Parsed]
"""Reads the answer to one task. It never raises, whatever the model wrote."""

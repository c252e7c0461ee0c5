"""A recognition in the words of Mistral's OCR contract."""

import math
import statistics
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from msgspec import UNSET, UnsetType

from ocrgate.domain.document import DocumentInfo, MediaType
from ocrgate.domain.recognition import (
    Block,
    BlockKind,
    PageReading,
    Recognition,
    bounding_box,
)
from ocrgate.formats.markdown import markdown_alone
from ocrgate.wire.mistral import (
    Granularity,
    MistralBlock,
    MistralDimensions,
    MistralPage,
    MistralPageScores,
    MistralReply,
    MistralRequest,
    MistralUsage,
    MistralWordScore,
)

_SCREEN_DPI = 72  # what an image without a resolution is taken for
_KINDS: dict[BlockKind, Literal["title", "table"]] = {
    BlockKind.HEADING: "title",
    BlockKind.TABLE: "table",
}


def mistral_reply(
    recognition: Recognition, info: DocumentInfo, asked: MistralRequest, *, pdf_dpi: int
) -> MistralReply:
    """The reply of ``POST /v1/ocr``.

    Args:
        recognition: what was read.
        info: what probing found.
        asked: the request, for what to include.
        pdf_dpi: resolution at which pages of PDFs were drawn.
    """
    dpi = pdf_dpi if info.media is MediaType.PDF else _SCREEN_DPI
    return MistralReply(
        pages=[_page(page, asked, dpi) for page in recognition.pages],
        model=recognition.engine,
        usage_info=MistralUsage(len(recognition.pages), info.bytes),
    )


def _page(page: PageReading, asked: MistralRequest, dpi: int) -> MistralPage:
    markdown = markdown_alone(page)
    granularity = asked.confidence_scores_granularity
    return MistralPage(
        index=page.number - 1,
        markdown=markdown,
        dimensions=MistralDimensions(dpi=dpi, height=page.height, width=page.width),
        blocks=list(_blocks(page, granularity)) if asked.include_blocks else UNSET,
        confidence_scores=_scores(page, markdown, granularity) if granularity else UNSET,
    )


def _blocks(page: PageReading, granularity: Granularity | None) -> Iterator[MistralBlock]:
    """The blocks whose place is known, in reading order."""
    for block in page.blocks:
        corners = [point for line in block.lines for point in line.polygon or ()]
        if not corners:
            continue
        box = bounding_box(tuple(corners))
        yield MistralBlock(
            type=_KINDS.get(block.kind, "text"),
            top_left_x=max(0, math.floor(box.x1)),
            top_left_y=max(0, math.floor(box.y1)),
            bottom_right_x=math.ceil(box.x2),
            bottom_right_y=math.ceil(box.y2),
            content=markdown_alone(replace(page, blocks=(block,))),
            confidence_scores=_block_scores(block) if granularity == "block" else UNSET,
        )


def _block_scores(block: Block) -> dict[str, float] | UnsetType:
    known = [line.confidence for line in block.lines if line.confidence is not None]
    if not known:
        return UNSET
    return {
        "average_content_confidence_score": statistics.fmean(known),
        "minimum_content_confidence_score": min(known),
    }


def _scores(
    page: PageReading, markdown: str, granularity: Granularity
) -> MistralPageScores | UnsetType:
    known = [line.confidence for line in page.lines() if line.confidence is not None]
    if not known:
        return UNSET
    words = list(_word_scores(page, markdown)) if granularity == "word" else UNSET
    return MistralPageScores(statistics.fmean(known), min(known), words)


def _word_scores(page: PageReading, markdown: str) -> Iterator[MistralWordScore]:
    """Words in reading order; one that the Markdown spells otherwise (escaped) is left out."""
    reached = 0
    for word in (word for line in page.lines() for word in line.words):
        place = markdown.find(word.text, reached)
        if place >= 0:
            reached = place + len(word.text)
            yield MistralWordScore(word.text, word.confidence, place)

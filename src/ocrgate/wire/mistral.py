"""``POST /v1/ocr``: Mistral's OCR request and reply, as its official client sends and reads them.

Fields that the client may send and that are not here are skipped.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from ocrgate.wire.ocr import MOST_PAGES_TEXT

Granularity = Literal["page", "block", "word"]


class UrlHolder(Struct, frozen=True):
    """A URL in an object, the longer of two spellings."""

    url: str


class MistralDocument(Struct, frozen=True, kw_only=True):
    """The document, as a data URI under ``image_url`` or ``document_url``."""

    type: Literal["image_url", "document_url", "file"] | None = None
    image_url: str | UrlHolder | None = None
    document_url: str | None = None
    document_name: str | None = None
    file_id: str | None = None


class MistralRequest(Struct, frozen=True, kw_only=True):
    """What is asked. ``model`` is accepted and not looked at: one engine serves here."""

    document: MistralDocument
    model: str | None = None
    pages: (
        Annotated[
            Annotated[str, Meta(max_length=MOST_PAGES_TEXT)]
            | Annotated[list[Annotated[int, Meta(ge=0)]], Meta(max_length=MOST_PAGES_TEXT)],
            Meta(description="0-based, a list or a string such as 0-2,5."),
        ]
        | None
    ) = None
    include_blocks: bool | None = True
    confidence_scores_granularity: Granularity | None = None
    bbox_annotation_format: Any = None
    document_annotation_format: Any = None


class MistralDimensions(Struct, frozen=True):
    """Size of the page's picture in pixels."""

    dpi: int
    height: int
    width: int


class MistralBlock(Struct, frozen=True, kw_only=True):
    """A block and the upright rectangle around it, in whole pixels."""

    type: Literal["text", "title", "table", "image"]
    top_left_x: int
    top_left_y: int
    bottom_right_x: int
    bottom_right_y: int
    content: str
    confidence_scores: dict[str, float] | UnsetType = UNSET
    image_id: str | UnsetType = UNSET
    table_id: str | UnsetType = UNSET


class MistralWordScore(Struct, frozen=True):
    """Confidence of one word and where it starts in the page's Markdown."""

    text: str
    confidence: float
    start_index: int


class MistralPageScores(Struct, frozen=True):
    """Confidence of a page."""

    average_page_confidence_score: float
    minimum_page_confidence_score: float
    word_confidence_scores: list[MistralWordScore] | UnsetType = UNSET


class MistralPage(Struct, frozen=True, kw_only=True):
    """One page; ``index`` counts from 0."""

    index: Annotated[int, Meta(ge=0)]
    markdown: str
    dimensions: MistralDimensions
    images: list[Any] = field(default_factory=list)
    blocks: list[MistralBlock] | UnsetType = UNSET
    confidence_scores: MistralPageScores | UnsetType = UNSET


class MistralUsage(Struct, frozen=True):
    """What was read."""

    pages_processed: int
    doc_size_bytes: int


class MistralReply(Struct, frozen=True):
    """The answer."""

    pages: list[MistralPage]
    model: str
    usage_info: MistralUsage

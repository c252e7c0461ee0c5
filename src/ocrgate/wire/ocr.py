"""``POST /ocr``: what is asked and what is answered."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field

from ocrgate.domain.recognition import PageRequest, PageWarning, Quality, Task

Bbox = Annotated[
    tuple[float, float, float, float],
    Meta(description="x1, y1, x2, y2 in pixels of the source page, origin top left."),
]
OutputName = Annotated[
    str,
    Meta(
        description="How the answer is written: json, text, markdown, hocr, alto or pdf.",
        examples=["json"],
    ),
]

LEAST_SECONDS = 0.1
"""The shortest time worth asking for; less would only ever be answered with 504."""

MOST_PAGES_TEXT = 4096
"""Characters in which pages are named."""

MOST_PROMPT = 8000
"""Characters of a caller's own words."""


class OcrOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be asked beside the document; the same names in JSON, forms and the query."""

    task: (
        Annotated[
            Task,
            Meta(description="What to read for; without it what the format shows most of."),
        ]
        | None
    ) = None
    language: (
        Annotated[
            str,
            Meta(description="A hint such as en or zh; engines may ignore it.", max_length=35),
        ]
        | None
    ) = None
    pages: (
        Annotated[
            str,
            Meta(
                description="1-based pages and ranges; all without it.",
                max_length=MOST_PAGES_TEXT,
                examples=["1-3,7"],
            ),
        ]
        | None
    ) = None
    format: OutputName | None = None
    quality: Annotated[Quality, Meta(description="Work that may be spent on a page.")] = (
        Quality.AUTO
    )
    keys: (
        Annotated[
            list[Annotated[str, Meta(min_length=1, max_length=200)]],
            Meta(
                description="Names of the fields wanted (task fields).",
                min_length=1,
                max_length=100,
                examples=[["invoice_number", "total"]],
            ),
        ]
        | None
    ) = None
    schema: (
        Annotated[
            dict[str, Any],
            Meta(description="JSON schema of an object with the fields wanted, instead of keys."),
        ]
        | None
    ) = None
    target: (
        Annotated[
            str,
            Meta(
                description="Language to translate into, en or zh (task translate).", max_length=35
            ),
        ]
        | None
    ) = None
    prompt: (
        Annotated[
            str,
            Meta(
                description="Your own words for the model, on servers that allow it.",
                min_length=1,
                max_length=MOST_PROMPT,
            ),
        ]
        | None
    ) = None
    max_tokens: (
        Annotated[int, Meta(ge=1, description="Most tokens that a page may be written in.")] | None
    ) = None

    def asked(self, task: Task) -> PageRequest:
        """The same in the domain's words, less ``pages`` and ``format``.

        ``task`` is what to read for where none is named.
        """
        return PageRequest(
            task=self.task or task,
            language=self.language,
            quality=self.quality,
            keys=tuple(self.keys or ()),
            schema=self.schema,
            target=self.target,
            prompt=self.prompt,
            max_tokens=self.max_tokens,
        )


class OcrRequest(OcrOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The JSON form of a request."""

    image: Annotated[
        str,
        Meta(
            description="The image or PDF as base64, or as a data URI. URLs are not fetched.",
            examples=["data:image/png;base64,iVBORw0KGgo="],
        ),
    ]


class ResultLine(Struct, frozen=True):
    """One line of text and its place."""

    text: str
    bbox: Bbox | None
    polygon: (
        Annotated[
            list[tuple[float, float]],
            Meta(description="Corners, clockwise from the text's own top left."),
        ]
        | None
    )
    confidence: Annotated[float, Meta(ge=0, le=1)] | None
    page: Annotated[int, Meta(ge=1, description="1-based page of the source.")]


class PageReply(Struct, frozen=True):
    """One page: its text and what to know before trusting it."""

    index: Annotated[int, Meta(ge=1, description="1-based page of the source.")]
    text: str
    width: Annotated[int, Meta(ge=0, description="Pixels, as displayed.")]
    height: Annotated[int, Meta(ge=0, description="Pixels, as displayed.")]
    warnings: list[PageWarning] = field(default_factory=list)
    rotation: Annotated[int, Meta(description="Clockwise turn that makes the page upright.")] = 0
    degraded: list[str] = field(default_factory=list)
    fields: (
        Annotated[dict[str, Any], Meta(description="What was found (task fields only).")] | None
    ) = None


class UsageReply(Struct, frozen=True):
    """What it cost. Token counts are 0 for engines that have none."""

    pages: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class OcrReply(Struct, frozen=True):
    """The JSON answer of ``POST /ocr``."""

    text: str
    results: list[ResultLine]
    pages: list[PageReply]
    engine: str
    usage: UsageReply
    request_id: str | UnsetType = UNSET

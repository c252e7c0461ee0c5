"""``/v1/chat/completions`` and ``/v1/models``: the part of OpenAI's contract that reading needs.

The request lists what is looked at and nothing else: every other field a client sends is skipped
while decoding, so that none can reach an engine.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from ocrgate.domain.recognition import PageWarning


class ImageUrl(Struct, frozen=True):
    """The image as a data URI. ``detail`` is accepted and not looked at."""

    url: str
    detail: str | None = None


class FilePart(Struct, frozen=True):
    """A document as a data URI."""

    file_data: str | None = None
    filename: str | None = None
    file_id: str | None = None


class ContentPart(Struct, frozen=True, kw_only=True):
    """One part of a message."""

    type: str
    text: str | None = None
    image_url: ImageUrl | str | None = None
    file: FilePart | None = None


class ChatMessage(Struct, frozen=True, kw_only=True):
    """One message of the conversation."""

    role: str
    content: str | list[ContentPart] | None = None


class StreamOptions(Struct, frozen=True):
    """How to stream."""

    include_usage: bool | None = None


class JsonSchema(Struct, frozen=True):
    """A JSON schema under a name."""

    name: str = ""
    schema: dict[str, Any] | None = None


class ResponseFormat(Struct, frozen=True):
    """What the answer is to look like. With ``json_schema`` the fields of it are looked for."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: JsonSchema | None = None


class ChatRequest(Struct, frozen=True, kw_only=True):
    """The fields that are looked at."""

    messages: Annotated[list[ChatMessage], Meta(min_length=1)]
    model: str | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    response_format: ResponseFormat | None = None


FinishReason = Literal["stop", "length"]


class ChatUsage(Struct, frozen=True):
    """Tokens; 0 for engines that have none."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AssistantMessage(Struct, frozen=True):
    """The text that was read."""

    content: str
    role: Literal["assistant"] = "assistant"
    refusal: str | None = None


class ChatChoice(Struct, frozen=True):
    """The one answer."""

    message: AssistantMessage
    finish_reason: FinishReason
    index: int = 0
    logprobs: None = None


class ChatCompletion(Struct, frozen=True, kw_only=True):
    """A whole answer. ``warnings`` and ``degraded`` are ours: what to know before trusting it, and
    what its pages got less of under pressure, each once.
    """

    id: str
    created: Annotated[int, Meta(description="Unix time in seconds.")]
    model: str
    choices: list[ChatChoice]
    usage: ChatUsage
    warnings: list[PageWarning] = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)
    object: Literal["chat.completion"] = "chat.completion"


class Delta(Struct, frozen=True, omit_defaults=True):
    """What a chunk adds."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoice(Struct, frozen=True):
    """The one answer, a piece of it."""

    delta: Delta
    finish_reason: FinishReason | None = None
    index: int = 0


class ChatChunk(Struct, frozen=True, kw_only=True):
    """One event of a streamed answer. ``usage`` is null but in the last, and only when asked.

    ``warnings`` and ``degraded`` stand beside ``finish_reason``, where there are any.
    """

    id: str
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: ChatUsage | UnsetType | None = UNSET
    warnings: list[PageWarning] | UnsetType = UNSET
    degraded: list[str] | UnsetType = UNSET
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"


class ModelCapabilities(Struct, frozen=True):
    """What Mistral's client asks of a model."""

    completion_chat: bool = True
    vision: bool = True
    ocr: bool = True


class Model(Struct, frozen=True):
    """An engine under the name by which it is asked for.

    ``type`` and ``capabilities`` are for Mistral's client, which has the same route and cannot read
    a model without them.
    """

    id: str
    created: int = 0
    object: Literal["model"] = "model"
    owned_by: str = "ocrgate"
    type: Literal["base"] = "base"
    capabilities: ModelCapabilities = ModelCapabilities()


class ModelList(Struct, frozen=True):
    """All of them."""

    data: list[Model] = field(default_factory=list)
    object: Literal["list"] = "list"

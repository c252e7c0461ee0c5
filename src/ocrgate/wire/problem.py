"""How errors travel: problem details (RFC 9457), and the envelopes of two other contracts."""

from typing import Annotated

from msgspec import Meta, Struct


class Problem(Struct, frozen=True, omit_defaults=True):
    """``application/problem+json`` (RFC 9457) with the members that a program decides on."""

    type: Annotated[str, Meta(description="Names the kind of problem; relative to this server.")]
    title: str
    status: int
    detail: str
    instance: Annotated[str, Meta(description="The request id, as urn:ocrgate:request:ID.")]
    code: Annotated[str, Meta(description="Stable name of the error.")]
    retryable: Annotated[bool | None, Meta(description="Whether the same request may succeed.")] = (
        None
    )
    retry_after: Annotated[float | None, Meta(description="Seconds.")] = None
    field: Annotated[str | None, Meta(description="The input at fault.")] = None
    limit: Annotated[str | None, Meta(description="The bound that was passed.")] = None
    where: Annotated[str | None, Meta(description="Where time ran out: queue or engine.")] = None


class OpenAIErrorBody(Struct, frozen=True):
    """The inside of OpenAI's envelope."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAIError(Struct, frozen=True):
    """OpenAI's error envelope, as its official client reads it."""

    error: OpenAIErrorBody


class MistralInvalid(Struct, frozen=True):
    """One entry of the list in which Mistral's contract names an input at fault."""

    loc: list[str]
    msg: str
    type: str


class MistralError(Struct, frozen=True, omit_defaults=True):
    """Mistral's error body; ``detail`` is there when an input is at fault."""

    object: str
    message: str
    type: str
    code: str
    request_id: str
    param: str | None = None
    detail: list[MistralInvalid] | None = None

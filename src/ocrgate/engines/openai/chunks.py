"""Chat completion chunks: only what is needed of each, decoded straight from the event's bytes."""

from typing import Annotated

import msgspec

from ocrgate.engines.openai.faults import UNREADABLE, GarbledOutput

DONE = b"[DONE]"


class Delta(msgspec.Struct):
    """What a chunk adds to the message."""

    content: str | None = None


class Choice(msgspec.Struct):
    """One of the completions; there is only one."""

    delta: Delta | None = None
    finish_reason: str | None = None


_Count = Annotated[int, msgspec.Meta(ge=0, le=2**40)]  # what else is told is no count


class TokenCount(msgspec.Struct):
    """Tokens so far, or in all when it comes last."""

    prompt_tokens: _Count | None = 0
    completion_tokens: _Count | None = 0


class Chunk(msgspec.Struct):
    """One event of a streamed chat completion. ``error`` stands where the server gave up."""

    choices: list[Choice] | None = None
    usage: TokenCount | None = None
    error: object = None

    @property
    def text(self) -> str:
        """The text that this chunk adds."""
        delta = self.choices[0].delta if self.choices else None
        return (delta.content or "") if delta else ""


_decode = msgspec.json.Decoder(Chunk).decode


def decode_chunk(event: bytes) -> Chunk:
    """Read one event.

    Raises:
        GarbledOutput: it is no JSON of that shape.
    """
    try:
        return _decode(event)
    except UNREADABLE as error:
        shown = event[:80].decode(errors="replace")
        raise GarbledOutput(f"the engine's stream holds {shown!r}: {error}") from error

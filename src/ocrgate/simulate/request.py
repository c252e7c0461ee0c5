"""What goes into the engine, and what comes out of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

RequestId = int | str
Refusal = Literal["busy", "too_long", "image_too_large", "dead"]


class Reason(StrEnum):
    """Why an answer ended; vLLM's words for it."""

    STOP = "stop"
    LENGTH = "length"
    ABORT = "abort"
    ERROR = "error"
    REPETITION = "repetition"


@dataclass(frozen=True, slots=True)
class Request:
    """One page for the engine.

    Attributes:
        id: unique among those under way.
        input_tokens: tokens of the prompt, those of the image among them.
        output_tokens: how long the text is that the model would write if nothing cut it.
        max_tokens: where the caller wants it cut.
        image_tokens: tokens of the image; the encoder works on four patches for each.
        image_pixels: width times height of the picture as sent, for its decoding and resizing.
        loops_at: the token from which the model repeats itself for ever; None when it does not.
        loop_guard: repeated tokens after which the engine's own guard ends a loop; None without.
        progress_every: tokens between two :class:`Progress` events; 0 for none.
        text_before: tokens of the prompt before the image.
    """

    id: RequestId
    input_tokens: int
    output_tokens: int
    max_tokens: int
    image_tokens: int = 0
    image_pixels: int = 0
    loops_at: int | None = None
    loop_guard: int | None = None
    progress_every: int = 0
    text_before: int = 0

    def ending(self, room: int) -> tuple[int, Reason]:
        """Tokens that will be written and why no more, when ``room`` tokens fit at most."""
        ends = [(min(self.max_tokens, room), Reason.LENGTH)]
        if self.loops_at is None:
            ends.append((self.output_tokens, Reason.STOP))
        elif self.loop_guard is not None:
            ends.append((self.loops_at + self.loop_guard, Reason.REPETITION))
        tokens, reason = min(ends, key=lambda end: end[0])
        if reason is Reason.LENGTH and ends[-1] == (tokens, Reason.STOP):
            reason = Reason.STOP  # the end of the text at the very last token allowed
        return max(1, tokens), reason


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened at ``at`` (virtual seconds)."""

    at: float


@dataclass(frozen=True, slots=True)
class FirstToken(Event):
    """The prompt is computed and the first token is there."""

    id: RequestId


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """``tokens`` are written so far."""

    id: RequestId
    tokens: int


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """An answer ended, well or not.

    Attributes:
        reason: why.
        tokens: how many were written.
        preemptions: how often it was thrown out of the batch.
        submitted: when it came.
        queued: when its image was prepared and it entered the engine's queue; None before.
        scheduled: when it was first put into the batch; None before.
        first_token: when that was there; None before.
    """

    id: RequestId
    reason: Reason
    tokens: int
    preemptions: int
    submitted: float
    queued: float | None
    scheduled: float | None
    first_token: float | None


@dataclass(frozen=True, slots=True)
class Preempted(Event):
    """Thrown out of the batch for lack of KV blocks; ``tokens`` of KV have to be computed again."""

    id: RequestId
    tokens: int


@dataclass(frozen=True, slots=True)
class Rejected(Event):
    """Not taken, nothing was computed (though an image may have been decoded)."""

    id: RequestId
    why: Refusal


@dataclass(frozen=True, slots=True)
class Died(Event):
    """The engine is gone, and with it all that was under way."""

    why: str


@dataclass(frozen=True, slots=True)
class Started(Event):
    """The engine serves again."""

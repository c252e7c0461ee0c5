"""What one attempt at a page has brought so far. Pure: chunks in, text and numbers out."""

from typing import Literal

from ocrgate.engines.openai.chunks import Chunk
from ocrgate.engines.openai.loops import LoopWatch, trimmed

End = Literal["open", "stop", "length", "loop", "other"]

_SPARE_TOKENS = 64
_SPARE_CHUNKS = 1024
_CHARACTERS = 64  # of one token, at most, over a whole answer


class Transcript:
    """One attempt's text, and how it ended.

    Args:
        max_tokens: what the server was asked for at most; a server that ignores it is cut off.

    Attributes:
        chunks: events that carried a choice, so signs of life, texts or not.
        end: ``open`` while it runs; ``stop``; ``length``; ``loop`` for runaway repetition, seen
            by us or by the server; ``other`` for a reason that is no clean end.
        reason: the server's own word for the end.
        tokens: output tokens, counted by the server where it tells, else one per piece.
        input_tokens: of the prompt, 0 where the server does not tell.
    """

    __slots__ = (
        "_characters",
        "_max_tokens",
        "_pieces",
        "_watch",
        "chunks",
        "end",
        "input_tokens",
        "reason",
        "tokens",
    )

    def __init__(self, max_tokens: int) -> None:
        self._pieces: list[str] = []
        self._watch = LoopWatch()
        self._max_tokens = max_tokens
        self.chunks = 0
        self._characters = 0
        self.end: End = "open"
        self.reason = ""
        self.tokens = 0
        self.input_tokens = 0

    @property
    def begun(self) -> bool:
        """Whether the model has written anything."""
        return self.tokens > 0

    @property
    def is_cut(self) -> bool:
        """Whether it was ended by us, while the server would go on."""
        return self.end in {"loop", "length"} and not self.reason

    @property
    def text(self) -> str:
        """Everything that was written."""
        return "".join(self._pieces)

    @property
    def kept(self) -> str:
        """The text without the repeats of a loop at its end."""
        return trimmed(self.text, self._watch.period) if self.end == "loop" else self.text

    def add(self, chunk: Chunk) -> str:
        """Take a chunk; what it adds to the text. Chunks after the end add numbers only."""
        text = "" if self.end != "open" else chunk.text
        if chunk.choices:
            self.chunks += 1
            if text:
                self._write(text)
            if (reason := chunk.choices[0].finish_reason) and self.end == "open":
                self._finish(reason)
        if chunk.usage is not None:
            self.input_tokens = chunk.usage.prompt_tokens or self.input_tokens
            self.tokens = chunk.usage.completion_tokens or self.tokens
        if self.end == "open" and self._is_too_long():
            self.end = "length"
        return text

    def _write(self, text: str) -> None:
        self._pieces.append(text)
        self._characters += len(text)
        self.tokens += 1
        if self._watch.feed(text):
            self.end = "loop"

    def _finish(self, reason: str) -> None:
        self.reason = reason
        known: dict[str, End] = {"stop": "stop", "length": "length", "repetition": "loop"}
        self.end = known.get(reason, "other")

    def _is_too_long(self) -> bool:
        return (
            self.tokens > self._max_tokens + _SPARE_TOKENS
            or self.chunks > self._max_tokens + _SPARE_CHUNKS
            or self._characters > _CHARACTERS * (self._max_tokens + _SPARE_CHUNKS)
        )

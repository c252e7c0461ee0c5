"""A recognition in the words of OpenAI's chat completions."""

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET, UnsetType

from ocrgate.domain.recognition import PageReading, PageWarning, Recognition, Usage
from ocrgate.errors import OcrgateError
from ocrgate.gateway.exchange import Exchange
from ocrgate.gateway.problem import openai_error
from ocrgate.gateway.sse import data
from ocrgate.runtime.recognizer import PageResult
from ocrgate.wire.openai import (
    AssistantMessage,
    ChatChoice,
    ChatChunk,
    ChatCompletion,
    ChatUsage,
    ChunkChoice,
    Delta,
    FinishReason,
)

PAGE_BREAK = "\n\n"
_encode = msgspec.json.Encoder().encode


def completion(recognition: Recognition, request_id: str) -> ChatCompletion:
    """The whole answer. Between pages stands a blank line."""
    text = PAGE_BREAK.join(page.text for page in recognition.pages)
    return ChatCompletion(
        id=completion_id(request_id),
        created=int(time.time()),
        model=recognition.engine,
        choices=[ChatChoice(AssistantMessage(text), finish_reason(recognition.pages))],
        usage=chat_usage(recognition.usage),
    )


def completion_id(request_id: str) -> str:
    """The id of an answer; the request id is in it."""
    return f"chatcmpl-{request_id}"


def finish_reason(pages: tuple[PageReading, ...]) -> FinishReason:
    """``length`` when a page was cut off."""
    cut = any(PageWarning.TRUNCATED in page.warnings for page in pages)
    return "length" if cut else "stop"


def chat_usage(usage: Usage) -> ChatUsage:
    """Tokens; 0 for engines that have none."""
    total = usage.input_tokens + usage.output_tokens
    return ChatUsage(usage.input_tokens, usage.output_tokens, total)


def failed(exchange: Exchange, error: OcrgateError) -> bytes:
    """The event that tells of an error after the answer has begun."""
    exchange.error = error.code
    return data(_encode(openai_error(error)))


@dataclass(slots=True)
class Chunks:
    """The same answer piece by piece: a line at a time, as pages are done.

    Attributes:
        id: of the answer.
        model: that answers.
        with_usage: whether a last chunk tells the tokens.
    """

    id: str
    model: str
    with_usage: bool
    created: int = field(default_factory=lambda: int(time.time()))

    async def events(self, pages: AsyncGenerator[PageResult, None]) -> AsyncGenerator[bytes, None]:
        """Encoded events, several of them together where they are known together."""
        usage, first, finish = Usage(), True, "stop"
        async with aclosing(pages):
            async for page in pages:
                yield b"".join(self._page(page.reading, first=first))
                usage, first = usage + page.usage, False
                finish = finish_reason((page.reading,)) if finish == "stop" else finish
        yield b"".join(self._end(usage, "length" if finish == "length" else "stop"))

    def _page(self, page: PageReading, *, first: bool) -> Iterator[bytes]:
        if first:
            yield self._chunk(Delta(role="assistant", content=""))
        else:
            yield self._chunk(Delta(content=PAGE_BREAK))
        for line in page.text.splitlines(keepends=True):
            yield self._chunk(Delta(content=line))

    def _end(self, usage: Usage, finish: FinishReason) -> Iterator[bytes]:
        yield self._chunk(Delta(), finish)
        if self.with_usage:
            yield self._event([], chat_usage(usage))
        yield data(b"[DONE]")

    def _chunk(self, delta: Delta, finish: FinishReason | None = None) -> bytes:
        return self._event([ChunkChoice(delta, finish)], None if self.with_usage else UNSET)

    def _event(self, choices: list[ChunkChoice], usage: ChatUsage | UnsetType | None) -> bytes:
        chunk = ChatChunk(
            id=self.id, created=self.created, model=self.model, choices=choices, usage=usage
        )
        return data(_encode(chunk))

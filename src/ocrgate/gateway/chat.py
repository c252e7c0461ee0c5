"""A recognition in the words of OpenAI's chat completions."""

import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET, UnsetType

from ocrgate.domain.recognition import PageReading, PageWarning, Recognition, Usage
from ocrgate.errors import OcrgateError
from ocrgate.formats.markdown import markdown_alone
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

_CUT = frozenset({PageWarning.TRUNCATED, PageWarning.REPETITION})
PAGE_BREAK = "\n\n"
_encode = msgspec.json.Encoder().encode


def completion(recognition: Recognition, request_id: str) -> ChatCompletion:
    """The whole answer. Between pages stands a blank line."""
    text = PAGE_BREAK.join(content(page) for page in recognition.pages)
    return ChatCompletion(
        id=completion_id(request_id),
        created=int(time.time()),
        model=recognition.engine,
        choices=[ChatChoice(AssistantMessage(text), finish_reason(recognition.pages))],
        usage=chat_usage(recognition.usage),
        warnings=warnings_of(recognition.pages),
        degraded=degraded_of(recognition.pages),
    )


def content(page: PageReading) -> str:
    """What is answered for one page: its fields as JSON, its Markdown where the engine wrote
    mark-up, else its text.
    """
    if page.fields is not None:
        return _encode(page.fields).decode()
    if any(block.markup is not None for block in page.blocks):
        return markdown_alone(page)
    return page.text


def completion_id(request_id: str) -> str:
    """The id of an answer; the request id is in it."""
    return f"chatcmpl-{request_id}"


def finish_reason(pages: tuple[PageReading, ...]) -> FinishReason:
    """``length`` when a page was cut off, be it since the model went in circles."""
    return "length" if _CUT.intersection(warnings_of(pages)) else "stop"


def warnings_of(pages: Iterable[PageReading]) -> list[PageWarning]:
    """What to know of the pages, each once."""
    return list(dict.fromkeys(warning for page in pages for warning in page.warnings))


def degraded_of(pages: Iterable[PageReading]) -> list[str]:
    """What the pages got less of, each once."""
    return list(dict.fromkeys(rung for page in pages for rung in page.degraded))


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
    """The same answer piece by piece: text as it comes, and a line at a time of pages that came
    whole.

    Attributes:
        id: of the answer.
        model: that answers.
        with_usage: whether a last chunk tells the tokens.
    """

    id: str
    model: str
    with_usage: bool
    created: int = field(default_factory=lambda: int(time.time()))

    async def events(
        self, told: AsyncGenerator[str | PageResult, None]
    ) -> AsyncGenerator[bytes, None]:
        """Encoded events, several of them together where they are known together.

        Args:
            told: text of a page, in pieces, and then that page; of some only the page.
        """
        pages, begun = list[PageResult](), False
        async with aclosing(told):
            async for item in told:
                opening = () if begun else self._opening(first=not pages)
                if isinstance(item, str):
                    yield b"".join((*opening, self._chunk(Delta(content=item))))
                    begun = True
                    continue
                yield b"".join((*opening, *(() if begun else self._whole(item.reading))))
                begun = False
                pages.append(item)
        yield b"".join(self._end(pages))

    def _opening(self, *, first: bool) -> Iterator[bytes]:
        opening = Delta(role="assistant", content="") if first else Delta(content=PAGE_BREAK)
        yield self._chunk(opening)

    def _whole(self, page: PageReading) -> Iterator[bytes]:
        for line in content(page).splitlines(keepends=True):
            yield self._chunk(Delta(content=line))

    def _end(self, pages: Sequence[PageResult]) -> Iterator[bytes]:
        readings = tuple(page.reading for page in pages)
        last = [ChunkChoice(Delta(), finish_reason(readings))]
        yield self._event(last, self._no_usage, readings)
        if self.with_usage:
            yield self._event([], chat_usage(sum((page.usage for page in pages), Usage())))
        yield data(b"[DONE]")

    def _chunk(self, delta: Delta) -> bytes:
        return self._event([ChunkChoice(delta)], self._no_usage)

    @property
    def _no_usage(self) -> UnsetType | None:
        return None if self.with_usage else UNSET

    def _event(
        self,
        choices: list[ChunkChoice],
        usage: ChatUsage | UnsetType | None,
        told: Sequence[PageReading] = (),
    ) -> bytes:
        chunk = ChatChunk(
            id=self.id,
            created=self.created,
            model=self.model,
            choices=choices,
            usage=usage,
            warnings=(told and warnings_of(told)) or UNSET,
            degraded=(told and degraded_of(told)) or UNSET,
        )
        return data(_encode(chunk))

"""What the server does with a request for a chat completion."""

import asyncio
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ocrgate.testing.faulty.wire import Received, Wire

_STREAM: Mapping[str, str] = {"content-type": "text/event-stream; charset=utf-8"}
_DONE = b"data: [DONE]\n\n"


class Script(Protocol):
    """How one request is answered."""

    @property
    def reads_body(self) -> bool:
        """Whether the request's body is read first. If not, it is left lying for
        :data:`~.server.IDLE` seconds and then passed over.
        """

    async def play(self, wire: Wire, received: Received) -> None:
        """Write the answer.

        Raises:
            ClientLeft: the client does not want it any more.
        """


@dataclass(frozen=True)
class Talk:
    """A streamed completion, whole or broken off.

    Attributes:
        pieces: the texts of its chunks; a text alone is one chunk per word.
        first: seconds before the first chunk.
        delay: seconds before each further one.
        finish: ``finish_reason`` of the last chunk; None sends no such chunk.
        done: whether ``[DONE]`` is sent.
        usage: whether a last chunk counts the tokens, where the request asks for it.
        running_usage: whether every chunk counts them, where the request asks for it.
        prompt_tokens: counted for the prompt.
        error: an error object sent instead of the end.
        after: what happens after the last piece: the end as described; ``hang``: nothing more, with
            the connection open; ``reset``: the connection is dropped; ``cut``: it is closed in the
            middle of a chunk; ``close``: the body ends without any of the above.
        comments: SSE comments sent before each chunk, as servers do to keep proxies awake.
        split: bytes per write; 0 writes each event whole. 1 cuts every character in two.
        together: events per write.
        crlf: end lines in CRLF.
    """

    pieces: str | Iterable[str] = "Hello from the page"
    first: float = 0.0
    delay: float = 0.0
    finish: str | None = "stop"
    done: bool = True
    usage: bool = True
    running_usage: bool = True
    prompt_tokens: int = 100
    error: Mapping[str, object] | None = None
    after: Literal["end", "hang", "reset", "cut", "close"] = "end"
    comments: int = 0
    split: int = 0
    together: int = 1
    crlf: bool = False
    reads_body: bool = True

    async def play(self, wire: Wire, received: Received) -> None:
        """Stream the pieces, then end as told."""
        await asyncio.sleep(self.first)
        await wire.start(200, _STREAM)
        options = received.json.get("stream_options") or {}
        count = 0
        batch: list[bytes] = [_chunk({"role": "assistant", "content": ""})]
        for count, piece in enumerate(self._texts(), start=1):
            running = self.running_usage and options.get("continuous_usage_stats")
            batch.append(_chunk({"content": piece}, tokens=self._count(count, bool(running))))
            if len(batch) >= self.together:
                await self._write(wire, batch)
        await self._write(wire, batch)
        await self._end(wire, count, with_usage=self.usage and bool(options.get("include_usage")))

    def _texts(self) -> Iterable[str]:
        if not isinstance(self.pieces, str):
            return self.pieces
        words = self.pieces.split(" ")
        return [*(f"{word} " for word in words[:-1]), words[-1]]

    def _count(self, tokens: int, wanted: bool) -> Mapping[str, int] | None:
        return (
            {"prompt_tokens": self.prompt_tokens, "completion_tokens": tokens} if wanted else None
        )

    async def _write(self, wire: Wire, batch: list[bytes]) -> None:
        if not batch:
            return
        data = b": ping\n\n" * self.comments + b"".join(batch)
        batch.clear()
        if self.crlf:
            data = data.replace(b"\n", b"\r\n")
        step = self.split or len(data)
        for start in range(0, len(data), step):
            await wire.chunk(data[start : start + step])
            if self.split:
                await asyncio.sleep(0)  # else the pieces would travel together
        if self.delay:
            await asyncio.sleep(self.delay)

    async def _end(self, wire: Wire, tokens: int, *, with_usage: bool) -> None:
        if self.after == "hang":
            await asyncio.Event().wait()
        if self.after == "reset":
            wire.reset()
            return
        if self.after == "cut":
            await wire.raw(b'40\r\ndata: {"choices":[{"delta":{"con')
            await wire.close()
            return
        if self.after == "end":
            await self._write(wire, self._last_events(tokens, with_usage))
        await wire.end()

    def _last_events(self, tokens: int, with_usage: bool) -> list[bytes]:
        if self.error is not None:
            last = [b"data: " + json.dumps({"error": dict(self.error)}).encode() + b"\n\n"]
        else:
            last = [_chunk({}, finish=self.finish)] if self.finish else []
        if with_usage and self.error is None:
            last.append(_event({"choices": [], "usage": self._count(tokens, wanted=True)}))
        return [*last, *([_DONE] if self.done else [])]


def endless(unit: str, *, before: str = "") -> Iterator[str]:
    """The pieces of an answer that never ends: ``unit`` over and over."""
    return itertools.chain([before] if before else [], itertools.repeat(unit))


@dataclass(frozen=True)
class Refuse:
    """An answer that is no stream.

    Attributes:
        code: its HTTP status.
        body: a text, or what is written as JSON.
        content_type: of the body.
        headers: further ones.
        first: seconds before it.
    """

    code: int
    body: str | Mapping[str, object] = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    first: float = 0.0
    reads_body: bool = True

    async def play(self, wire: Wire, received: Received) -> None:  # noqa: ARG002 - the same to all
        """Write it."""
        await asyncio.sleep(self.first)
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        data = text.encode()
        headers = {"content-type": self.content_type, **self.headers}
        await wire.start(self.code, headers, length=len(data))
        await wire.raw(data)


@dataclass(frozen=True)
class Raw:
    """Bytes of a chunked body as they are: garbage, endless lines, half an event.

    Attributes:
        chunks: written one by one.
        content_type: of the body.
        verbatim: write the chunks in place of the whole answer, its head included.
        pause: seconds after each chunk.
    """

    chunks: Iterable[bytes] | Sequence[bytes] = ()
    content_type: str = "text/event-stream"
    verbatim: bool = False
    pause: float = 0.0
    reads_body: bool = True

    async def play(self, wire: Wire, received: Received) -> None:  # noqa: ARG002 - the same to all
        """Write them."""
        if self.verbatim:
            for chunk in self.chunks:
                await wire.raw(chunk)
            await wire.close()
            return
        await wire.start(200, {"content-type": self.content_type})
        for chunk in self.chunks:
            await wire.chunk(chunk)
            if self.pause:
                await asyncio.sleep(self.pause)
        await wire.end()


@dataclass(frozen=True)
class Mute:
    """Nothing at all: no answer, and if so told not even a look at the body."""

    reads_body: bool = True

    async def play(self, wire: Wire, received: Received) -> None:  # noqa: ARG002 - says nothing
        """Wait until the client has enough."""
        await asyncio.Event().wait()


def _event(value: Mapping[str, object]) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _chunk(
    delta: Mapping[str, str], *, finish: str | None = None, tokens: Mapping[str, int] | None = None
) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    head = {"id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 0}
    usage = {} if tokens is None else {"usage": tokens}
    return _event({**head, "model": "scripted", "choices": [choice], **usage})

"""What servers answer, brought to one form: text, tokens, and what to know before trusting it."""

import email.utils
import re
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

import msgspec

from ocrgate.errors import leaves
from ocrgate.load.link import Exchange
from ocrgate.load.record import OK, UNREADABLE

_CODES = frozenset(error.code for error in leaves())
_LONGEST_WORDS = 300  # characters of what a server said that are kept


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``pages`` is 0 where the server does not say."""

    text: str = ""
    pages: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    warnings: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()


class Unreadable(Exception):
    """A good status with a body that is no answer."""


class _Page(msgspec.Struct):
    text: str = ""
    warnings: list[str] = []
    degraded: list[str] = []


_Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]  # a record holds no more


class _Usage(msgspec.Struct):
    pages: _Count = 0
    input_tokens: _Count = 0
    output_tokens: _Count = 0


class _Ocr(msgspec.Struct):
    text: str
    pages: list[_Page] = []
    usage: _Usage = msgspec.field(default_factory=_Usage)


class _MistralPage(msgspec.Struct):
    markdown: str = ""


class _Mistral(msgspec.Struct):
    pages: list[_MistralPage]


class _Tokens(msgspec.Struct):
    prompt_tokens: _Count | None = None
    completion_tokens: _Count | None = None


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    delta: _Message | None = None
    finish_reason: str | None = None
    stop_reason: str | int | None = None


class _Chat(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Tokens | None = None
    warnings: list[str] | None = None
    error: Any = None


_ocr = msgspec.json.Decoder(_Ocr)
_mistral = msgspec.json.Decoder(_Mistral)
_chat = msgspec.json.Decoder(_Chat)


def read_ocr(body: bytes) -> Answer:
    """An answer of ``POST /ocr``.

    Raises:
        Unreadable: it is none.
    """
    reply = _decoded(_ocr, body)
    warnings = {warning for page in reply.pages for warning in page.warnings}
    warnings.update(_empty(reply.text))
    degraded = {rung for page in reply.pages for rung in page.degraded}
    usage = reply.usage
    return Answer(
        reply.text,
        usage.pages or len(reply.pages),
        usage.input_tokens,
        usage.output_tokens,
        tuple(sorted(warnings)),
        tuple(sorted(degraded)),
    )


def read_mistral(body: bytes) -> Answer:
    """An answer of ``POST /v1/ocr``.

    Raises:
        Unreadable: it is none.
    """
    pages = _decoded(_mistral, body).pages
    text = "\n\n".join(page.markdown for page in pages)
    return Answer(text, len(pages), warnings=_empty(text))


def read_chat(body: bytes) -> Answer:
    """A chat completion in one piece.

    Raises:
        Unreadable: it is none.
    """
    reply = _decoded(_chat, body)
    if not reply.choices or reply.choices[0].message is None:
        raise Unreadable("no choice in the answer")
    return _of_chat(reply.choices[0].message.content or "", reply, reply.choices[0], reply.usage)


def read_raw(body: bytes) -> Answer:
    """An answer of an unknown server: plain text, or JSON with texts somewhere in it."""
    try:
        text = "\n".join(_texts(msgspec.json.decode(body)))
    except UNREADABLE:
        text = body.decode(errors="replace")
    return Answer(text, warnings=_empty(text))


class ChatStream:
    """A chat completion piece by piece: notes when the first text came.

    Attributes:
        first: the instant of the first text, 0 before.
    """

    def __init__(self) -> None:
        self.first = 0.0
        self._rest = b""
        self._texts: list[str] = []
        self._last = _Choice()
        self._reply = _Chat()
        self._usage: _Tokens | None = None
        self._over = False
        self._seen = bytearray()

    def __call__(self, data: bytes, now: float) -> None:
        """A piece of the body."""
        if len(self._seen) < 4 * _LONGEST_WORDS:
            self._seen += data  # where it is no stream, the server's words of what went wrong
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if line.startswith(b"data:"):
                self._event(line[5:].strip(), now)

    @property
    def seen(self) -> bytes:
        """The beginning of the body."""
        return bytes(self._seen)

    def answer(self) -> Answer:
        """The whole.

        Raises:
            Unreadable: it was no stream, was cut, or told of an error.
        """
        if self._reply.error is not None:
            raise Unreadable(f"an error within the stream: {_message(self._reply.error)}")
        if not self._over and self._last.finish_reason is None:
            raise Unreadable("the stream ended before the answer did")
        return _of_chat("".join(self._texts), self._reply, self._last, self._usage)

    def _event(self, data: bytes, now: float) -> None:
        if data == b"[DONE]":
            self._over = True
            return
        try:
            chunk = _chat.decode(data)
        except UNREADABLE:
            return
        self._usage = chunk.usage or self._usage
        if chunk.error is not None or chunk.warnings:
            self._reply = chunk
        for choice in chunk.choices[:1]:
            if choice.delta is not None and choice.delta.content:
                self.first = self.first or now
                self._texts.append(choice.delta.content)
            if choice.finish_reason is not None:
                self._last = choice


def _of_chat(text: str, reply: _Chat, choice: _Choice, usage: _Tokens | None) -> Answer:
    found = {*(reply.warnings or ()), *_empty(text)}
    if choice.finish_reason == "repetition" or choice.stop_reason == "repetition_detected":
        found.add("repetition")
    elif choice.finish_reason == "length":
        found.add("truncated")
    elif choice.finish_reason in {"abort", "error"}:
        raise Unreadable(f"the engine broke off: {choice.finish_reason}")
    usage = usage or _Tokens()
    tokens = usage.prompt_tokens or 0, usage.completion_tokens or 0
    return Answer(text, 1, *tokens, warnings=tuple(sorted(found)))


def _empty(text: str) -> tuple[str, ...]:
    return () if text.strip() else ("empty",)


def _decoded(decoder: Any, body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except UNREADABLE as error:
        raise Unreadable(f"not the answer of this API: {error}") from None


def _texts(found: Any) -> list[str]:
    """Every text that is under a name which says so, else every text of a list of texts."""
    if isinstance(found, str):
        return [found]
    if isinstance(found, list):
        return [text for each in found for text in _texts(each)]
    if not isinstance(found, dict):
        return []
    for name in ("text", "markdown", "content", "rec_texts", "results", "result", "pages", "lines"):
        if texts := _texts(found.get(name)):
            return texts
    return []


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server said instead of an answer: its code, its words, when to come back."""

    outcome: str
    message: str
    retry_after: float | None = field(default=None)


def refusal(exchange: Exchange, body: bytes) -> Refusal:
    """What an answer that is not good says."""
    told = _json(body)
    error = told.get("error")
    code = (error if isinstance(error, dict) else told).get("code")
    known = code if isinstance(code, str) and code in _CODES else f"http_{exchange.status}"
    return Refusal(known, _words(told, body, exchange.status), retry_after(exchange))


def retry_after(exchange: Exchange) -> float | None:
    """Seconds that ``Retry-After`` names, as a number or as a date."""
    told = exchange.headers.get(b"retry-after", b"").decode("latin-1").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", told):
        return float(told)
    try:
        until = email.utils.parsedate_to_datetime(told).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, until - time.time())


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except UNREADABLE:
        return {}
    return found if isinstance(found, dict) else {}


def _words(told: dict[str, Any], body: bytes, status: int) -> str:
    if told:
        return _message(told.get("error", told))
    text = body[:_LONGEST_WORDS].decode(errors="replace").strip()
    return text or _phrase(status)


def _message(told: Any) -> str:
    if isinstance(told, dict):
        found = (told.get(name) for name in ("detail", "message", "title"))
        told = next((each for each in found if each), told)
    return str(told)[:_LONGEST_WORDS]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP {status}"


def is_good(status: int) -> bool:
    """Whether a status means that an answer came."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


__all__ = [
    "OK",
    "Answer",
    "ChatStream",
    "Refusal",
    "Unreadable",
    "is_good",
    "read_chat",
    "read_mistral",
    "read_ocr",
    "read_raw",
    "refusal",
    "retry_after",
]

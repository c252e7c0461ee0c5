"""The request's bytes. The image is spliced in as it is: JSON never looks at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import pybase64

from ocrgate.domain.document import Encoding
from ocrgate.engines.openai.servers import Server, Version, has
from ocrgate.engines.recipes import Instruction

MEDIA: Mapping[Encoding, bytes] = {
    Encoding.JPEG: b"image/jpeg",
    Encoding.PNG: b"image/png",
    Encoding.WEBP: b"image/webp",
}

STREAM_INTERVAL = 8
"""Tokens per event for pages that nobody watches: an eighth of the events to parse."""

BACKSTOP = {"min_pattern_size": 4, "max_pattern_size": 64, "min_count": 64}
"""The server's own watch for repeats of tokens, lax: it knows nothing of tables and dot leaders.

:mod:`.loops` cuts most loops earlier; this ends those whose stream is not read in time.
"""

ANY_TOKEN = -1
"""What recipes write as ``top_k`` where every token may be drawn."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to speak to one replica: its kind, its version and the model's name there."""

    server: Server
    model: str
    version: Version | None = None


def request_body(
    dialect: Dialect,
    words: Instruction,
    sampling: Mapping[str, Any],
    image: tuple[Encoding, bytes],
    *,
    live: bool = False,
) -> bytes:
    """The body of a streamed chat completion with one image.

    Args:
        dialect: who is spoken to.
        words: the recipe's instruction.
        sampling: body fields, of which those that the server knows are sent.
        image: how it is packed, and its bytes.
        live: whether somebody reads along, so that every token is wanted at once.
    """
    encoding, data = image
    picture = (
        b'{"type":"image_url","image_url":{"url":"data:',
        MEDIA[encoding],
        b";base64,",
        pybase64.b64encode(data),
        b'"}}',
    )
    text = _encode({"type": "text", "text": words.text})
    if not words.text:
        content: tuple[bytes, ...] = picture
    elif words.image_first:
        content = (*picture, b",", text)
    else:
        content = (text, b",", *picture)
    fields = fields_of(dialect, words, sampling, live=live)
    return b"".join(
        (
            b'{"model":',
            _encode(dialect.model),
            b',"messages":[',
            _system(words),
            b'{"role":"user","content":[',
            *content,
            b"]}],",
            _encode(fields).removeprefix(b"{"),
        )
    )


def _system(words: Instruction) -> bytes:
    if words.system is None:
        return b""
    return _encode({"role": "system", "content": words.system}) + b","


def fields_of(
    dialect: Dialect, words: Instruction, sampling: Mapping[str, Any], *, live: bool = False
) -> dict[str, Any]:
    """Every field of the body beside model and messages."""
    server, version = dialect.server, dialect.version
    fields: dict[str, Any] = {"stream": True, "max_tokens": sampling["max_tokens"]}
    if server.usage:
        fields["stream_options"] = {"include_usage": True}
        if has(server.running_usage, version):
            fields["stream_options"]["continuous_usage_stats"] = True
    if not live and has(server.stream_interval, version):
        fields["stream_interval"] = STREAM_INTERVAL
    if has(server.repetition_detection, version):
        fields["repetition_detection"] = sampling.get("repetition_detection", BACKSTOP)
    if words.schema is not None and server.structured == "response_format":
        schema = {"name": "fields", "schema": words.schema}
        fields["response_format"] = {"type": "json_schema", "json_schema": schema}
    return fields | _sampling(server, sampling)


def _sampling(server: Server, sampling: Mapping[str, Any]) -> dict[str, Any]:
    """The sampling fields under the names that the server has for them."""
    names = dict(server.renamed)
    asked = {names.get(name, name): value for name, value in sampling.items()}
    if asked.get("top_k") == ANY_TOKEN:
        asked["top_k"] = server.any_token
    known = {name: value for name, value in asked.items() if name in server.fields}
    if server.nested is None:
        return known
    inner = {k: v for k, v in asked.items() if k in _NESTABLE and k not in known}
    if asked.get("temperature"):  # else it takes the likeliest token, whatever the temperature
        inner["do_sample"] = True
    return known | ({server.nested: _encode(inner).decode()} if inner else {})


_NESTABLE = frozenset({"top_k", "min_p", "repetition_penalty"})

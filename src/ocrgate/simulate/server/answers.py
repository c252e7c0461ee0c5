"""Answers in OpenAI's shape, plain and as a stream of events, with vLLM's extra fields."""

import json
import time
from typing import Any

from ocrgate.simulate.request import Reason
from ocrgate.simulate.server.asked import Asked
from ocrgate.simulate.server.text import quoted

DONE = b"data: [DONE]\n\n"


def usage(prompt: int, written: int) -> dict[str, Any]:
    """The counts of one answer."""
    return {
        "prompt_tokens": prompt,
        "total_tokens": prompt + written,
        "completion_tokens": written,
        "prompt_tokens_details": None,
    }


def completion(asked: Asked, tokens: int, reason: Reason) -> bytes:
    """The whole answer at once."""
    choice = {
        "index": 0,
        "message": {
            "role": "assistant",
            "content": asked.text.between(0, tokens),
            "refusal": None,
            "tool_calls": [],
        },
        "logprobs": None,
        "finish_reason": reason.value,
        "stop_reason": _stop_reason(reason),
    }
    return json.dumps(
        {
            "id": asked.request.id,
            "object": "chat.completion",
            "created": int(time.time()),
            "model": asked.model,
            "choices": [choice],
            "usage": usage(asked.request.input_tokens, tokens),
        },
        ensure_ascii=False,
    ).encode()


class Chunks:
    """The events of one stream. What all have in common is put together once."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        head = {
            "id": asked.request.id,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": asked.model,
        }
        self._head = b"data: " + json.dumps(head).encode()[:-1]

    def role(self) -> bytes:
        """The first: who speaks."""
        delta = b'{"role":"assistant","content":""}'
        return self._chunk(delta, b'"logprobs":null,"finish_reason":null', 0)

    def words(self, first: int, last: int, reason: Reason | None) -> bytes:
        """Tokens ``first`` to ``last``, and why no more when these were the last."""
        text = quoted(self._asked.text.between(first, last))
        ending = b"null" if reason is None else b'"%s"' % reason.value.encode()
        rest = b'"logprobs":null,"finish_reason":' + ending
        if reason is not None:
            rest += b',"stop_reason":' + json.dumps(_stop_reason(reason)).encode()
        return self._chunk(b'{"content":"' + text + b'"}', rest, last)

    def counts(self, written: int) -> bytes:
        """The last but one: the counts, with no choice."""
        counted = json.dumps(usage(self._asked.request.input_tokens, written)).encode()
        return self._head + b',"choices":[],"usage":' + counted + b"}\n\n"

    def _chunk(self, delta: bytes, rest: bytes, written: int) -> bytes:
        body = self._head + b',"choices":[{"index":0,"delta":' + delta + b"," + rest + b"}]"
        if self._asked.running_usage:
            counted = usage(self._asked.request.input_tokens, written)
            body += b',"usage":' + json.dumps(counted).encode()
        return body + b"}\n\n"


def _stop_reason(reason: Reason) -> str | None:
    return "repetition_detected" if reason is Reason.REPETITION else None

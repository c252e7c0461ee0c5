"""What a conversation asks of the page in it."""

from dataclasses import replace

from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.errors import InvalidRequest
from ocrgate.ports import EngineDescription
from ocrgate.wire.ocr import MOST_PROMPT
from ocrgate.wire.openai import ChatMessage, ChatRequest

LIVE_TASKS = frozenset(
    {Task.TEXT, Task.MARKDOWN, Task.TABLE, Task.FORMULA, Task.CHART, Task.TRANSLATE}
)
"""Tasks whose answer can be handed out while it is written, since it is text for people."""


def asked_of(order: ChatRequest, engine: EngineDescription) -> PageRequest:
    """The request for each page.

    Words beside the image are acted on where they are the model's own instruction for a task, or
    where the operator allows any; else the image is read for its text.

    Raises:
        InvalidRequest: a response format that is not made here, or words without end.
    """
    asked = _by_format(order) or _by_words(words_of(order.messages), engine)
    limits = [n for n in (order.max_tokens, order.max_completion_tokens) if n is not None]
    live = bool(order.stream) and engine.live and asked.task in LIVE_TASKS
    return replace(asked, max_tokens=min(limits, default=None), live=live)


def words_of(messages: list[ChatMessage]) -> str:
    """The text in the last message that has any from the user, less white space around it."""
    for message in reversed(messages):
        if message.role == "user" and (text := _text(message).strip()):
            return text
    return ""


def _text(message: ChatMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part.text for part in message.content or () if part.text)


def _by_words(words: str, engine: EngineDescription) -> PageRequest:
    known = engine.instructions.get(words)
    if known is not None:
        return known
    if not (words and engine.prompts):
        return PageRequest()
    if len(words) > MOST_PROMPT:
        limit = f"{MOST_PROMPT} characters"
        raise InvalidRequest(
            "the words beside the image are too long", field="messages", limit=limit
        )
    return PageRequest(prompt=words)


def _by_format(order: ChatRequest) -> PageRequest | None:
    wanted = order.response_format
    if wanted is None or wanted.type == "text":
        return None
    if wanted.json_schema is None or wanted.json_schema.schema is None:
        raise InvalidRequest("JSON is made by a json_schema only", field="response_format")
    return PageRequest(task=Task.FIELDS, schema=wanted.json_schema.schema)

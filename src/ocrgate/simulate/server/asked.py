"""A chat request as the engine sees it: what it costs, how long its answer will be."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from ocrgate.simulate.cost import TEXT_BEFORE, ImageRule
from ocrgate.simulate.profile import Profile
from ocrgate.simulate.request import Request
from ocrgate.simulate.server import faults
from ocrgate.simulate.server.picture import Picture, read_picture
from ocrgate.simulate.server.text import PageText
from ocrgate.simulate.workload import draw_length

_TEMPLATE = 8  # tokens of the chat template
_MARKERS = 2  # of the template, around an image
_BYTES_PER_TOKEN = 4
_LOOPS_AFTER = 64  # tokens: where a looping page begins to repeat itself


@dataclass(frozen=True, slots=True)
class Asked:
    """One chat request, checked.

    Attributes:
        request: for the engine; its id is the answer's id.
        text: what will be written.
        stream: whether it is sent as it is written, ``interval`` tokens at a time at least.
        usage: whether the stream ends with the counts.
        running_usage: whether every chunk carries them.
        model: as it was asked for.
    """

    request: Request
    text: PageText
    stream: bool
    usage: bool
    running_usage: bool
    interval: int
    model: str


class Reader:
    """Understands bodies for one server.

    Args:
        profile: of the engine.
        model: the name it is served under.
        rule: how pictures are resized.
        seed: of the lengths of texts, beside each picture's own digest.
    """

    def __init__(self, profile: Profile, model: str, rule: ImageRule, seed: int) -> None:
        self.profile = profile
        self.model = model
        self.room = min(profile.max_model_len, (profile.blocks - 1) * profile.block_size)
        self._rule = rule
        self._seed = seed

    def chat(self, body: bytes, request_id: str) -> Asked:
        """A body of ``/v1/chat/completions``.

        Raises:
            ApiFault: it cannot be served.
        """
        fields = self.fields(body)
        prompt, image_tokens, picture, digest = self.prompt(fields)
        if prompt >= self.room:
            raise faults.too_long(prompt, self.room)
        most = self._most(fields, prompt)
        _check_temperature(fields)
        output, loops_at = self._length(digest, fields)
        options = fields.get("stream_options")
        options = options if isinstance(options, dict) else {}
        request = Request(
            request_id,
            prompt,
            output,
            most,
            image_tokens,
            picture.width * picture.height if picture else 0,
            loops_at,
            _guard(fields),
            text_before=TEXT_BEFORE if image_tokens else 0,
        )
        return Asked(
            request,
            PageText(digest, loops_at),
            bool(fields.get("stream")),
            bool(options.get("include_usage")),
            bool(options.get("continuous_usage_stats")),
            max(1, _whole(fields.get("stream_interval")) or 1),
            str(fields.get("model") or self.model),
        )

    def fields(self, body: bytes) -> dict[str, Any]:
        """A body as JSON, of a model that is served.

        Raises:
            ApiFault: it is none.
        """
        try:
            fields: Any = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise faults.invalid(f"JSON decode error: {error}") from error
        if not isinstance(fields, dict):
            raise faults.invalid("Input should be a valid dictionary")
        asked = fields.get("model")
        if asked not in {None, self.model}:
            raise faults.unknown_model(str(asked), self.model)
        return fields

    def prompt(self, fields: dict[str, Any]) -> tuple[int, int, Picture | None, int]:
        """Tokens of a prompt, those of its image, the picture, and the digest of what was sent.

        Raises:
            ApiFault: there are no messages, or an image that cannot be taken.
        """
        words, urls = 0, []
        parts = list(_parts(fields))
        for part in parts:
            if isinstance(part, str):
                words += text_tokens(part)
            else:
                urls.append(part[0])
        if len(urls) > 1:
            message = "At most 1 image(s) may be provided in one prompt. (parameter=image)"
            raise faults.bad(message, "image")
        if not urls:
            digest = blake2b(repr(parts).encode(), digest_size=8).digest()
            return words + _TEMPLATE, 0, None, int.from_bytes(digest, "big")
        picture = read_picture(urls[0])
        tokens = self._image_tokens(picture)
        return words + _TEMPLATE + tokens + _MARKERS, tokens, picture, picture.digest

    def _image_tokens(self, picture: Picture) -> int:
        try:
            tokens = self._rule.tokens(picture.width, picture.height)
        except ValueError as error:
            message = f"Failed to apply HunYuanVLProcessor on data={{...}}: {error}"
            raise faults.bad(message) from error
        if tokens > self.profile.image_budget:
            raise faults.over_encoder(tokens, self.profile.image_budget)
        return tokens

    def _most(self, fields: dict[str, Any], prompt: int) -> int:
        asked = _whole(fields.get("max_completion_tokens"))
        if asked is None:
            asked = _whole(fields.get("max_tokens"))
        if asked is None:
            return self.room - prompt
        if asked < 1:
            raise faults.bad(f"max_tokens must be at least 1, got {asked}.", "max_tokens")
        if asked > self.room:
            raise faults.over_context(asked, self.room)
        return min(asked, self.room - prompt)

    def _length(self, digest: int, fields: dict[str, Any]) -> tuple[int, int | None]:
        if fields.get("ignore_eos"):
            return self.room, None
        lengths = self.profile.lengths
        source = random.Random(digest ^ self._seed)  # noqa: S311 - not a secret
        loops = source.random() < lengths.loops
        tokens = draw_length(source, lengths.median, lengths.sigma, lengths.longest)
        return tokens, min(tokens, _LOOPS_AFTER) if loops else None


def text_tokens(text: str) -> int:
    """About how many tokens a text is; a real tokenizer is not here."""
    return -(-len(text.encode(errors="surrogatepass")) // _BYTES_PER_TOKEN)


def _parts(fields: dict[str, Any]) -> Iterator[str | tuple[str]]:
    """Texts, and addresses of images as tuples of one."""
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise faults.invalid("Field required: messages")
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else [content]:
            yield from _part(part)


def _part(part: Any) -> Iterator[str | tuple[str]]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict) and part.get("type") == "text":
        yield str(part.get("text", ""))
    elif isinstance(part, dict) and part.get("type") == "image_url":
        image = part.get("image_url")
        yield (str(image.get("url", "") if isinstance(image, dict) else image),)
    elif part is not None:
        raise faults.invalid("Unknown part type in messages")


def _whole(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise faults.invalid("Input should be a valid integer")
    return value


def _check_temperature(fields: dict[str, Any]) -> None:
    value = fields.get("temperature")
    if isinstance(value, int | float) and value < 0:
        raise faults.bad(f"temperature must be non-negative, got {value}.", "temperature")


def _guard(fields: dict[str, Any]) -> int | None:
    """Tokens of repetition after which the engine's own guard ends the text."""
    asked = fields.get("repetition_detection")
    if not isinstance(asked, dict):
        return None
    pattern, count = _whole(asked.get("max_pattern_size")), _whole(asked.get("min_count"))
    return max(1, (pattern or 1) * (count or 2))

"""Everything that the server says no with, word for word as vLLM 0.32 does."""

import json
from http import HTTPStatus

_BAD = HTTPStatus.BAD_REQUEST


class ApiFault(Exception):
    """A request that gets an error for an answer, in OpenAI's envelope."""

    def __init__(
        self,
        http: HTTPStatus,
        message: str,
        kind: str = "BadRequestError",
        parameter: str | None = None,
    ) -> None:
        super().__init__(message)
        self.http = http
        self.kind = kind
        self.parameter = parameter

    @property
    def body(self) -> bytes:
        """The envelope."""
        fault = {
            "message": str(self),
            "type": self.kind,
            "param": self.parameter,
            "code": int(self.http),
        }
        return json.dumps({"error": fault}).encode()


def bad(message: str, parameter: str | None = None) -> ApiFault:
    """A mistake in the request."""
    return ApiFault(_BAD, message, parameter=parameter)


def invalid(what: str) -> ApiFault:
    """A body that the schema does not let through."""
    return ApiFault(_BAD, f"1 validation error: {what}", "Bad Request")


def unknown_model(asked: str, served: str) -> ApiFault:
    """A model that is not served."""
    message = f"The model `{asked}` does not exist. Valid aliases: {served}."
    return ApiFault(HTTPStatus.NOT_FOUND, message, "NotFoundError", "model")


def too_long(tokens: int, room: int) -> ApiFault:
    """A prompt beyond the context."""
    return bad(
        f"This model's maximum context length is {room} tokens. However, your prompt contains at "
        f"least {tokens} input tokens, which exceeds this limit even without any output tokens. "
        f"Reduce the length of the input. (parameter=input_tokens, value={tokens})",
        "input_tokens",
    )


def over_context(asked: int, room: int) -> ApiFault:
    """More tokens of answer asked for than the context has."""
    return bad(
        f"max_tokens={asked} cannot be greater than max_model_len={room}. "
        f"Please request fewer output tokens. (parameter=max_tokens, value={asked})",
        "max_tokens",
    )


def over_encoder(tokens: int, budget: int) -> ApiFault:
    """An image larger than the encoder's cache."""
    return bad(
        f"The decoder prompt contains a(n) image item with length {tokens}, which exceeds the "
        f"pre-allocated encoder cache size {budget}. Please reduce the input size or increase the "
        "encoder cache size by setting --limit-mm-per-prompt at startup."
    )


def busy() -> ApiFault:
    """The bound of the queue."""
    return ApiFault(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The engine is currently busy and cannot accept new requests. Please try again later or on "
        "a different instance.",
        "Service Unavailable",
    )


def _internal(message: str) -> ApiFault:
    return ApiFault(HTTPStatus.INTERNAL_SERVER_ERROR, message, "InternalServerError")


def dead() -> ApiFault:
    """The engine is gone."""
    return _internal("EngineCore encountered an issue. See stack trace (above) for the root cause.")


def shutting_down() -> ApiFault:
    """A request that came after SIGTERM."""
    return _internal("cannot schedule new futures after shutdown")


def unreachable(url: str) -> ApiFault:
    """A picture by address: nothing is fetched here."""
    if url.startswith("file:"):
        return _internal("Cannot load local files without --allowed-local-media-path.")
    host = url.split("/")[2] if url.count("/") > 2 else url
    return _internal(f"Cannot connect to host {host} ssl:default [simulated servers fetch nothing]")

"""Gives every request an id, and every answer the headers that hold for all of them."""

import re
import secrets
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocrgate.gateway.exchange import Exchange
from ocrgate.telemetry.logging import request_context

_ALLOWED = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_HEADERS: Sequence[tuple[bytes, bytes]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_DEFAULTS: Sequence[tuple[bytes, bytes]] = (
    (b"cache-control", b"no-store"),  # answers hold what stands on other people's papers
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Identity:
    """Takes the caller's ``X-Request-Id`` when it is harmless, else makes one.

    Args:
        app: the application around which it stands.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(_request_id(scope))
        exchange.attach(scope)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _with_ours(message.get("headers", ()), exchange.request_id)
            await send(message)

        with request_context(exchange.request_id):
            await self._app(scope, receive, named)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ALLOWED.fullmatch(value):
            return str(value, "ascii")
    return secrets.token_hex(8)


def _with_ours(
    headers: Sequence[tuple[bytes, bytes]], request_id: str
) -> list[tuple[bytes, bytes]]:
    present = {name for name, _ in headers}
    kept = [pair for pair in _DEFAULTS if pair[0] not in present]
    return [*headers, (b"x-request-id", request_id.encode()), *_HEADERS, *kept]

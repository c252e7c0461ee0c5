"""Shows on request why the gate stands where it stands."""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocrgate.gateway.exchange import Exchange

ASKED = (b"x-debug", b"gate")
ANSWER = b"x-debug-gate"


class GateDebug:
    """Adds ``X-Debug-Gate`` to answers, refusals too, when the request has ``X-Debug: gate`` and
    comes from somebody who may read here. Strangers learn nothing about the load.

    Args:
        app: the application around which it stands.
        explain: the gate's state in the form of a header.
    """

    def __init__(self, app: ASGIApp, *, explain: Callable[[], str]) -> None:
        self._app = app
        self._explain = explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or ASKED not in scope["headers"]:
            await self._app(scope, receive, send)
            return

        async def explained(message: Message) -> None:
            if message["type"] == "http.response.start" and Exchange.of(scope).caller:
                header = (ANSWER, self._explain().encode("ascii", "replace"))
                message = {**message, "headers": [*message.get("headers", ()), header]}
            await send(message)

        await self._app(scope, receive, explained)

"""The outermost layer of an HTTP application: a span around each request."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ocrgate.telemetry.logging import trace_context
from ocrgate.telemetry.tracing import Tracing

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class TraceRequests:
    """Traces every HTTP request and names the trace in what is logged for it.

    Args:
        app: the application around which it stands.
        tracing: where spans go.
    """

    def __init__(self, app: Application, *, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        with (
            self._tracing.request(scope["method"], headers),
            trace_context(self._tracing.trace_id()),
        ):
            await self._app(scope, receive, send)

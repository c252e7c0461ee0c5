"""Refuses new work once the server is on its way out; what was accepted goes on."""

from collections.abc import Callable, Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from ocrgate.errors import Draining
from ocrgate.gateway.hangup import COME_BACK
from ocrgate.telemetry.metrics import Metrics


class DrainingDoor:
    """Lets nothing in while ``draining()`` is true, except to the ``open_paths``.

    Args:
        app: the application around which it stands.
        draining: whether the server is going away.
        open_paths: paths that answer to the end.
        metrics: where refusals are counted.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        draining: Callable[[], bool],
        open_paths: Collection[str],
        metrics: Metrics,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._draining = draining
        self._open = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and self._draining() and scope["path"] not in self._open:
            self._metrics.refused("draining", COME_BACK)
            raise Draining(retry_after=COME_BACK)
        await self._app(scope, receive, send)

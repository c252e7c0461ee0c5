"""Refuses what the server has no room or no time for, whatever it is; what was accepted goes on."""

from collections.abc import Callable, Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from ocrgate.errors import Draining, Overloaded
from ocrgate.gateway.hangup import COME_BACK
from ocrgate.telemetry.metrics import Metrics

_CROWDED = "ocrgate.crowded"
_SOON = 1.0  # seconds; when a connection ends is not known


def tell_crowded(scope: Scope) -> None:
    """Say that a request came over a connection beyond the bound."""
    scope[_CROWDED] = True


def crowded() -> Overloaded:
    """The answer over such a connection."""
    return Overloaded(
        "as many connections are open as may be, all with a request",
        reason="connections",
        retry_after=_SOON,
    )


class Door:
    """Lets nothing in but to the ``open_paths`` while ``draining()`` is true, nor over connections
    beyond the bound.

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
        if scope["type"] == "http" and scope["path"] not in self._open:
            if self._draining():
                self._metrics.refused("draining", COME_BACK)
                raise Draining(retry_after=COME_BACK)
            if _CROWDED in scope:
                self._metrics.refused("connections", _SOON)
                raise crowded()
        await self._app(scope, receive, send)

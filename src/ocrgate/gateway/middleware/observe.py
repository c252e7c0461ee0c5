"""Counts every request once, logs it once, and tells the client where the time went."""

from collections.abc import Mapping

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocrgate.domain.ticket import Lane
from ocrgate.gateway.exchange import Exchange
from ocrgate.gateway.problem import CLIENT_GONE
from ocrgate.telemetry.metrics import Metrics

_log = structlog.get_logger("ocrgate.gateway")
_UNROUTED = "other"


class Observe:
    """Adds ``Server-Timing``, counts and logs.

    Args:
        app: the application around which it stands.
        metrics: where requests are counted.
        templates: the path of each endpoint; never what a caller asked for, which is unbounded.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, templates: Mapping[object, str]) -> None:
        self._app = app
        self._metrics = metrics
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange.of(scope)
        status = CLIENT_GONE

        async def timed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                timing = (b"server-timing", server_timing(exchange))
                message = {**message, "headers": [*message.get("headers", ()), timing]}
            await send(message)

        try:
            await self._app(scope, receive, timed)
        finally:
            self._count(scope, exchange, CLIENT_GONE if exchange.gone else status)

    def _count(self, scope: Scope, exchange: Exchange, status: int) -> None:
        route = self._templates.get(scope.get("endpoint"), _UNROUTED)
        seconds = exchange.elapsed
        lane = Lane(exchange.lane) if exchange.lane else None
        self._metrics.request(route, status, lane, seconds)
        if exchange.reads:
            self._metrics.outcome("cancelled" if exchange.gone else exchange.error or "ok")
        _log.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            seconds=round(seconds, 4),
            **exchange.facts(),
        )


def server_timing(exchange: Exchange) -> bytes:
    """The ``Server-Timing`` header: each stage and the total, milliseconds."""
    stages = [f"{name};dur={seconds * 1000:.1f}" for name, seconds in exchange.timing.items()]
    return ", ".join([*stages, f"total;dur={exchange.elapsed * 1000:.1f}"]).encode()

"""The process around the application: one loop, one listener, a clean end."""

import asyncio
import math
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import cast

import structlog
import uvicorn

from ocrgate.gateway.application import Application
from ocrgate.gateway.connections import Connections, bound_for
from ocrgate.gateway.files import file_limit
from ocrgate.gateway.memory import keep_freed_memory
from ocrgate.gateway.protocol import BoundedHttp
from ocrgate.settings import ServerSettings
from ocrgate.telemetry.metrics import Metrics

_log = structlog.get_logger("ocrgate.gateway")
_BACKLOG = 2048


class Server(uvicorn.Server):
    """Tells the application that the end has come as soon as it is told itself.

    Args:
        config: how to serve.
        on_exit: called once, on the first signal; new work is refused from then on.
    """

    def __init__(self, config: uvicorn.Config, on_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_exit = on_exit

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse new work, finish what was accepted, close."""
        self._on_exit()
        await super().shutdown(sockets)


def make_server(app: Application, settings: ServerSettings, on_exit: Callable[[], None]) -> Server:
    """A server of ``app``; ``run()`` it, or await its ``serve()``. Tunes this process's allocator.

    Args:
        app: made by :func:`ocrgate.gateway.app.create_app`.
        settings: address and times.
        on_exit: called when the server begins to stop.
    """
    keep_freed_memory()
    connections = _connections(settings, app.state.gateway.metrics)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=cast("type[asyncio.Protocol]", partial(BoundedHttp, connections)),
        loop="auto",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=math.ceil(settings.drain),
    )
    return Server(config, on_exit)


def _connections(settings: ServerSettings, metrics: Metrics) -> Connections:
    bound = bound_for(settings.connections, file_limit())
    if bound < (settings.connections or 0):
        _log.warning("fewer connections than set", connections=bound, why="file descriptors")
    connections = Connections(
        bound,
        time.monotonic,
        closed=metrics.connection_displaced,
        refused=partial(metrics.refused, "connections"),
    )

    def tell() -> None:
        tally = connections.tally
        metrics.connections(open_now=tally.open, silent=tally.silent, bound=tally.bound)

    metrics.before_render(tell)
    return connections

"""The process around the application: one loop, one listener, a clean end."""

import math
import socket
from collections.abc import Callable

import uvicorn

from ocrgate.gateway.application import Application
from ocrgate.gateway.memory import keep_freed_memory
from ocrgate.gateway.protocol import BoundedHttp
from ocrgate.settings import ServerSettings

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
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=BoundedHttp,
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

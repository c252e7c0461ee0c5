"""``ocrgate serve``: the HTTP server."""

import asyncio
import contextlib
import signal
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ocrgate.cli.exit import Exit
from ocrgate.cli.options import ConfigOption, load_settings
from ocrgate.cli.report import CommandFailed, say

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ocrgate.gateway.server import Server
    from ocrgate.keys import SqlKeyStore
    from ocrgate.runtime.service import Service
    from ocrgate.settings import Settings
    from ocrgate.telemetry.metrics import Metrics
    from ocrgate.telemetry.tracing import Tracing

_POLL = 0.05  # seconds between looks at whether the server has started


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    engine: Annotated[str | None, typer.Option(help="What reads the pages: cpu.")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Serve a public address although no key exists.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Serve OCR over HTTP until SIGTERM or Ctrl-C; what was accepted is finished first."""
    from ocrgate.cli.listening import listen, url_of
    from ocrgate.settings import require_safe_bind
    from ocrgate.telemetry import logging

    settings = load_settings(
        config,
        server__host=host,
        server__port=port,
        server__insecure=insecure or None,
        engine__kind=engine,
    ).settings
    from ocrgate.cli.keys import open_store

    store = open_store(settings)
    warning = require_safe_bind(
        settings.server.host,
        has_keys=store.has_any() or settings.auth.required,
        insecure=settings.server.insecure,
    )
    listener = listen(settings.server.host, settings.server.port)
    if warning:
        say(f"WARNING: {warning}")
    logging.configure(settings.telemetry.log_format, settings.telemetry.log_level)
    parts = build(settings, store)
    say("Starting the engine ...")
    _run(parts, listener, url_of(listener))


@dataclass(frozen=True, slots=True)
class Built:
    """A server and what outlives its requests."""

    server: "Server"
    service: "Service"
    metrics: "Metrics"
    tracing: "Tracing"


def build(settings: "Settings", store: "SqlKeyStore") -> Built:
    """Put the server together. Nothing is started."""
    from ocrgate import __version__
    from ocrgate.gateway.app import create_app
    from ocrgate.keys import CachedKeys
    from ocrgate.runtime.service import Service, ServiceParams
    from ocrgate.telemetry.metrics import Metrics
    from ocrgate.telemetry.tracing import build_tracing

    tracing = build_tracing(settings.telemetry.otlp_endpoint, version=__version__)
    metrics = Metrics(__version__, settings.engine.kind)
    params = ServiceParams(settings.engine, settings.gate, settings.image)
    service = Service.build(params, metrics=metrics, spans=tracing.span)
    keys = CachedKeys(store, ttl=settings.auth.cache_seconds)
    app = create_app(settings, service, keys=keys, metrics=metrics)
    return Built(_server(app, settings, service, tracing), service, metrics, tracing)


def _server(
    app: "FastAPI", settings: "Settings", service: "Service", tracing: "Tracing"
) -> "Server":
    from ocrgate.gateway.server import make_server
    from ocrgate.telemetry.asgi import TraceRequests

    if settings.telemetry.otlp_endpoint:
        app.add_middleware(TraceRequests, tracing=tracing)
    draining: set[asyncio.Task[bool]] = set()

    def begin_to_end() -> None:
        say("Finishing what was accepted (Ctrl-C ends at once) ...")
        draining.add(asyncio.ensure_future(service.drain(settings.server.drain)))

    return make_server(app, settings.server, on_exit=begin_to_end)


def _run(built: Built, listener: socket.socket, url: str) -> None:
    try:
        with asyncio.Runner(loop_factory=built.server.config.get_loop_factory()) as runner:
            # uvicorn drains on these and raises them once more at its end, when all is done.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: None)
            runner.run(_serve(built, listener, url))
    except SystemExit as error:
        message = "the server could not start; the log above says why"
        raise CommandFailed(message, Exit.ENGINE, "ocrgate doctor") from error
    finally:
        built.tracing.close()


async def _serve(built: Built, listener: socket.socket, url: str) -> None:
    from ocrgate.telemetry.lag import watch_lag

    beside = [
        asyncio.create_task(_announce(built.server, url)),
        asyncio.create_task(watch_lag(built.metrics.loop_lag)),
    ]
    try:
        await built.server.serve(sockets=[listener])
    finally:
        for task in beside:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _announce(server: "Server", url: str) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(_POLL)
    say(f"ocrgate is ready at {url}   (documentation: {url}/docs, end with Ctrl-C)")
    say(f"  curl -F file=@page.png {url}/ocr")

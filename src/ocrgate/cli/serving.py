"""A server from its settings to its end."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from ocrgate import __version__
from ocrgate.cli.exit import Exit
from ocrgate.cli.reloading import Reload
from ocrgate.cli.report import CommandFailed, say
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.errors import EngineError
from ocrgate.gateway.app import create_app
from ocrgate.gateway.application import Application
from ocrgate.gateway.connections import files_for
from ocrgate.gateway.files import raise_file_limit
from ocrgate.gateway.server import Server, make_server
from ocrgate.keys import CachedKeys, SqlKeyStore
from ocrgate.runtime.engines import EngineParams
from ocrgate.runtime.service import Service, ServiceParams
from ocrgate.settings import Settings, needs_key
from ocrgate.telemetry.asgi import TraceRequests
from ocrgate.telemetry.lag import watch_lag
from ocrgate.telemetry.metrics import Metrics
from ocrgate.telemetry.tracing import Tracing, TracingUnavailable, build_tracing

_HASTE = 1.0  # seconds to end everything when a second signal came during the drain
_POLL = 0.05  # seconds between looks at whether the server has started
_PATIENCE = 5.0  # seconds for an engine's servers to be there before we answer without one
_A_MOMENT = 0.5  # seconds in which a server of ours that cannot start at all has said so


class EngineFirst(Service):
    """A service that is started before the application, which finds it running, and ended after it.

    So an engine that cannot start is one line for whoever typed the command, and no traceback of
    the application's start; and one that takes its time to end does not keep a second signal from
    being heard.
    """

    _runs = False

    async def start(self, patience: float | None = None) -> None:
        """Start, once."""
        if not self._runs:
            await super().start(patience)
            self._runs = True

    async def close(self) -> None:
        """Nothing while it runs: :meth:`end` is for whoever started it."""
        if not self._runs:
            await super().close()

    async def end(self) -> None:
        """Stop everything. What still runs fails. Safe to call twice."""
        self._runs = False
        await self.close()


@dataclass(frozen=True, slots=True)
class Built:
    """A server and what outlives its requests.

    ``patience`` is how many seconds the engine may take before we answer without it; None means
    that it must be up.
    """

    server: Server
    service: EngineFirst
    metrics: Metrics
    tracing: Tracing
    patience: float | None = None
    reload: Reload | None = None
    asks_for_key: bool = False


def build(settings: Settings, store: SqlKeyStore | None) -> Built:
    """Put the server together. Nothing is started.

    Raises:
        CommandFailed: traces are asked for and their extra is not installed.
    """
    tracing = _tracing(settings)
    metrics = Metrics(__version__, settings.engine.kind)
    params = ServiceParams(
        settings.engine,
        settings.gate,
        settings.image,
        limit=settings.gate.limit,
        degrade=settings.gate.degrade,
    )
    service = EngineFirst.build(params, metrics=metrics, spans=tracing.span)
    keys = CachedKeys(store, ttl=settings.auth.cache_seconds) if store else None
    app = create_app(settings, service, keys=keys, metrics=metrics)
    patience = _patience(settings.engine)
    server = _server(app, settings, service, tracing)
    asks = _asks_for_key(settings, store)
    return Built(server, service, metrics, tracing, patience, asks_for_key=asks)


def _asks_for_key(settings: Settings, store: SqlKeyStore | None) -> bool:
    """Whether the command that is shown when the server is ready needs a key to work."""
    return needs_key(
        settings.server.host,
        has_keys=store is not None and store.has_any(),
        insecure=settings.server.insecure,
        required=settings.auth.required,
    )


def _patience(engine: EngineParams) -> float | None:
    """A server that somebody else starts may come later, one of ours takes minutes to load; the
    embedded engine is there in a second, or not at all.
    """
    if isinstance(engine, OpenAIParams):
        return _PATIENCE
    return _A_MOMENT if isinstance(engine, VllmParams) else None


def _tracing(settings: Settings) -> Tracing:
    try:
        return build_tracing(settings.telemetry.otlp_endpoint, version=__version__)
    except TracingUnavailable as error:
        raise CommandFailed(str(error), Exit.ENVIRONMENT) from error


def _server(app: Application, settings: Settings, service: Service, tracing: Tracing) -> Server:
    if settings.telemetry.otlp_endpoint:
        app.add_middleware(TraceRequests, tracing=tracing)
    draining: set[asyncio.Task[bool]] = set()

    def begin_to_end() -> None:
        say("Finishing what was accepted (Ctrl-C ends at once) ...")
        draining.add(asyncio.ensure_future(service.drain(settings.server.drain)))

    raise_file_limit(files_for(settings.server.connections))
    return make_server(app, settings.server, on_exit=begin_to_end)


def run(built: Built, listener: socket.socket, url: str) -> None:
    """Serve until a signal, then finish what was accepted.

    Raises:
        EngineError: the engine cannot be started, and waiting would not help; or it was there, and
            whoever watches it has given it up.
    """
    loop_factory = built.server.config.get_loop_factory()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve(built, listener, url))


async def _serve(built: Built, listener: socket.socket, url: str) -> None:
    given_up = asyncio.create_task(_end_without_engine(built))
    beside = [
        given_up,
        asyncio.create_task(_announce(built, url)),
        asyncio.create_task(watch_lag(built.metrics.loop_lag)),
    ]
    try:
        await built.service.start(built.patience)
        gc.collect()
        gc.freeze()  # what is loaded now stays; from here on only requests' garbage is looked for
        # uvicorn drains on these and raises them once more at its end, when all is done.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        if built.reload is not None:
            built.reload.listen(asyncio.get_running_loop())
        await built.server.serve(sockets=[listener])
        if given_up.done():
            raise given_up.result()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _end_at_once)
        for task in beside:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HASTE if built.server.force_exit else None):
                await built.service.end()
        built.tracing.close()


def _end_at_once(number: int, _frame: object) -> None:
    """One more signal, after what was accepted has ended: the engine's server may take its time.

    Whatever was started here ends with us.
    """
    os._exit(128 + number)


async def _announce(built: Built, url: str) -> None:
    await _poll(lambda: built.server.started)
    replicas = built.service.replicas
    try:
        replicas.require()
    except EngineError as error:
        if replicas.coming is None:
            say(f"WARNING: {error.detail}")
        say(f"Waiting for the engine. {url} answers 503 until it is there (end with Ctrl-C).")
        await _poll(lambda: replicas.available)
    say(f"ocrgate is ready at {url}   (documentation: {url}/docs, end with Ctrl-C)")
    key = "-H 'Authorization: Bearer KEY' " if built.asks_for_key else ""
    say(f"  curl {key}-F file=@page.png {url}/ocr")


async def _end_without_engine(built: Built) -> EngineError:
    """End the server once its engine was given up: why that is.

    Whoever watches over this process can then do what we cannot: start it elsewhere, tell somebody.
    """
    why = await built.service.replicas.until_given_up()
    built.server.should_exit = True
    return why


async def _poll(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - neither uvicorn nor replicas have an event for it
        await asyncio.sleep(_POLL)

"""``ocrgate serve``: the HTTP server."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ocrgate.cli.options import ConfigOption, load_settings
from ocrgate.cli.report import CommandFailed, say

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from ocrgate.keys import SqlKeyStore
    from ocrgate.settings import Loaded, Settings


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="What reads the pages: cpu (embedded), openai (servers that run already, such as "
            "vLLM) or vllm (started and watched over here)."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model to ask for or to start; for openai and vllm.")
    ] = None,
    url: Annotated[
        list[str] | None,
        typer.Option(help="Where a server runs already; again for each more. Implies openai."),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Serve a public address although no key exists.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Serve OCR over HTTP until SIGTERM or Ctrl-C; what was accepted is finished first."""
    from ocrgate.cli.listening import listen
    from ocrgate.settings import require_safe_bind

    read = partial(
        load_settings,
        config,
        server__host=host,
        server__port=port,
        server__insecure=insecure or None,
        engine__kind=engine or ("openai" if url else None),
        engine__model=model,
        engine__url=tuple(url) if url else None,
    )
    loaded = read()
    settings = loaded.settings
    store = _store(settings)
    has_keys = store is not None and store.has_any()
    warning = require_safe_bind(
        settings.server.host,
        has_keys=has_keys or settings.auth.required,
        insecure=settings.server.insecure,
    )
    listener = listen(settings.server.host, settings.server.port)
    if warning:
        say(f"WARNING: {warning}")
    _run(loaded, read, store, listener)


def _run(
    loaded: "Loaded",
    read: "Callable[[], Loaded]",
    store: "SqlKeyStore | None",
    listener: "socket.socket",
) -> None:
    """Serve until the end. From here on nobody waits for standard error."""
    from ocrgate.cli.listening import url_of
    from ocrgate.telemetry import logging

    settings = loaded.settings
    with logging.stderr_aside() as log:
        logging.configure(settings.telemetry.log_format, settings.telemetry.log_level)
        from ocrgate.cli.notice import show_notice
        from ocrgate.cli.reloading import Reload
        from ocrgate.cli.serving import build, run

        show_notice(settings)
        built = build(settings, store)
        metrics = built.metrics
        metrics.before_render(lambda: metrics.log_lines_dropped(log.dropped))
        built = replace(built, reload=Reload(loaded, read, built.service))
        say("Starting the engine ...")
        run(built, listener, url_of(listener))


def _store(settings: "Settings") -> "SqlKeyStore | None":
    """The keys; None where there are none and none can be kept, as on a read-only disk.

    Raises:
        CommandFailed: there is a database, but it cannot be used: its keys must not be passed by.
    """
    from ocrgate.cli.keys import open_store

    try:
        return open_store(settings)
    except CommandFailed as error:
        if settings.auth.database.exists() or settings.auth.required:
            raise
        say(f"WARNING: {error}. The server runs without API keys.")
        return None

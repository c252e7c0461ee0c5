"""Serve until SIGTERM or Ctrl-C, or until the engine dies."""

import asyncio
import signal
import socket
from collections.abc import Callable

from aiohttp import web

from ocrgate.simulate.profile import Profile
from ocrgate.simulate.server.app import Options, Server

_LAST_WORDS = 0.5  # seconds in which a dead engine still answers, before its process is gone
_GOODBYE = 1.0  # seconds for answers that are ready


async def serve(
    profile: Profile,
    options: Options,
    bind: Callable[[], socket.socket],
    ready: Callable[[], None] = lambda: None,
    make: Callable[[Profile, Options], Server] = Server,
) -> bool:
    """Serve on the socket that ``bind`` makes. True when it was asked to end, False when the engine
    died and the server does not come back.

    ``make`` makes the server, of another class perhaps. ``bind`` is called again for every return
    of a server that comes back: in between, connections are refused as they are while a real one
    starts.
    """
    server = make(profile, options)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        while not await _live(server, bind, ready, stop):
            if not options.restarts:
                return False
            server.died.clear()
            server.started.clear()
            server.pace.restart()
            if await _first(stop, server.started) is stop:
                break
    finally:
        server.pace.close()
    return True


async def _live(
    server: Server,
    bind: Callable[[], socket.socket],
    ready: Callable[[], None],
    stop: asyncio.Event,
) -> bool:
    """One life, at whose end all connections are closed; whether it was asked to end."""
    runner = web.AppRunner(server.application(), handler_cancellation=True, access_log=None)
    await runner.setup()
    try:
        await web.SockSite(runner, bind(), shutdown_timeout=_GOODBYE).start()
        ready()
        if await _first(stop, server.died) is stop:
            await _end(server)
            return True
        await asyncio.sleep(_LAST_WORDS)
        return False
    finally:
        await runner.cleanup()


async def _end(server: Server) -> None:
    """What SIGTERM does: with a timeout it is waited out in full, without one all is aborted."""
    server.draining = True
    if server.options.shutdown_timeout > 0:
        await asyncio.sleep(server.options.shutdown_timeout)
    server.pace.abort_all()
    await asyncio.sleep(0)


async def _first(*events: asyncio.Event) -> asyncio.Event:
    waits = {asyncio.ensure_future(event.wait()): event for event in events}
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return next(event for wait, event in waits.items() if wait in done)

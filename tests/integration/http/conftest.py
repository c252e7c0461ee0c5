"""The whole gateway over the real runtime, with an engine that follows a script."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import httpx
import pytest
import uvloop

from ocrgate.control.admission import AdmissionParams
from ocrgate.control.decision import Snapshot
from ocrgate.domain.ticket import Lane
from ocrgate.gateway.app import create_app
from ocrgate.gateway.application import Application
from ocrgate.gateway.server import make_server
from ocrgate.keys.cache import CachedKeys
from ocrgate.runtime.service import Parts, Service, ServiceParams
from ocrgate.settings import ServerSettings, Settings
from ocrgate.telemetry.metrics import Metrics
from ocrgate.testing import MemoryKeyStore, ScriptedEngine, ScriptedRasterizer

T = TypeVar("T")


@dataclass
class Site:
    """One server's parts, as tests look at them."""

    engine: ScriptedEngine
    service: Service
    metrics: Metrics
    keys: MemoryKeyStore
    app: Application
    settings: Settings
    url: str = "http://test"
    loop: asyncio.AbstractEventLoop | None = field(default=None, repr=False)

    def key(
        self,
        name: str = "ann",
        lane: Lane = Lane.STANDARD,
        rate: float | None = None,
        concurrency: int | None = None,
    ) -> str:
        """Make a key and return its secret."""
        _, secret = self.keys.create(name, lane=lane, rate=rate, concurrency=concurrency)
        return secret

    def snapshot(self) -> Snapshot:
        """The gate's state now, asked on the server's own loop."""
        return self._asked(self.service.gate.snapshot)

    def _asked(self, look: Callable[[], T]) -> T:
        if self.loop is None:
            return look()

        async def ask() -> T:
            return look()

        return asyncio.run_coroutine_threadsafe(ask(), self.loop).result(5)

    def metric(self, line: str) -> float:
        """The value of a metric, by its name and labels as they stand on the page; 0 if absent."""
        page = self._asked(self.metrics.render)[0].decode()
        found = [row.rpartition(" ")[2] for row in page.splitlines() if row.startswith(line + " ")]
        return float(found[0]) if found else 0.0


BuildSite = Callable[..., Site]


def make_site(
    engine: ScriptedEngine | None = None,
    *,
    pages: int = 1,
    server: ServerSettings | None = None,
    gate: AdmissionParams | None = None,
    prefetch: int | None = None,
    rasterizer: ScriptedRasterizer | None = None,
) -> Site:
    """A site with these parts; nothing is started."""
    settings = Settings(server=server or ServerSettings(body_timeout=0.5))
    engine = engine or ScriptedEngine(["hello\nworld"])
    metrics, keys = Metrics(), MemoryKeyStore()
    params = ServiceParams(gate=gate or AdmissionParams(), prefetch=prefetch)
    parts = Parts(engine, rasterizer or ScriptedRasterizer(pages))
    service = Service(parts, params, metrics=metrics)
    app = create_app(settings, service, keys=CachedKeys(keys, ttl=0), metrics=metrics)
    return Site(engine, service, metrics, keys, app, settings)


@pytest.fixture
def build() -> BuildSite:
    """Makes sites."""
    return make_site


Started = Callable[..., "contextlib.AbstractAsyncContextManager[tuple[Site, httpx.AsyncClient]]"]


@contextlib.asynccontextmanager
async def in_process(site: Site) -> AsyncIterator[tuple[Site, httpx.AsyncClient]]:
    """A started site and a client that calls it without a socket."""
    transport = httpx.ASGITransport(site.app)
    async with (
        site.app.router.lifespan_context(site.app),
        httpx.AsyncClient(transport=transport, base_url=site.url) as client,
    ):
        yield site, client


@pytest.fixture
def started() -> Started:
    """Starts a site in this process, in an ``async with``: the site and a client of it."""
    return in_process


@contextlib.contextmanager
def over_sockets(site: Site) -> Iterator[Site]:
    """The site behind uvicorn on a free port, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        server = make_server(site.app, site.settings.server, lambda: None)
        site.url = f"http://{host}:{port}"

        async def serve() -> None:
            site.loop = asyncio.get_running_loop()
            await server.serve([listener])

        def run() -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve())

        thread = threading.Thread(target=run)
        thread.start()
        try:
            _await(lambda: server.started)
            yield site
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


def _await(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Return once the condition holds."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.002)):
        if condition():
            return
        pause.wait(0.002)
    raise AssertionError("it did not happen in time")


Eventually = Callable[..., None]


@pytest.fixture
def eventually() -> Eventually:
    """Waits until something became true in the server's thread."""
    return _await


@pytest.fixture
def served() -> Callable[[Site], "contextlib.AbstractContextManager[Site]"]:
    """Serves a site over sockets, in a ``with``."""
    return over_sockets

"""The composition root: every part of the HTTP application meets here, and nowhere else."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from starlette.middleware import Middleware

from ocrgate import __version__
from ocrgate.gateway import openapi
from ocrgate.gateway.access import Access, Keys
from ocrgate.gateway.application import Application, Endpoint
from ocrgate.gateway.budget import BytesInFlight
from ocrgate.gateway.deps import Gateway
from ocrgate.gateway.middleware.body import BodyBounds, BodyLimits
from ocrgate.gateway.middleware.debug import GateDebug
from ocrgate.gateway.middleware.door import Door
from ocrgate.gateway.middleware.failures import Failures
from ocrgate.gateway.middleware.identity import Identity
from ocrgate.gateway.middleware.observe import Observe
from ocrgate.gateway.quota import Quotas
from ocrgate.gateway.routes import docs, mistral, ocr, openai, status
from ocrgate.runtime.service import Service
from ocrgate.settings import Settings
from ocrgate.telemetry.metrics import Metrics

BODIES_IN_FLIGHT = 4
"""Bodies of the largest size that all requests together may hold in memory."""

OPEN_PATHS = ("/", "/livez", "/readyz", "/health", "/version", "/metrics", "/docs", "/openapi.json")
"""What answers while the server drains, and when it has more connections than it may have."""

_ROUTES: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", "/ocr", ocr.read),
    ("POST", "/v1/ocr", mistral.read),
    ("POST", "/v1/chat/completions", openai.chat),
    ("GET", "/v1/models", openai.models),
    ("GET", "/v1/models/{name:path}", openai.model),
    ("GET", "/livez", status.livez),
    ("GET", "/readyz", status.readyz),
    ("GET", "/health", status.health),
    ("GET", "/version", status.version),
    ("GET", "/metrics", status.metrics),
    ("GET", "/docs", docs.page),
    ("GET", "/openapi.json", docs.contract),
    ("GET", "/", docs.home),
)


def create_app(
    settings: Settings, service: Service, *, keys: Keys | None = None, metrics: Metrics
) -> Application:
    """The HTTP application of one server.

    Args:
        settings: what it was told.
        service: reads documents; started and closed with the application.
        keys: where API keys are looked up; None on a server that has none.
        metrics: what is counted, shared with the service.
    """
    app = Application(
        _ROUTES,
        middleware=_layers(settings, service, metrics),
        lifespan=_lifespan(service),
        contract=openapi.document("ocrgate", __version__),
    )
    app.state.gateway = Gateway(settings, service, Access(settings, keys), Quotas(metrics), metrics)
    return app


def _lifespan(
    service: Service,
) -> Callable[[Application], AbstractAsyncContextManager[None, bool | None]]:
    @asynccontextmanager
    async def lifespan(_: Application) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.close()

    return lifespan


def _layers(settings: Settings, service: Service, metrics: Metrics) -> list[Middleware]:
    """From the outside in."""
    server = settings.server
    limits = BodyLimits(server.max_body_bytes, server.body_timeout, total=server.max_timeout)
    budget = BytesInFlight(
        BODIES_IN_FLIGHT * server.max_body_bytes, partial(metrics.refused, "bytes")
    )
    return [
        Middleware(Identity),
        Middleware(Observe, metrics=metrics, templates={end: path for _, path, end in _ROUTES}),
        Middleware(GateDebug, explain=service.explain),
        Middleware(BodyBounds, limits=limits, budget=budget),
        Middleware(Failures, draining=lambda: service.draining),
        Middleware(
            Door,
            draining=lambda: service.draining,
            open_paths=OPEN_PATHS,
            metrics=metrics,
        ),
    ]

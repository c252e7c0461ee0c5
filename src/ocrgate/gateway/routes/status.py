"""What the server says of itself: life, readiness, version, metrics."""

from starlette.requests import Request
from starlette.responses import Response

from ocrgate import __version__
from ocrgate.gateway.answers import json_answer
from ocrgate.gateway.deps import Gateway
from ocrgate.gateway.exchange import Exchange
from ocrgate.gateway.problem import NOT_READY, public
from ocrgate.settings import is_loopback
from ocrgate.wire.status import Health, Live, Version

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


async def livez(request: Request) -> Response:
    """The process answers. True while draining too: it must not be killed with work in hand."""
    return json_answer(Live(), Exchange.of(request.scope))


async def readyz(request: Request) -> Response:
    """A page would be read now: one was lately, and the server is not going away."""
    health = await _health(request)
    answer = json_answer(health, Exchange.of(request.scope))
    if health.status != "ok":
        answer.status_code = NOT_READY
    return answer


async def health(request: Request) -> Response:
    """The same facts, always with 200, for people and dashboards."""
    return json_answer(await _health(request), Exchange.of(request.scope))


async def version(request: Request) -> Response:
    """Which program answers."""
    engine = Gateway.of(request).service.description.name
    return json_answer(Version("ocrgate", __version__, engine), Exchange.of(request.scope))


async def metrics(request: Request) -> Response:
    """Everything that is counted, for Prometheus.

    Open to clients of this machine that no proxy speaks for; others need a key once keys exist.
    """
    gateway = Gateway.of(request)
    if not (_is_local(request) and gateway.access.names.knows(request.headers)):
        await gateway.access.caller(request.headers)
    body, media = gateway.metrics.render(request.headers.get("accept", ""))
    return Response(body, headers={"content-type": media})


def _is_local(request: Request) -> bool:
    proxied = any(name in request.headers for name in _FORWARDED)
    return request.client is not None and is_loopback(request.client.host) and not proxied


async def _health(request: Request) -> Health:
    service = Gateway.of(request).service
    await service.ready()
    state = service.readiness()
    detail = state.detail and public(state.detail)
    return Health(state.status, service.description.name, detail, state.last_page_age)

"""OpenAI's contract over the same gate: chat completions that read the image in the message."""

from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from ocrgate.errors import NotFound
from ocrgate.gateway.answers import composed, json_answer
from ocrgate.gateway.chat import Chunks, completion, completion_id, failed
from ocrgate.gateway.chat_asked import asked_of
from ocrgate.gateway.deps import Gateway
from ocrgate.gateway.exchange import Exchange
from ocrgate.gateway.intake.foreign import chat_order, read_json
from ocrgate.gateway.live import Live
from ocrgate.gateway.sse import EventStream
from ocrgate.gateway.visit import Visit
from ocrgate.wire.openai import Model, ModelList

ALIAS = "ocrgate"
"""A name for whatever engine serves here, for clients that must name a model."""


async def chat(request: Request) -> Response:
    """Read the image in the conversation; of the words beside it, see ``chat_asked``."""
    visit = await Visit.enter(request)
    order, document = await visit.received(read_json(request, chat_order))
    model = known_model(order.model, visit.gateway)
    asked = visit.ask(asked_of(order, visit.gateway.service.description))
    if not order.stream:
        result = await visit.read(document, asked)
        compose = partial(completion, request_id=visit.exchange.request_id)
        reply = await composed(result.recognition, compose)
        return json_answer(reply, visit.exchange, result.recognition)
    options = order.stream_options
    chunks = Chunks(
        id=completion_id(visit.exchange.request_id),
        model=model,
        with_usage=bool(options and options.include_usage),
    )
    live = Live()
    asked = replace(asked, listener=live.hear)
    events = chunks.events(live.events(visit.pages(document, asked)))
    tell = partial(failed, visit.exchange)
    return EventStream(events, failed=tell, headers=lambda: visit.exchange.quota)


def known_model(name: str | None, gateway: Gateway) -> str:
    """The engine's own name.

    Raises:
        NotFound: another model was asked for.
    """
    served = gateway.service.description.name
    if not name or name in names_of(served):
        return served
    raise NotFound(f"there is no model {name[:80]!r} here; {served!r} is served", field="model")


def names_of(served: str) -> tuple[str, ...]:
    """What the engine may be called: by its whole name, by its model's alone, or by the alias.

    Whoever asked a server by its model's name need not change that to ask here.
    """
    return served, served.partition("/")[2] or served, ALIAS


async def models(request: Request) -> Response:
    """The engine that serves here, under each of its names."""
    return json_answer(ModelList([Model(name) for name in await _names(request)]), _of(request))


async def model(request: Request) -> Response:
    """One of them."""
    name = request.path_params["name"]
    if name not in await _names(request):
        raise NotFound(f"there is no model {name[:80]!r} here", field="model")
    return json_answer(Model(name), _of(request))


async def _names(request: Request) -> tuple[str, ...]:
    gateway = Gateway.of(request)
    await gateway.access.caller(request.headers)
    service = gateway.service
    if not any(one.up for one in service.replicas.snapshot()):
        return (ALIAS,)  # which model it is shows when the engine is there
    return tuple(dict.fromkeys(names_of(service.description.name)))


def _of(request: Request) -> Exchange:
    return Exchange.of(request.scope)

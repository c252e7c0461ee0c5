"""What a server is, what it serves and what it can do: asked once, when the engine starts."""

from dataclasses import dataclass

import msgspec

from ocrgate.control.limit.law import Signals
from ocrgate.engines.openai.faults import (
    UNREADABLE,
    EngineUnreachable,
    EngineUnusable,
    of_status,
)
from ocrgate.engines.openai.link import Answer, Link
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.engines.openai.servers import SERVERS, Server, Version, has, parse_version
from ocrgate.engines.openai.signals import parse_signals
from ocrgate.engines.recipes import Instruction
from ocrgate.errors import EngineError

SECONDS = 10.0
"""For one question. A server that decodes images on its only thread may take some seconds."""

_MODELS = "/v1/models"
_OPENAPI = "/openapi.json"
_PAGE = 4 << 20  # bytes of a metrics page: a server with many replicas and buckets has some 100 kB
_SHOWN_MODELS = 8


class ServedModel(msgspec.Struct, frozen=True):
    """One line of ``/v1/models``. ``max_model_len`` is the context in tokens, where told."""

    id: str
    owned_by: str | None = None
    max_model_len: int | None = None


class _Models(msgspec.Struct):
    data: list[ServedModel]


class _Generation(msgspec.Struct):
    n_ctx: int | None = None


class _Props(msgspec.Struct):
    default_generation_settings: _Generation = msgspec.field(default_factory=_Generation)
    modalities: dict[str, bool] = msgspec.field(default_factory=dict)


class _OpenApi(msgspec.Struct):
    paths: dict[str, msgspec.Raw]


class _Version(msgspec.Struct):
    version: str


class _Tokens(msgspec.Struct):
    count: int | None = None
    tokens: list[object] | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What was found.

    Attributes:
        server: the kind of server.
        version: its version; None where it tells none.
        model: the name to ask for.
        context: tokens of prompt and answer together; None where it is not told.
        repetition_detection: whether the server can end loops itself.
        metrics: whether its load can be seen.
        kv_capacity_tokens: tokens that its KV cache holds; None where it is not told.
    """

    server: Server
    version: Version | None
    model: str
    context: int | None
    repetition_detection: bool
    metrics: bool
    kv_capacity_tokens: int | None


async def probe(link: Link, params: OpenAIParams) -> Capabilities:
    """Ask a server what it is.

    Raises:
        EngineUnreachable: it is not there, or still loading.
        EngineUnusable: it refuses the key, does not serve the model, or is no such server.
    """
    models = await served_models(link)
    model = choose(models, params.model, link.server)
    server = SERVERS[params.server] if params.server != "auto" else _of_owner(model)
    version = await _version(link, server)
    signals = await _signals(link, server)
    if server.kind == "openai" and params.server == "auto":
        server, version, signals = await _second_guess(link, server, version, signals)
    return Capabilities(
        server=server,
        version=version,
        model=model.id,
        context=model.max_model_len or await _context(link, server),
        repetition_detection=has(server.repetition_detection, version),
        metrics=signals is not None,
        kv_capacity_tokens=signals.kv_capacity_tokens if signals else None,
    )


async def served_models(link: Link) -> list[ServedModel]:
    """The models that a server names.

    Raises:
        EngineUnreachable, EngineUnusable: as :func:`probe`.
    """
    answer = await link.get(_MODELS, seconds=SECONDS, most=_PAGE)
    if answer.status != 200:
        raise _no_models(answer, link)
    try:
        return msgspec.json.decode(answer.body, type=_Models).data
    except UNREADABLE as error:
        raise EngineUnusable(
            f"{link.server}{_MODELS} gives no list of models; is it the base URL of an "
            "OpenAI-compatible server?"
        ) from error


def _no_models(answer: Answer, link: Link) -> EngineError:
    error = of_status(
        answer.status, answer.body, answer.headers, server=link.server, has_key=link.has_key
    )
    if isinstance(error, EngineUnreachable | EngineUnusable):
        return error
    return EngineUnreachable(error.detail, retry_after=error.retry_after)


def choose(models: list[ServedModel], wanted: str | None, server: str) -> ServedModel:
    """The model to ask for.

    Raises:
        EngineUnusable: it is not served, or none is.
    """
    if not models:
        raise EngineUnusable(f"{server} serves no model; start it with one that reads pages")
    if wanted is None:
        return models[0]
    for model in models:
        if model.id == wanted:
            return model
    names = ", ".join(model.id for model in models[:_SHOWN_MODELS])
    raise EngineUnusable(f"{server} does not serve {wanted!r}; set engine.model to one of: {names}")


def _of_owner(model: ServedModel) -> Server:
    owners = {server.owner: server for server in SERVERS.values() if server.owner}
    return owners.get(model.owned_by or "", SERVERS["openai"])


async def _second_guess(
    link: Link, server: Server, version: Version | None, signals: Signals | None
) -> tuple[Server, Version | None, Signals | None]:
    """A server whose models tell nothing may show itself by the names of its metrics, or by paths
    that no other has.
    """
    for candidate in SERVERS.values():
        found = await _signals(link, candidate)
        if found is not None and found.running is not None:
            return candidate, await _version(link, candidate), found
    routes = await _routes(link)
    for candidate in SERVERS.values():
        if candidate.routes and candidate.routes <= routes:
            return candidate, await _version(link, candidate), None
    return server, version, signals


async def _routes(link: Link) -> frozenset[str]:
    """The paths that a server says it has; none where it does not say."""
    try:
        answer = await link.get(_OPENAPI, seconds=SECONDS, most=_PAGE)
        return frozenset(msgspec.json.decode(answer.body, type=_OpenApi).paths)
    except (EngineError, *UNREADABLE):
        return frozenset()


async def _version(link: Link, server: Server) -> Version | None:
    if server.version is None:
        return None
    try:
        answer = await link.get(server.version, seconds=SECONDS)
        return parse_version(msgspec.json.decode(answer.body, type=_Version).version)
    except (EngineError, *UNREADABLE):
        return None  # an unknown version is taken for a new one


async def _context(link: Link, server: Server) -> int | None:
    """Tokens of one request, from the page that llama.cpp has for such things.

    Raises:
        EngineUnusable: the page says that no images are taken.
    """
    if server.props is None:
        return None
    try:
        answer = await link.get(server.props, seconds=SECONDS, most=_PAGE)
        props = msgspec.json.decode(answer.body, type=_Props)
    except (EngineError, *UNREADABLE):
        return None
    if props.modalities.get("vision") is False:
        raise EngineUnusable(
            f"{link.server} serves a model that takes no images; start it with its mmproj file"
        )
    return props.default_generation_settings.n_ctx


async def _signals(link: Link, server: Server) -> Signals | None:
    try:
        return await read_signals(link, server, seconds=SECONDS)
    except EngineError:
        return None


async def read_signals(link: Link, server: Server, *, seconds: float) -> Signals | None:
    """The server's load now; None if it does not show it.

    Raises:
        EngineUnreachable, EngineBroke: there was no answer.
    """
    if server.metrics is None:
        return None
    answer = await link.get(server.metrics.path, seconds=seconds, most=_PAGE)
    if answer.status != 200:
        return None
    signals = parse_signals(answer.body, server.metrics)
    return signals if signals.running is not None else None


async def prompt_tokens(link: Link, server: Server, model: str, words: Instruction) -> int | None:
    """Tokens of the instruction with the model's own template, without the image; None where the
    server does not count. Servers that count bare text leave the template's dozen tokens out.
    """
    if server.tokenize is None:
        return None
    question: dict[str, object] = {"model": model}
    if server.tokenize == "messages":
        system = [{"role": "system", "content": words.system}] if words.system is not None else []
        question["messages"] = [*system, {"role": "user", "content": words.text}]
    else:
        question[server.tokenize] = f"{words.system or ''}{words.text}"
    try:
        answer = await link.post("/tokenize", msgspec.json.encode(question), seconds=SECONDS)
        counted = msgspec.json.decode(answer.body, type=_Tokens)
    except (EngineError, *UNREADABLE):
        return None
    return counted.count or (len(counted.tokens) if counted.tokens else None)

"""The routes of a vLLM, over a simulated engine."""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from ocrgate.simulate.changes import Change
from ocrgate.simulate.cost import ImageRule
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profile import Profile
from ocrgate.simulate.request import Finished, Reason, Rejected
from ocrgate.simulate.server import answers, faults
from ocrgate.simulate.server.asked import Asked, Reader, text_tokens
from ocrgate.simulate.server.exposition import Exposition
from ocrgate.simulate.server.pace import Pace, Visit

VERSION = "0.32.0"  # of the vLLM whose behaviour this is
_LARGEST_BODY = 256 * 1024**2
_JSON = "application/json"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Options:
    """How a simulated server is run.

    Attributes:
        model: the name it serves.
        seed: of everything that is drawn.
        speed: virtual seconds of one real second.
        changes: what happens to the engine, by virtual time.
        rule: how pictures are resized.
        shutdown_timeout: seconds that requests under way have after SIGTERM; 0 aborts them.
        restarts: whether the server comes back after its engine died, instead of ending.
    """

    model: str = "tencent/HunyuanOCR"
    seed: int = 0
    speed: float = 1.0
    changes: tuple[Change, ...] = ()
    rule: ImageRule = field(default_factory=ImageRule)
    shutdown_timeout: float = 0.0
    restarts: bool = False


class Server:
    """One simulated server; made inside a running event loop."""

    def __init__(self, profile: Profile, options: Options) -> None:
        self.profile = profile
        self.options = options
        self.exposition = Exposition(profile, options.model)
        self.reader = Reader(profile, options.model, options.rule, options.seed)
        self.died = asyncio.Event()
        self.started = asyncio.Event()
        self._dead = False
        self.draining = False
        self._created = int(time.time())
        engine = VirtualEngine(profile, options.seed, options.changes)
        self.pace = Pace(engine, self.exposition, options.speed, self._fell, self._rose)

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[self._middleware])
        add = app.router.add_route
        add("POST", "/v1/chat/completions", self._chat)
        add("GET", "/v1/models", self._models)
        add("POST", "/tokenize", self._tokenize)
        add("GET", "/health", self._health)
        for method in ("GET", "POST"):
            add(method, "/ping", self._health)
        add("GET", "/version", self._version)
        add("GET", "/load", self._load)
        add("GET", "/metrics", self._metrics)
        return app

    def _fell(self) -> None:
        self._dead = True
        self.died.set()

    def _rose(self) -> None:
        self._dead = False
        self.started.set()

    @web.middleware
    async def _middleware(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        begun = time.monotonic()
        try:
            response = await handler(request)
        except faults.ApiFault as fault:
            response = _answer(fault.body, fault.http)
        except web.HTTPException as refused:  # the framework's own: another envelope
            detail = json.dumps({"detail": refused.reason}, separators=(",", ":"))
            response = _answer(detail.encode(), HTTPStatus(refused.status))
        info = request.match_info.route.resource
        name = info.canonical if info is not None else "none"
        spent = time.monotonic() - begun
        self.exposition.answered(name, request.method, response.status, spent)
        return response

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        asked = self.reader.chat(body, f"chatcmpl-{uuid.uuid4().hex}")
        self._require_alive()
        visit = self.pace.submit(asked.request, asked.interval if asked.stream else 0)
        try:
            await visit.news()
            self._require_taken(visit)
            if asked.stream:
                return await self._stream(request, asked, visit)
            while visit.end is None:
                await visit.news()
        finally:
            self.pace.abort(visit)  # the client is gone, or this is over anyway
        end = self._well_ended(visit)
        return _answer(answers.completion(asked, end.tokens, end.reason))

    async def _stream(self, request: web.Request, asked: Asked, visit: Visit) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        chunks = answers.Chunks(asked)
        sent = 0
        pending = chunks.role()
        while True:
            end = visit.end
            tokens = visit.tokens
            clean = isinstance(end, Finished) and end.reason not in {Reason.ABORT, Reason.ERROR}
            reason = end.reason if clean and isinstance(end, Finished) else None
            if tokens > sent or reason is not None:
                pending += chunks.words(sent, tokens, reason)
                sent = tokens
            if end is not None:
                break
            await response.write(pending)
            pending = b""
            await visit.news()
        if isinstance(end, Finished) and end.reason is Reason.ERROR:
            pending += b"data: " + faults.dead().body + b"\n\n"
        elif asked.usage and clean:
            pending += chunks.counts(sent)
        await response.write(pending + answers.DONE)
        await response.write_eof()
        return response

    def _require_alive(self) -> None:
        if self._dead:
            raise faults.dead()
        if self.draining:
            raise faults.shutting_down()

    def _require_taken(self, visit: Visit) -> None:
        end = visit.end
        if isinstance(end, Rejected):
            raise {
                "busy": faults.busy(),
                "too_long": faults.too_long(visit.request.input_tokens, self.reader.room),
                "image_too_large": faults.over_encoder(
                    visit.request.image_tokens, self.profile.image_budget
                ),
                "dead": faults.dead(),
            }[end.why]

    def _well_ended(self, visit: Visit) -> Finished:
        self._require_taken(visit)
        end = visit.end
        assert isinstance(end, Finished)
        if end.reason is Reason.ERROR:
            raise faults.dead()
        return end

    async def _models(self, _: web.Request) -> web.Response:
        model = {
            "id": self.options.model,
            "object": "model",
            "created": self._created,
            "owned_by": "vllm",
            "root": self.options.model,
            "parent": None,
            "max_model_len": self.profile.max_model_len,
        }
        return _answer(json.dumps({"object": "list", "data": [model]}).encode())

    async def _tokenize(self, request: web.Request) -> web.Response:
        fields = self.reader.fields(await request.read())
        if "messages" in fields:
            count = self.reader.prompt(fields)[0]
        elif isinstance(fields.get("prompt"), str):
            count = text_tokens(fields["prompt"])
        else:
            raise faults.invalid("Field required: prompt")
        tokens = {
            "count": count,
            "max_model_len": self.profile.max_model_len,
            "tokens": list(range(count)),
            "token_strs": None,
        }
        return _answer(json.dumps(tokens).encode())

    async def _health(self, _: web.Request) -> web.Response:
        return _answer(b"", HTTPStatus.SERVICE_UNAVAILABLE if self._dead else HTTPStatus.OK)

    async def _version(self, _: web.Request) -> web.Response:
        return _answer(json.dumps({"version": VERSION}).encode())

    async def _load(self, _: web.Request) -> web.Response:
        return _answer(json.dumps({"server_load": self.pace.load}).encode())

    async def _metrics(self, _: web.Request) -> web.Response:
        page = self.exposition.page(self.pace.snapshot())
        return web.Response(
            body=page.encode(),
            headers={"content-type": "text/plain; version=0.0.4; charset=utf-8"},
        )


def _answer(body: bytes, http: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(body=body, status=int(http), content_type=_JSON)

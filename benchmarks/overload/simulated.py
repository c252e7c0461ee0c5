"""The server of ``ocrgate simulate``, for any profile, with knobs for what goes wrong with it.

``python -m benchmarks.overload.simulated ASKED.json``. The routes beside those of the real one are
for the bench alone: ``POST /bench/change`` with ``{"kind": "slow", "value": 5}`` does that to the
engine now, and ``POST /bench/says`` with ``{"says": "missing"}`` changes what ``/metrics`` says.
"""

import asyncio
import re
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec
from aiohttp import web
from benchmarks.overload.pages import SHAPES, kind_of

from ocrgate.simulate.changes import Kind
from ocrgate.simulate.profile import Profile
from ocrgate.simulate.server.app import Options, Server
from ocrgate.simulate.server.asked import Asked, Reader
from ocrgate.simulate.server.run import serve

Says = Literal["true", "missing", "stale", "idle", "full", "thrashing"]
"""What ``/metrics`` answers: the truth; 404; what it last said; that nothing is there to do; that
the cache is full and a hundred wait; that besides every look finds ten more thrown out."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_GAUGES = re.compile(
    r"^(vllm:(num_requests_running|num_requests_waiting|kv_cache_usage_perc|num_preemptions_total)"
    r"\{[^}]*\}) \S+$",
    re.MULTILINE,
)
_FULL = {"num_requests_waiting": 100.0, "kv_cache_usage_perc": 0.99}


@dataclass(frozen=True, slots=True)
class Simulated:
    """What is asked of the program."""

    profile: Profile
    port: int
    speed: float = 1.0
    seed: int = 1
    shutdown_timeout: float = 0.0


@dataclass(frozen=True, slots=True)
class Turn:
    """The body of ``/bench/change``."""

    kind: Kind
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Voice:
    """The body of ``/bench/says``."""

    says: Says


class Sorting(Reader):
    """Gives pages of each kind texts of their own lengths."""

    def __init__(self, profile: Profile, options: Options) -> None:
        rest = (options.model, options.rule, options.seed)
        super().__init__(profile, *rest)
        self._readers = {
            kind: Reader(replace(profile, lengths=shape.lengths(profile.lengths)), *rest)
            for kind, shape in SHAPES.items()
        }

    def chat(self, body: bytes, request_id: str) -> Asked:
        """A body, read by whoever knows its kind of page."""
        picture = self.prompt(self.fields(body))[2]
        kind = kind_of(picture.width, picture.height) if picture else "plain"
        return self._readers[kind].chat(body, request_id)


class Troubled(Server):
    """A simulated server that can be told what goes wrong with it."""

    def __init__(self, profile: Profile, options: Options) -> None:
        super().__init__(profile, options)
        self.reader = Sorting(profile, options)
        self._says: Says = "true"
        self._last = ""
        self._looks = 0

    def application(self) -> web.Application:
        """The routes, and those for the bench."""
        app = super().application()
        app.middlewares.append(self._voice)
        app.router.add_post("/bench/change", self._turn)
        app.router.add_post("/bench/says", self._hush)
        app.router.add_get("/bench/truth", self._truth)
        return app

    async def _turn(self, request: web.Request) -> web.Response:
        turn = msgspec.json.decode(await request.read(), type=Turn)
        self.pace.change(turn.kind, turn.value)
        return web.Response(status=204)

    async def _hush(self, request: web.Request) -> web.Response:
        self._last = self._page()
        self._says = msgspec.json.decode(await request.read(), type=Voice).says
        return web.Response(status=204)

    async def _truth(self, _: web.Request) -> web.Response:
        return web.Response(text=self._page())

    def _page(self) -> str:
        return self.exposition.page(self.pace.snapshot())

    @web.middleware
    async def _voice(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if request.path != "/metrics" or self._says == "true":
            return await handler(request)
        if self._says == "missing":
            raise web.HTTPNotFound
        if self._says == "stale":
            return web.Response(text=self._last)
        self._looks += 1
        return web.Response(text=_GAUGES.sub(self._lie, self._page()))

    def _lie(self, found: re.Match[str]) -> str:
        name = found[2]
        value = 0.0
        if self._says in {"full", "thrashing"}:
            thrown_out = 10.0 * self._looks * (self._says == "thrashing")
            value = thrown_out if name == "num_preemptions_total" else _FULL.get(name, 1.0)
        return f"{found[1]} {value}"


def main() -> None:
    """Serve until SIGTERM, or until the engine dies."""
    asked = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Simulated)
    options = Options(seed=asked.seed, speed=asked.speed, shutdown_timeout=asked.shutdown_timeout)

    def bind() -> socket.socket:
        return socket.create_server(("127.0.0.1", asked.port), backlog=1024)

    asyncio.run(serve(asked.profile, options, bind, make=Troubled))


if __name__ == "__main__":
    main()

"""What many write first: a Starlette application with ``asyncio.Semaphore(16)`` before the engine.

``python -m benchmarks.overload.semaphore PORT ENGINE_URL [PLACES]``
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


def application(engine: str, places: int) -> Starlette:
    """Everybody waits for a place, for as long as it takes."""
    semaphore = asyncio.Semaphore(places)
    client = httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_connections=None))

    async def chat(request: Request) -> Response:
        body = await request.body()
        async with semaphore:
            reply = await client.post(
                f"{engine}/v1/chat/completions",
                content=body,
                headers={"content-type": "application/json"},
            )
        return Response(reply.content, reply.status_code, media_type="application/json")

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    routes = [Route("/v1/chat/completions", chat, methods=["POST"]), Route("/health", health)]
    return Starlette(routes=routes, lifespan=lifespan)


def main() -> None:
    """Serve until SIGTERM."""
    port, engine, *rest = sys.argv[1:]
    places = int(rest[0]) if rest else 16
    app = application(engine, places)
    uvicorn.run(
        app, port=int(port), log_level="warning", access_log=False, timeout_graceful_shutdown=1
    )


if __name__ == "__main__":
    main()

"""Calls to a server from within an event loop, and waiting for what its metrics say."""

import asyncio
import json
import time
from typing import Any

import aiohttp
from tests.vllm.server import metric

CHAT = "/v1/chat/completions"


async def is_up(url: str, path: str = "/health") -> bool:
    """Whether the server there says 200."""
    try:
        async with aiohttp.ClientSession(url) as session, session.get(path) as reply:
            return reply.status == 200
    except (aiohttp.ClientError, OSError):
        return False


async def read(session: aiohttp.ClientSession, body: dict[str, Any]) -> tuple[int, str]:
    """Status and text of the answer to a chat; the session holds the server's address."""
    async with session.post(CHAT, json=body) as reply:
        return reply.status, await reply.text()


async def post(session: aiohttp.ClientSession, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Status and decoded answer to a chat."""
    status, text = await read(session, body)
    return status, json.loads(text)


async def running(session: aiohttp.ClientSession) -> float:
    """Pages in the engine's batch."""
    async with session.get("/metrics") as reply:
        return metric(await reply.text(), "vllm:num_requests_running")


async def until_running(
    session: aiohttp.ClientSession, pages: int, seconds: float = 20, *, at_least: bool = False
) -> float:
    """Seconds until that many pages (or as many and more) are in the engine's batch.

    Raises:
        TimeoutError: it did not come to that in ``seconds``.
    """
    start = time.monotonic()
    async with asyncio.timeout(seconds):
        while True:
            now = await running(session)
            if now == pages or (at_least and now > pages):
                return time.monotonic() - start
            await asyncio.sleep(0.02)


def spread(seconds: list[float]) -> str:
    """Median and worst, for people."""
    ordered = sorted(seconds)
    return f"median {ordered[len(ordered) // 2]:.3f} s, worst {ordered[-1]:.3f} s"

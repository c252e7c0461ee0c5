"""A simulated server in this process, on a free port."""

import base64
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from PIL import Image

from ocrgate.simulate.profile import Profile
from ocrgate.simulate.server.app import Options, Server

Start = Callable[..., Awaitable[aiohttp.ClientSession]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a server of a profile; a session whose base is its address."""
    async with AsyncExitStack() as stack:

        async def begin(profile: Profile, **options: Any) -> aiohttp.ClientSession:
            server = Server(profile, Options(**options))
            runner = web.AppRunner(server.application(), handler_cancellation=True)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            stack.callback(server.pace.close)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            connector = aiohttp.TCPConnector(limit=0)
            session = aiohttp.ClientSession(runner_url(runner), connector=connector)
            return await stack.enter_async_context(session)

        yield begin


def runner_url(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


def picture(width: int = 512, height: int = 512, shade: int = 255, kind: str = "PNG") -> str:
    """A data URI of a plain picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (shade, shade, shade)).save(buffer, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def chat(url: str | None = None, **fields: Any) -> dict[str, Any]:
    """A body with one picture."""
    content: list[dict[str, Any]] = [{"type": "text", "text": "Read the page."}]
    content.insert(0, {"type": "image_url", "image_url": {"url": url or picture()}})
    body = {"model": "tencent/HunyuanOCR", "messages": [{"role": "user", "content": content}]}
    return body | fields


def sample(page: str, name: str) -> float:
    """The one sample of a name on a page of metrics."""
    lines = [line for line in page.splitlines() if line.startswith((f"{name}{{", f"{name} "))]
    assert len(lines) == 1, (name, lines)
    return float(lines[0].rsplit(" ", 1)[1])

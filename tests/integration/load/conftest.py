"""Work that costs nothing, and targets on free ports."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from ocrgate.load.link import parse_url
from ocrgate.load.targets import Api, Asking, Endpoint
from ocrgate.load.workload import Document, Workload
from ocrgate.simulate.profiles import profile
from ocrgate.simulate.server.app import Options, Server

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


@pytest.fixture
def work() -> Workload:
    """One small file of known text."""
    return Workload((Document("page", "page", "image/png", PNG, "a page"),), "one file")


@pytest.fixture
def raw() -> Callable[[str], Endpoint]:
    """An endpoint of a bare route."""
    return lambda url: Endpoint(parse_url(url), Api.RAW, kind="http")


@pytest.fixture
def chat() -> Callable[[str], Endpoint]:
    """An endpoint of OpenAI's contract."""

    def made(url: str) -> Endpoint:
        address = parse_url(f"{url}/v1/chat/completions")
        return Endpoint(address, Api.OPENAI, Asking(model="m"), kind="openai")

    return made


@pytest.fixture
async def simulated() -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Starts a simulated vLLM in this process, ten times as fast as real; its address."""
    async with AsyncExitStack() as stack:

        async def begin() -> str:
            server = Server(profile("f-model"), Options(speed=10.0))
            runner = web.AppRunner(server.application(), handler_cancellation=True)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            stack.callback(server.pace.close)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            return f"http://{host}:{port}"

        yield begin

"""Replicas over real connections, whose server dies and comes back."""

import asyncio
from collections.abc import Callable

from ocrgate.control.breaker import BreakerState
from ocrgate.domain.document import Encoding, PageImage
from ocrgate.domain.recognition import PageReading, PageRequest, Usage
from ocrgate.engines.openai.engine import OpenAIEngine
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.errors import EngineError
from ocrgate.runtime.clock import LoopClock
from ocrgate.runtime.patience import Patience
from ocrgate.runtime.replicas import Replicas
from ocrgate.testing import FaultyEngine, Talk

PAGE = PageImage(b"\xff\xd8 a page", Encoding.JPEG, 800, 600, 3, 1600, 1200)
TEXT = "one two three four"
SLOW = Talk(TEXT, delay=0.05)
COUNT = 32

Pages = list[asyncio.Task[tuple[PageReading, Usage]]]


def over(*servers: FaultyEngine) -> Replicas:
    """Replicas of the servers."""
    params = OpenAIParams(slots=COUNT)
    return Replicas([OpenAIEngine(params, each.url, LoopClock()) for each in servers])


async def in_flight(replicas: Replicas, *servers: FaultyEngine) -> Pages:
    """32 pages that are being written."""
    for server in servers:
        server.chats.clear()
        server.scripts = [SLOW]
    patience = Patience(asyncio.get_running_loop().time() + 20.0)
    pages = [
        asyncio.create_task(replicas.recognize(PAGE, PageRequest(n), patience=patience))
        for n in range(COUNT)
    ]
    await until(lambda: sum(server.running for server in servers) == COUNT)
    return pages


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process, or the machine between, brings about."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


async def test_killed_under_32_pages_it_loses_none_and_serves_again() -> None:
    """Resets and refusals: each page ends with its text or by name, and the next ones are read."""
    server = FaultyEngine()
    async with server:
        replicas = over(server)
        await replicas.start()
        pages = await in_flight(replicas, server)
        await server.stop()
        await asyncio.sleep(0.6)
        port = int(server.url.rpartition(":")[2])
        async with FaultyEngine(Talk(TEXT), port=port), asyncio.timeout(10):
            ends = await asyncio.gather(*pages, return_exceptions=True)
            reading, _ = await replicas.recognize(PAGE, PageRequest())
            await replicas.close()
    read = [end[0].text for end in ends if not isinstance(end, BaseException)]
    assert set(read) == {TEXT}
    assert all(isinstance(end, EngineError) for end in ends if isinstance(end, BaseException))
    assert len(read) >= COUNT - 4
    assert reading.text == TEXT
    assert [one.breaker for one in replicas.snapshot()] == [BreakerState.CLOSED]


async def test_one_of_two_killed_under_32_pages_costs_no_page() -> None:
    """Those that it had are read by the other, at once."""
    async with FaultyEngine() as dying, FaultyEngine() as staying:
        replicas = over(dying, staying)
        await replicas.start()
        await until(lambda: all(one.up for one in replicas.snapshot()))
        pages = await in_flight(replicas, dying, staying)
        await dying.stop()
        async with asyncio.timeout(5):
            ends = await asyncio.gather(*pages)
        await replicas.close()
    assert {reading.text for reading, _ in ends} == {TEXT}
    assert len(dying.chats) == COUNT // 2
    assert len(staying.chats) == COUNT

"""What every engine must do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from ocrgate.domain.recognition import PageReading, PageRequest, Task
from ocrgate.engines.cpu.known_page import known_page
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.ports import Engine
from ocrgate.runtime.engines import EngineParts, build_engine
from ocrgate.runtime.replicas import Replicas
from ocrgate.testing import FaultyEngine, ScriptedEngine, Talk


def replicas(count: int) -> EngineParts:
    """Several scripted engines as one."""
    engines = [ScriptedEngine(delay=0.01) for _ in range(count)]
    return EngineParts((Replicas(engines),), known_page())


ENGINES: dict[str, Callable[[], EngineParts]] = {
    "one replica": lambda: replicas(1),
    "three replicas": lambda: replicas(3),
    "scripted": lambda: EngineParts((ScriptedEngine(delay=0.01),), known_page()),
    "cpu": lambda: build_engine(CpuParams(workers=1), lambda _: None),
}
OPENAI = "openai"


async def parts_of(name: str, stack: AsyncExitStack) -> EngineParts:
    """An engine of that kind; what stands behind it ends with ``stack``."""
    if name != OPENAI:
        return ENGINES[name]()
    server = await stack.enter_async_context(FaultyEngine(Talk("Ready to read 2468")))
    return build_engine(OpenAIParams(url=(server.url,), recipe="generic"), lambda _: None)


@pytest.fixture(params=[*ENGINES, OPENAI])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    """An engine of each kind, started."""
    async with AsyncExitStack() as stack:
        parts = await parts_of(request.param, stack)
        for pool in parts.pools:
            stack.push_async_callback(pool.close)
            await pool.start()
        (made,) = parts.engines
        stack.push_async_callback(made.close)
        await made.start()
        yield made


async def test_it_reads_a_page_and_keeps_its_number(engine: Engine) -> None:
    """The reading is of the page that was asked for, in the page's own pixels."""
    page = known_page()
    reading, usage = await engine.recognize(page, PageRequest(number=7))
    assert isinstance(reading, PageReading)
    assert reading.number == 7
    assert (reading.width, reading.height) == (page.source_width, page.source_height)
    assert reading.text.strip()
    assert usage.pages == 1


async def test_it_says_what_it_is(engine: Engine) -> None:
    """Name, tasks and slots are there before any page, and boxes come if promised."""
    described = engine.description
    assert described.name
    assert Task.TEXT in described.tasks
    assert described.slots >= 1
    if described.boxes:
        reading, _ = await engine.recognize(known_page(), PageRequest())
        assert all(line.polygon for line in reading.lines())


async def test_a_cancelled_page_ends_within_a_second(engine: Engine) -> None:
    """And the engine reads the next one."""
    call = asyncio.create_task(engine.recognize(known_page(), PageRequest()))
    await asyncio.sleep(0)
    call.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await call
    reading, _ = await engine.recognize(known_page(), PageRequest())
    assert reading.text.strip()


async def test_more_calls_than_slots_are_all_answered(engine: Engine) -> None:
    """Whoever calls need not count."""
    calls = [engine.recognize(known_page(), PageRequest(number=n)) for n in range(1, 6)]
    assert [reading.number for reading, _ in await asyncio.gather(*calls)] == [1, 2, 3, 4, 5]


async def test_closing_twice_is_harmless(engine: Engine) -> None:
    """The fixture closes it once more."""
    await engine.close()

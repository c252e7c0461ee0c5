"""The public fakes keep their own promises."""

import asyncio

import pytest

from ocrgate.domain.document import Document, Encoding, ImageSpec, PageImage
from ocrgate.domain.recognition import PageRequest
from ocrgate.errors import EngineFailed, EngineUnavailable, UnreadableDocument
from ocrgate.testing import ManualClock, ScriptedEngine, ScriptedRasterizer, page_reading

IMAGE = PageImage(b"\0" * 4, Encoding.RAW, 2, 2, 1, 20, 20)


def test_a_manual_clock_calls_each_at_its_own_instant() -> None:
    """A callback sees the time it asked for, also one scheduled by another callback."""
    clock, seen = ManualClock(100.0), list[float]()

    def again() -> None:
        seen.append(clock.now())
        clock.call_at(clock.now() + 1.0, lambda: seen.append(clock.now()))

    clock.call_at(102.0, again)
    clock.advance(5.0)
    assert seen == [102.0, 103.0]
    assert clock.now() == 105.0


async def test_a_scripted_engine_records_what_it_was_asked() -> None:
    """Texts by page, errors by call, delays by the clock, cancellations."""
    clock = ManualClock()
    engine = ScriptedEngine(
        ["first", "second"], delay=1.0, errors=[None, EngineFailed()], clock=clock
    )
    calls = [asyncio.create_task(engine.recognize(IMAGE, PageRequest(n))) for n in (1, 2, 3)]
    await clock.run(0.5)
    assert engine.running == 3
    calls[2].cancel()
    await clock.run(0.5)
    reading, usage = await calls[0]
    assert (reading.text, reading.width, usage.pages) == ("first", 20, 1)
    with pytest.raises(EngineFailed):
        await calls[1]
    assert [call.outcome for call in engine.calls] == ["ok", "failed", "cancelled"]
    assert (engine.peak, engine.cancellations) == (3, 1)


async def test_a_scripted_engine_can_be_told_in_full() -> None:
    """Readings as they are, or a function of image and request."""
    given = page_reading("a\nb", width=7)
    engine = ScriptedEngine({4: given})
    reading, _ = await engine.recognize(IMAGE, PageRequest(4))
    assert (reading.text, reading.width, reading.number) == ("a\nb", 7, 4)
    computed = ScriptedEngine(lambda image, asked: page_reading(f"{image.width}/{asked.number}"))
    assert (await computed.recognize(IMAGE, PageRequest(9)))[0].text == "2/9"
    with pytest.raises(EngineUnavailable):
        await ScriptedEngine(start_error=EngineUnavailable()).start()


async def test_a_scripted_rasterizer_fails_where_told() -> None:
    """One page fails, the others do not; what was asked is on record."""
    rasterizer = ScriptedRasterizer(3, errors={2: UnreadableDocument("torn")})
    document = Document(data=b"x")
    async with rasterizer.hold(document) as held:
        assert rasterizer.held == 1
        await rasterizer.prepare(held, 1, ImageSpec())
        with pytest.raises(UnreadableDocument, match="torn"):
            await rasterizer.prepare(held, 2, ImageSpec())
        await rasterizer.prepare(held, 3, ImageSpec())
    assert rasterizer.prepared == [1, 2, 3]
    assert rasterizer.held == 0

"""Text comes out while it is written, in the order of the pages."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from ocrgate.domain.recognition import Usage
from ocrgate.errors import EngineFailed
from ocrgate.gateway.live import Live
from ocrgate.ports import Piece
from ocrgate.runtime.recognizer import PageResult, Timings
from ocrgate.testing import page_reading

Step = tuple[int, str] | str | Exception


def page(text: str) -> PageResult:
    return PageResult(page_reading(text), Usage(pages=1), Timings())


async def scripted(live: Live, steps: Sequence[Step]) -> AsyncGenerator[PageResult, None]:
    """Says (position, text), ends a page (its text) or fails, a turn of the loop apart."""
    for step in steps:
        await asyncio.sleep(0)
        if isinstance(step, tuple):
            live.hear(step[0], Piece(step[1], 1))
        elif isinstance(step, str):
            yield page(step)
        else:
            raise step


async def told(steps: Sequence[Step]) -> list[str]:
    """What came out; pages in brackets."""
    live, out = Live(), list[str]()
    async for item in live.events(scripted(live, steps)):
        out.append(item if isinstance(item, str) else f"[{item.reading.text}]")
    return out


async def test_text_comes_before_its_page() -> None:
    assert await told([(0, "a"), (0, "b"), "ab"]) == ["a", "b", "[ab]"]


async def test_a_later_page_waits_for_its_turn() -> None:
    out = await told([(1, "x"), (0, "a"), (1, "y"), "a", (1, "z"), "xyz"])
    assert "".join(out) == "a[a]xyz[xyz]"


async def test_a_page_without_pieces_comes_alone() -> None:
    assert await told(["a", (1, "b"), "b"]) == ["[a]", "b", "[b]"]


async def test_empty_pieces_say_nothing() -> None:
    assert await told([(0, ""), "a"]) == ["[a]"]


async def test_nothing_at_all_ends_at_once() -> None:
    assert await told([]) == []


async def test_a_failure_comes_after_what_was_said() -> None:
    live = Live()
    events = live.events(scripted(live, [(0, "half a pa"), EngineFailed()]))
    assert await anext(events) == "half a pa"
    with pytest.raises(EngineFailed):
        await anext(events)


async def test_closing_the_events_closes_the_pages() -> None:
    live, ended = Live(), asyncio.Event()

    async def pages() -> AsyncGenerator[PageResult, None]:
        try:
            live.hear(0, Piece("a", 1))
            await asyncio.sleep(3600)
            yield page("never")
        finally:
            ended.set()

    events = live.events(pages())
    assert await anext(events) == "a"
    await events.aclose()
    assert ended.is_set()


async def test_pages_are_not_read_far_ahead_of_whoever_takes_them() -> None:
    live, made = Live(), 0

    async def pages() -> AsyncGenerator[PageResult, None]:
        nonlocal made
        for _ in range(100):
            made += 1
            yield page("x")

    events = live.events(pages())
    await anext(events)
    for _ in range(20):
        await asyncio.sleep(0)
    assert made <= 3
    await events.aclose()

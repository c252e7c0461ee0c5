"""Documents that wait to be looked at."""

import asyncio

import pytest

from ocrgate.errors import Overloaded
from ocrgate.runtime.doorstep import RETRY_AFTER, Doorstep


class Visitors:
    """Callers who hold their turn until they are told to leave."""

    def __init__(self, places: int = 1, most: int = 4) -> None:
        self.refusals: list[tuple[str, float]] = []
        self.seen: list[str] = []
        self._step = Doorstep(places, most, lambda *refusal: self.refusals.append(refusal))
        self._leave = asyncio.Semaphore(0)

    def come(self, caller: str) -> "asyncio.Task[None]":
        """Wait for a turn in a task."""

        async def visit() -> None:
            async with self._step.turn(caller):
                self.seen.append(caller)
                await self._leave.acquire()

        return asyncio.create_task(visit())

    async def next(self) -> None:
        """One of those inside leaves, and whoever is called comes in."""
        self._leave.release()
        await settled()


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_callers_take_turns_whatever_number_one_of_them_sends() -> None:
    """Two documents of a flood are looked at before somebody else's, not all of them."""
    visitors = Visitors(most=8)
    tasks = [visitors.come("flood") for _ in range(4)]
    await settled()
    tasks.append(visitors.come("ann"))
    await settled()
    for _ in tasks:
        await visitors.next()
    assert visitors.seen == ["flood", "flood", "ann", "flood", "flood"]
    await asyncio.gather(*tasks)


async def test_one_caller_cannot_fill_the_line() -> None:
    """Beyond half of it the answer is no, while others still find a place."""
    visitors = Visitors(most=4)
    tasks = [visitors.come("flood") for _ in range(3)]
    await settled()
    with pytest.raises(Overloaded) as caught:
        await visitors.come("flood")
    assert (caught.value.reason, caught.value.retry_after) == ("backlog", RETRY_AFTER)
    tasks += [visitors.come("ann"), visitors.come("bob")]
    await settled()
    with pytest.raises(Overloaded):
        await visitors.come("eve")
    assert visitors.refusals == [("backlog", RETRY_AFTER)] * 2
    for _ in tasks:
        await visitors.next()
    await asyncio.gather(*tasks)


async def test_who_leaves_the_line_is_not_called() -> None:
    """A cancelled wait frees its place, also when it ends together with its call."""
    visitors = Visitors()
    first, gone, called, last = [visitors.come(name) for name in ("ann", "bob", "cid", "ann")]
    await settled()
    gone.cancel()
    await settled()
    first.cancel()
    await asyncio.sleep(0)
    called.cancel()
    await settled()
    assert visitors.seen == ["ann", "ann"]
    await visitors.next()
    await last
    again = visitors.come("bob")
    await visitors.next()
    await again
    assert visitors.seen[-1] == "bob"

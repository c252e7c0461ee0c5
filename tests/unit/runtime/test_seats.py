"""Seats at the engine are never more than there are, and never lost."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ocrgate.runtime.seats import Seats


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def seated(
    seats: Seats, names: list[str], order: list[str]
) -> AsyncIterator[dict[str, asyncio.Task[None]]]:
    """One task per name that sits until it is cancelled."""

    async def sit(name: str) -> None:
        async with seats.one():
            order.append(name)
            await asyncio.sleep(3600)

    tasks = {name: asyncio.create_task(sit(name)) for name in names}
    await settle()
    try:
        yield tasks
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def test_first_come_first_served() -> None:
    order: list[str] = []
    seats = Seats(lambda: 2)
    async with seated(seats, ["a", "b", "c", "d"], order) as tasks:
        assert order == ["a", "b"]
        tasks["a"].cancel()
        await settle()
        assert order == ["a", "b", "c"]
    assert seats.taken == 0


async def test_whoever_leaves_the_line_is_passed_over() -> None:
    order: list[str] = []
    async with seated(Seats(lambda: 1), ["a", "b", "c"], order) as tasks:
        tasks["b"].cancel()
        await settle()
        tasks["a"].cancel()
        await settle()
        assert order == ["a", "c"]


async def test_a_seat_given_to_one_who_leaves_at_that_moment_goes_on() -> None:
    order: list[str] = []
    async with seated(Seats(lambda: 1), ["a", "b", "c"], order) as tasks:
        tasks["a"].cancel()
        await asyncio.sleep(0)  # the seat is b's now, who does not know it yet
        tasks["b"].cancel()
        await settle()
        assert "c" in order


async def test_more_seats_are_taken_at_once() -> None:
    count, order = 1, list[str]()
    seats = Seats(lambda: count)
    async with seated(seats, ["a", "b", "c"], order):
        count = 3
        seats.refresh()
        await settle()
        assert order == ["a", "b", "c"]


async def test_fewer_seats_take_effect_as_pages_end() -> None:
    count, order = 2, list[str]()
    async with seated(Seats(lambda: count), ["a", "b", "c"], order) as tasks:
        count = 1
        tasks["a"].cancel()
        await settle()
        assert order == ["a", "b"]
        tasks["b"].cancel()
        await settle()
        assert order == ["a", "b", "c"]


async def test_nothing_is_lost_whatever_happens() -> None:
    rng, most = random.Random(1), 3
    seats = Seats(lambda: most)
    peak = 0

    async def page() -> None:
        nonlocal peak
        async with seats.one():
            peak = max(peak, seats.taken)
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)

    tasks = [asyncio.create_task(page()) for _ in range(400)]
    while not all(task.done() for task in tasks):
        if rng.random() < 0.5:
            rng.choice(tasks).cancel()
        await asyncio.sleep(0)
    assert (peak, seats.taken) == (3, 0)

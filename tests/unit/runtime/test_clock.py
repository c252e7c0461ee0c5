"""Time limits on any clock."""

import asyncio
import math

import pytest

from ocrgate.runtime.clock import LoopClock, sleep, until
from ocrgate.testing import ManualClock


async def test_a_body_that_takes_too_long_is_ended() -> None:
    """At the deadline the body is cancelled and the caller learns that time ran out."""
    clock = ManualClock()

    async def work() -> None:
        async with until(clock, 5.0):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await clock.run(4.9)
    assert not task.done()
    await clock.run(0.2)
    with pytest.raises(TimeoutError):
        await task


async def test_a_cancellation_from_outside_stays_one() -> None:
    """Who is cancelled by somebody else does not report a timeout."""
    clock = ManualClock()

    async def work() -> None:
        async with until(clock, 5.0):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await clock.run(1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.next_timer() is None


async def test_a_body_that_fails_as_its_time_ends_leaves_no_cancellation_behind() -> None:
    """Its error stays its own, and whoever counts cancellations of the task counts none."""
    clock = ManualClock()

    async def fail_instead() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise KeyError from None

    async def limited() -> None:
        async with until(clock, 5.0):
            await fail_instead()

    async def work() -> int:
        with pytest.raises(KeyError):
            await limited()
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    task = asyncio.create_task(work())
    await clock.run(5.1)
    assert await task == 0


async def test_a_limit_that_was_lifted_ends_nothing() -> None:
    """The rest of the body has all the time it wants."""
    clock = ManualClock()

    async def work() -> None:
        limit = until(clock, 5.0)
        async with limit:
            limit.lift()
            await sleep(clock, 20.0)
        assert not limit.reached

    task = asyncio.create_task(work())
    await clock.run(21.0)
    await task


async def test_without_a_deadline_there_is_no_timer() -> None:
    """An infinite deadline costs nothing."""
    clock = ManualClock()
    async with until(clock, math.inf):
        assert clock.next_timer() is None


async def test_the_loops_clock_runs() -> None:
    """Real time passes as told."""
    clock = LoopClock()
    start = clock.now()
    await sleep(clock, 0.01)
    assert clock.now() - start >= 0.01

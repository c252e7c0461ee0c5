"""Waiting for a server, on a clock that is moved by hand."""

import asyncio

import pytest

from ocrgate.engines.openai.patience import Patience
from ocrgate.testing import ManualClock


async def wait(clock: ManualClock, seconds: float, noted: list[Patience]) -> None:
    async with Patience(clock, seconds) as patience:
        noted.append(patience)
        await asyncio.Event().wait()


async def test_silence_ends_it() -> None:
    """At the bound, not before."""
    clock, noted = ManualClock(), list[Patience]()
    task = asyncio.create_task(wait(clock, 5.0, noted))
    await clock.run(4.9)
    assert not task.done()
    await clock.run(0.2)
    with pytest.raises(TimeoutError):
        await task


async def test_whatever_comes_starts_it_anew() -> None:
    """One timer sleeps on; a new bound holds from then on."""
    clock, noted = ManualClock(), list[Patience]()
    task = asyncio.create_task(wait(clock, 5.0, noted))
    for _ in range(4):
        await clock.run(4.0)
        noted[0].note()
    noted[0].note(1.0)
    await clock.run(0.9)
    assert not task.done()
    await clock.run(0.2)
    with pytest.raises(TimeoutError):
        await task


async def test_a_cancellation_stays_one() -> None:
    """Nobody takes the caller's leaving for a slow server; no timer is left."""
    clock, noted = ManualClock(), list[Patience]()
    task = asyncio.create_task(wait(clock, 5.0, noted))
    await clock.run(1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.next_timer() is None


async def test_a_body_that_ends_leaves_no_timer() -> None:
    """And its own exceptions pass."""
    clock = ManualClock()
    async with Patience(clock, 5.0):
        await asyncio.sleep(0)
    assert clock.next_timer() is None
    with pytest.raises(KeyError):
        async with Patience(clock, 5.0):
            raise KeyError
    assert clock.next_timer() is None

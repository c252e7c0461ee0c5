"""Waiting on a clock that may be a test's."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from ocrgate.ports import Clock

T = TypeVar("T")


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait ``seconds`` of ``clock``."""
    done = asyncio.Event()
    timer = clock.call_at(clock.now() + seconds, done.set)
    try:
        await done.wait()
    finally:
        timer.cancel()


async def at_most(clock: Clock, seconds: float, work: Awaitable[T]) -> T:
    """The result of ``work``, cancelled after ``seconds`` of ``clock``.

    Raises:
        TimeoutError: it took longer.
    """
    task = asyncio.ensure_future(work)
    timer = asyncio.create_task(sleep(clock, seconds))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        await ended(task, timer)


async def ended(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks and wait until they have ended, however that may be."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

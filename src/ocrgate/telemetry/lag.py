"""How late the event loop wakes up: the one number that shows that something blocks it."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def watch_lag(
    record: Callable[[float], None],
    *,
    interval: float = 0.5,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Sleep for ``interval`` seconds again and again and record the seconds overslept.

    Runs until its task is cancelled.
    """
    while True:
        expected = now() + interval
        await sleep(interval)
        record(max(0.0, now() - expected))

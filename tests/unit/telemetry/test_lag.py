"""The lag of the event loop."""

import asyncio

import pytest

from ocrgate.telemetry.lag import watch_lag
from ocrgate.testing import ManualClock


async def test_time_overslept_is_recorded() -> None:
    """A loop that was blocked for 70 ms shows 70 ms, one on time shows none."""
    clock, recorded = ManualClock(), list[float]()
    late = iter([0.07, 0.0, -0.001])

    async def oversleep(seconds: float) -> None:
        extra = next(late, None)
        if extra is None:
            raise asyncio.CancelledError
        clock.advance(seconds + extra)

    with pytest.raises(asyncio.CancelledError):
        await watch_lag(recorded.append, interval=0.5, now=clock.now, sleep=oversleep)
    assert recorded == pytest.approx([0.07, 0.0, 0.0])

"""What every clock must do."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ocrgate.ports import Clock
from ocrgate.runtime.clock import LoopClock
from ocrgate.testing import ManualClock

Pass = Callable[[float], Awaitable[None]]


@pytest.fixture(params=[ManualClock, LoopClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    """A clock of each kind."""
    made: Clock = request.param()
    return made


@pytest.fixture
def let_pass(clock: Clock) -> Pass:
    """Let that many seconds pass."""
    return clock.run if isinstance(clock, ManualClock) else asyncio.sleep


async def test_time_never_goes_back(clock: Clock, let_pass: Pass) -> None:
    """Later is later."""
    before = clock.now()
    await let_pass(0.02)
    assert clock.now() >= before + 0.019


async def test_callbacks_come_in_the_order_of_their_instants(clock: Clock, let_pass: Pass) -> None:
    """Whatever order they were scheduled in, and none before its time."""
    start = clock.now()
    heard: list[tuple[str, bool]] = []

    def expect(name: str, delay: float) -> None:
        when = start + delay
        clock.call_at(when, lambda: heard.append((name, clock.now() >= when - 1e-3)))

    expect("late", 0.03)
    expect("soon", 0.01)
    expect("past", -1.0)
    assert heard == []
    await let_pass(0.06)
    assert heard == [("past", True), ("soon", True), ("late", True)]


async def test_a_cancelled_callback_stays_silent(clock: Clock, let_pass: Pass) -> None:
    """Cancelling is final, and harmless afterwards."""
    heard: list[str] = []
    timer = clock.call_at(clock.now() + 0.01, lambda: heard.append("cancelled"))
    other = clock.call_at(clock.now() + 0.01, lambda: heard.append("kept"))
    timer.cancel()
    await let_pass(0.03)
    assert heard == ["kept"]
    timer.cancel()
    other.cancel()

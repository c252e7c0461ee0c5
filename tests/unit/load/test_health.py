"""A client that is out of breath says so."""

import asyncio
import time

from ocrgate.load.health import Health


def test_a_client_on_time_says_nothing() -> None:
    health = Health()
    for _ in range(100):
        health.late(0.001)
        health.lag.add(0.001)
    assert health.client().saturated == ""


def test_late_requests_are_said() -> None:
    """Two in a hundred are enough: the 99th percentile is what figures stand on."""
    health = Health()
    for number in range(100):
        health.late(0.2 if number < 2 else 0.0)
    assert "200 ms late" in health.client().saturated.replace("199", "200").replace("201", "200")


def test_a_machine_that_gives_no_time_is_said() -> None:
    """In a closed loop nobody is late, since nobody is due: the event loop tells."""
    health = Health()
    for number in range(100):
        health.lag.add(0.3 if number < 2 else 0.001)
    assert "this machine" in health.client().saturated


def test_a_queue_in_the_client_goes_first() -> None:
    """What Little's law found is the surest sign."""
    health = Health()
    health.late(0.2)
    health.trouble = "by Little's law"
    assert health.client().saturated == "by Little's law"


async def test_a_core_that_is_used_up_is_said() -> None:
    """Of processor time, not of the clock."""
    health = Health()
    health.begin()
    until = time.process_time() + 0.15
    while time.process_time() < until:
        pass
    health.end()
    told = health.client()
    assert told.cpu > 0.2  # others may want the same core
    if told.cpu > 0.9:
        assert "of a core" in told.saturated


async def test_the_event_loop_is_watched() -> None:
    """A blocked loop shows as lag; asking takes note of the moment."""
    health = Health()
    task = asyncio.create_task(health.watch())
    await asyncio.sleep(0)
    time.sleep(0.12)  # noqa: ASYNC251 - that is the point
    await asyncio.sleep(0.01)
    task.cancel()
    cpu, lag = health.recent()
    assert lag > 0.05
    assert cpu >= 0.0
    assert health.recent()[1] == 0.0

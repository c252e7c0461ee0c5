"""Several servers as one engine: who gets pages, what is tried again, what is waited for."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable

import pytest
from tests.integration.runtime.virtual_servers import PAGE, VirtualServer

from ocrgate.control.breaker import BreakerState
from ocrgate.domain.recognition import PageRequest
from ocrgate.errors import (
    BreakerOpen,
    DeadlineExceeded,
    EngineFailed,
    EngineUnavailable,
    OcrgateError,
)
from ocrgate.ports import Engine, Piece
from ocrgate.runtime.clock import until
from ocrgate.runtime.patience import Patience
from ocrgate.runtime.replica import BreakerMoved, CameUp, ReplicaEvent, Retried, Wasted
from ocrgate.runtime.replicas import Replicas
from ocrgate.testing import ManualClock

Reading = asyncio.Task[str]


class House:
    """Replicas over virtual servers on one clock."""

    def __init__(self, count: int = 1, *, slots: int = 8, varied: bool = False) -> None:
        self.clock = ManualClock()
        self.servers = [VirtualServer(self.clock, slots=slots, varied=varied) for _ in range(count)]
        self.events: list[ReplicaEvent] = []
        self.replicas = Replicas(self.servers, self.clock, observe=self.events.append)

    def read(self, number: int = 1, deadline: float = math.inf, *, live: bool = False) -> Reading:
        """Read a page in a task."""

        async def work() -> str:
            request = PageRequest(number=number, live=live)
            patience = Patience(deadline)
            reading, _ = await self.replicas.recognize(PAGE, request, patience=patience)
            return reading.text

        return asyncio.create_task(work())

    async def flood(self, count: int, first: int = 1) -> list[Reading]:
        """Read many pages at once, and let them begin."""
        tasks = [self.read(number) for number in range(first, first + count)]
        await self.clock.run(0.02)
        return tasks

    def retries(self) -> Counter[str]:
        """How retries ended."""
        return Counter(event.outcome for event in self.events if isinstance(event, Retried))

    def breakers(self) -> list[BreakerState]:
        """State of each."""
        return [one.breaker for one in self.replicas.snapshot()]


def right(number: int, end: str | BaseException) -> bool:
    """Whether a page has its own text, or a typed error: never another's, never nothing."""
    return isinstance(end, OcrgateError) or end == f"page {number}"


async def test_a_dead_server_costs_its_pages_one_retry_each() -> None:
    """Thirty-two pages on two servers, one is killed: all are read, none is tried three times."""
    house = House(2, slots=16)
    readings = await house.flood(32)
    assert [len(server.calls) for server in house.servers] == [16, 16]
    await house.clock.run(0.5)
    house.servers[0].kill()
    await house.clock.run(5.0)
    assert [await reading for reading in readings] == [f"page {n}" for n in range(1, 33)]
    calls = Counter(number for server in house.servers for number in server.calls)
    assert max(calls.values()) == 2
    assert house.retries() == {"ok": 16}
    assert house.breakers()[0] is not BreakerState.CLOSED


async def test_the_only_server_is_killed_under_32_pages_and_comes_back() -> None:
    """All are answered, rightly or by a typed error; after that it serves without a human."""
    house = House(1, slots=32)
    readings = await house.flood(32)
    await house.clock.run(0.5)
    house.servers[0].kill()
    await house.clock.run(0.1)
    late = house.read(99)
    await house.clock.run(0.01)
    with pytest.raises(BreakerOpen) as refused:
        await late
    assert 1.0 <= (refused.value.retry_after or 0.0) <= 5.0
    await house.clock.run(1.0)
    house.servers[0].revive()
    await house.clock.run(10.0)
    ends = await asyncio.gather(*readings, return_exceptions=True)
    assert all(right(n, end) for n, end in enumerate(ends, start=1))
    assert sum(isinstance(end, str) for end in ends) >= 30
    assert house.breakers() == [BreakerState.CLOSED]
    moves = [event.state for event in house.events if isinstance(event, BreakerMoved)]
    assert (moves[0], moves[-1]) == (BreakerState.OPEN, BreakerState.CLOSED)
    assert moves.count(BreakerState.CLOSED) == 1
    reading = house.read(100)
    await house.clock.run(1.1)
    assert await reading == "page 100"


async def test_all_that_a_server_has_by_now_are_tried_again_when_it_dies() -> None:
    """However many more it was given than at first."""
    house = House(1, slots=64)
    (server,) = house.servers
    server.slots = 4  # as it says of itself before anything is known
    house.replicas = Replicas([server], house.clock, observe=house.events.append)
    house.replicas.resize(0, 64)
    readings = [house.read(number, 60.0) for number in range(1, 65)]
    await house.clock.run(0.02)
    server.kill()
    await house.clock.run(1.0)
    server.revive()
    await house.clock.run(20.0)
    assert [await reading for reading in readings] == [f"page {n}" for n in range(1, 65)]
    assert house.retries() == {"ok": 64}


@pytest.mark.parametrize("away", [0.5, 3.0, 40.0, 100.0])
async def test_serving_again_within_ten_seconds_of_the_server(away: float) -> None:
    """A page a second meets a server that was away: however long, the first is soon read."""
    house = House(1)
    house.servers[0].kill()
    readings: list[Reading] = []

    async def second() -> None:
        readings.append(house.read(len(readings) + 1, house.clock.now() + 10.0))
        await house.clock.run(1.0)

    while house.clock.now() < away:
        await second()
    house.servers[0].revive()
    back = house.clock.now()
    while not any(task.done() and task.exception() is None for task in readings):
        await second()
    assert house.clock.now() - back <= 10.0
    for task in readings:
        task.cancel()
    await asyncio.gather(*readings, return_exceptions=True)


async def test_whoever_watches_the_server_makes_it_serve_at_once() -> None:
    """Told of the end, no page is sent; told of the return, all that wait go on."""
    house = House(1)
    waiting = await house.flood(4)
    house.servers[0].kill()
    house.replicas.replica_down(0, "killed")
    await house.clock.run(0.1)
    with pytest.raises(BreakerOpen, match="killed"):
        await house.read(9)
    house.servers[0].revive()
    house.replicas.replica_up(0)
    assert house.replicas.available
    await house.clock.run(1.5)
    assert [await each for each in waiting] == [f"page {n}" for n in range(1, 5)]
    assert CameUp(0) in house.events


async def test_a_request_at_fault_is_neither_tried_again_nor_held_against_the_server() -> None:
    """What is wrong here is wrong there."""

    class Wrong(EngineFailed):
        retryable = False
        replica_fault = False

    house = House(2)
    house.servers[0].turned_away = house.servers[1].turned_away = Wrong("400")
    for _ in range(20):
        with pytest.raises(Wrong):
            await house.read()
    assert house.breakers() == [BreakerState.CLOSED] * 2
    assert house.retries() == {}


async def test_a_page_that_brings_servers_down_does_not_shut_out_the_others() -> None:
    """It fails everywhere, and is one failure each time it is sent, not two."""
    house = House(1)
    house.servers[0].turned_away = EngineFailed("out of memory")
    for number in range(4):
        reading = house.read(number)
        await house.clock.run(1.0)
        with pytest.raises(EngineFailed):
            await reading
    assert house.breakers() == [BreakerState.CLOSED]
    assert house.retries() == {"failed": 4}


async def test_a_busy_server_is_left_alone_for_as_long_as_it_says() -> None:
    """Its page goes to the other; so do the next, until its time has passed."""

    class Busy(EngineFailed):
        replica_fault = False

    house = House(2)
    house.servers[0].turned_away = Busy("queue is full", retry_after=30.0)
    readings = await house.flood(6)
    await house.clock.run(2.0)
    assert [await each for each in readings] == [f"page {n}" for n in range(1, 7)]
    assert len(house.servers[1].calls) == 6
    assert house.breakers() == [BreakerState.CLOSED] * 2
    assert house.retries() == {"ok": 1}
    house.servers[0].turned_away = None
    await house.clock.run(30.0)
    await house.flood(6, 7)
    assert len(house.servers[0].calls) == 1 + 3


async def test_text_that_went_out_is_not_taken_back() -> None:
    """A live page fails when its server does; another page is begun anew."""
    house = House(2)
    heard: list[Piece] = []
    reading = asyncio.create_task(
        house.replicas.recognize(PAGE, PageRequest(live=True), heard.append)
    )
    await house.clock.run(0.5)
    other = house.read(2)
    await house.clock.run(0.1)
    for server in house.servers:
        server.kill()
        server.revive()
    await house.clock.run(3.0)
    with pytest.raises(EngineFailed, match="reset"):
        await reading
    assert [piece.text for piece in heard] == ["page"]
    assert await other == "page 2"
    assert Wasted(1) in house.events


async def test_there_is_no_retry_without_time_for_it() -> None:
    """If failing took longer than what is left, trying again is a waste."""
    house = House(2)
    house.servers[0].pace = house.servers[1].pace = 0.1
    reading = house.read(deadline=8.0)
    await house.clock.run(5.0)
    for server in house.servers:
        server.kill()
    await house.clock.run(0.1)
    with pytest.raises(EngineFailed):
        await reading
    assert house.retries() == {"late": 1}


async def test_a_server_that_fell_silent_leaves_time_for_another() -> None:
    """Its silence was borne for longer than a page takes where servers work."""
    house = House(2)
    first = house.read()
    await house.clock.run(2.0)
    assert await first == "page 1"
    for server in house.servers:
        server.pace = 0.1
    reading = house.read(2, deadline=house.clock.now() + 8.0)
    await house.clock.run(5.0)
    for server in house.servers:
        server.pace = 0.01
        server.kill()
        server.revive()
    await house.clock.run(2.9)
    assert reading.done()
    assert await reading == "page 2"
    assert house.retries() == {"ok": 1}


async def test_a_page_with_less_time_than_usual_is_tried_again_where_somebody_is_there() -> None:
    """It may be a short one. Only a wait for nobody is not begun for it."""
    house = House(1)
    first = house.read()
    await house.clock.run(2.0)
    assert await first == "page 1"  # a usual page takes a second
    (server,) = house.servers
    server.pace = 0.001
    short = house.read(2, house.clock.now() + 0.9)
    await house.clock.run(0.05)
    server.kill()
    server.revive()
    await house.clock.run(0.5)
    assert short.done()
    assert await short == "page 2"
    hopeless = house.read(3, house.clock.now() + 0.9)
    await house.clock.run(0.05)
    server.kill()
    house.replicas.replica_down(0, "killed")
    await house.clock.run(0.3)
    with pytest.raises(DeadlineExceeded):
        await hopeless


async def test_a_caller_who_leaves_says_nothing_about_the_server() -> None:
    """A hundred cancelled pages leave the breaker closed, and nothing behind."""
    house = House(1)
    for number in range(100):
        reading = house.read(number)
        await house.clock.run(0.02)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    (state,) = house.replicas.snapshot()
    assert (state.breaker, state.inflight) == (BreakerState.CLOSED, 0)


async def test_a_caller_who_leaves_while_waiting_leaves_nothing() -> None:
    """Neither a timer nor a probe."""
    house = House(1)
    readings = await house.flood(8)
    house.servers[0].kill()
    await house.clock.run(0.3)
    assert not any(reading.done() for reading in readings)
    for reading in readings:
        reading.cancel()
    await asyncio.gather(*readings, return_exceptions=True)
    assert house.retries() == {"cancelled": 8}
    house.servers[0].revive()
    await house.clock.run(6.0)
    again = house.read()
    await house.clock.run(1.1)
    assert await again == "page 1"


async def test_one_server_is_enough_to_start_and_the_others_follow() -> None:
    """The dead one is started again in the background, and gets pages once it is up."""
    house = House(3)
    house.servers[1].alive = False
    await house.replicas.start()
    await house.clock.run(3.0)
    assert [one.up for one in house.replicas.snapshot()] == [True, False, True]
    await house.flood(9)
    assert [len(server.calls) for server in house.servers] == [5, 0, 4]
    house.servers[1].revive()
    await house.clock.run(5.0)
    assert house.replicas.snapshot()[1].up
    await house.flood(9, 10)
    assert len(house.servers[1].calls) == 3
    await house.replicas.close()
    assert all(server.closed for server in house.servers)


async def test_starting_again_is_patient_until_somebody_knows_better() -> None:
    """Tries are at most five seconds apart; a supervisor's word makes the next one now."""
    house = House(2)
    house.servers[1].alive = False
    await house.replicas.start()
    await house.clock.run(60.0)
    assert 12 <= house.servers[1].starts <= 17
    house.servers[1].alive = True
    house.replicas.replica_up(1)
    await house.clock.run(0.01)
    assert house.replicas.snapshot()[1].up
    await house.replicas.close()


async def test_no_server_at_all_is_an_error_and_nothing_goes_on() -> None:
    """The reason reaches whoever starts."""
    house = House(2)
    for server in house.servers:
        server.alive = False
    with pytest.raises(EngineUnavailable, match="refused"):
        await house.replicas.start()
    await house.clock.run(60.0)
    assert [server.starts for server in house.servers] == [1, 1]
    with pytest.raises(EngineUnavailable, match="no engine is up"):
        await house.read()


async def test_closing_ends_the_wait_of_pages() -> None:
    """They fail by name, and closing again is harmless."""
    house = House(1)
    readings = await house.flood(8)
    house.servers[0].kill()
    await house.clock.run(0.4)
    await house.replicas.close()
    await house.replicas.close()
    ends = await asyncio.gather(*readings, return_exceptions=True)
    assert {type(end) for end in ends} == {EngineUnavailable}


async def test_the_whole_is_described_by_its_parts() -> None:
    """Slots add up; a number of none is refused."""
    assert House(3, slots=4).replicas.description.slots == 12
    with pytest.raises(ValueError, match="at least one"):
        Replicas([])


async def test_a_known_page_is_tried_everywhere_and_waits_for_nobody() -> None:
    """With one server dead it is read at once; with all dead it says so at once."""
    house = House(2)
    house.servers[0].kill()
    for number in range(6):
        probe = asyncio.create_task(house.replicas.probe(PAGE, PageRequest(number)))
        await house.clock.run(1.05)
        assert (await probe)[0].text == f"page {number}"
    house.servers[1].kill()
    with pytest.raises((EngineUnavailable, BreakerOpen)):
        await house.replicas.probe(PAGE, PageRequest())
    assert house.retries() == {}


# Four servers under full load, one of them in trouble


async def throughput(
    house: House, trouble: Callable[[int], None] = lambda _: None, seconds: int = 30
) -> tuple[int, int]:
    """Pages read, and pages failed, by as many callers as four servers have slots."""
    read = failed = 0
    number = 0

    async def caller() -> None:
        nonlocal read, failed, number
        while True:
            number += 1
            mine = number
            deadline = house.clock.now() + 10
            try:
                async with until(house.clock, deadline):
                    reading, _ = await house.replicas.recognize(
                        PAGE, PageRequest(mine), patience=Patience(deadline)
                    )
            except (OcrgateError, TimeoutError):
                failed += 1
                continue
            assert reading.text == f"page {mine}"
            read += 1

    callers = [asyncio.create_task(caller()) for _ in range(32)]
    for tick in range(seconds * 2):
        trouble(tick)
        await house.clock.run(0.5, settle=6)
    for each in callers:
        each.cancel()
    ends = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends)
    return read, failed


def dead(house: House) -> Callable[[int], None]:
    """Killed after five seconds, for good."""
    return lambda tick: house.servers[2].kill() if tick == 10 else None


def slow(house: House) -> Callable[[int], None]:
    """Five times slower after five seconds."""

    def trouble(tick: int) -> None:
        if tick == 10:
            house.servers[2].pace *= 5

    return trouble


def flapping(house: House) -> Callable[[int], None]:
    """Killed every other second and back after half of one."""

    def trouble(tick: int) -> None:
        if tick % 4 == 2:
            house.servers[2].kill()
        if tick % 4 == 3:
            house.servers[2].revive()

    return trouble


def hanging(house: House) -> Callable[[int], None]:
    """Accepts pages and says nothing any more, after five seconds."""

    def trouble(tick: int) -> None:
        if tick == 10:
            house.servers[2].pace *= 1e6

    return trouble


@pytest.mark.parametrize("trouble", [dead, slow, flapping, hanging])
async def test_three_healthy_servers_are_not_held_back_by_a_fourth(
    trouble: Callable[[House], Callable[[int], None]],
) -> None:
    """At least 95 % of what the three do alone, at most one retry per page, hardly a page lost.

    Those that are lost are what a server holds when it hangs until nobody waits for it any more.
    """
    alone, _ = await throughput(House(3, varied=True))
    house = House(4, varied=True)
    read, failed = await throughput(house, trouble(house))
    calls = Counter(number for server in house.servers for number in server.calls)
    assert read >= 0.95 * alone
    assert failed <= (0.02 if trouble is hanging else 0.01) * read
    assert max(calls.values()) <= 2


async def test_a_slow_server_gets_its_share_and_is_found_when_it_recovers() -> None:
    """A fifth of a full share while it is five times slower, a full one after."""
    house = House(4, varied=True)
    await throughput(house, slow(house), 40)
    during = [len(server.calls) for server in house.servers]
    healthy = (sum(during) - during[2]) / 3
    assert 0.1 * healthy <= during[2] <= 0.5 * healthy
    house.servers[2].pace /= 5
    await throughput(house, seconds=40)
    after = [len(server.calls) - past for server, past in zip(house.servers, during, strict=True)]
    assert after[2] >= 0.6 * max(after)


def test_replicas_are_an_engine() -> None:
    """Whoever takes an engine takes them."""
    engine: Engine = House(2).replicas
    assert engine.description.live

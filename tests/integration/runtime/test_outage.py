"""The only engine dies under pages that it has, that lie ready and that wait: none is lost."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from tests.integration.runtime.virtual_servers import PAGE, VirtualServer

from ocrgate.control.breaker import BreakerState
from ocrgate.control.degrade import DegradeParams
from ocrgate.domain.document import Document, PageImage
from ocrgate.domain.recognition import PageReading, PageRequest, Usage
from ocrgate.domain.ticket import Lane
from ocrgate.errors import (
    BreakerOpen,
    DeadlineExceeded,
    EngineUnavailable,
    OcrgateError,
)
from ocrgate.ports import Listener
from ocrgate.runtime.engines import EngineParts
from ocrgate.runtime.recognizer import DocumentRequest
from ocrgate.runtime.service import Parts, Service, ServiceParams
from ocrgate.testing import ManualClock, ScriptedEngine, ScriptedRasterizer

DOCUMENT = Document(data=b"x")

Reading = asyncio.Task[str]


class Counting(VirtualServer):
    """A server that remembers how many pages it was sent while it was dead."""

    refused = 0

    async def recognize(
        self, image: PageImage, request: PageRequest, listener: Listener | None = None
    ) -> tuple[PageReading, Usage]:
        self.refused += not self.alive
        return await super().recognize(image, request, listener)


@dataclass
class House:
    """A service in front of one server of eight slots, where a page takes a second."""

    pages: int = 1
    slots: int = 8
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.server = Counting(self.clock, slots=self.slots)
        self.rasterizer = ScriptedRasterizer(self.pages, clock=self.clock)
        self.service = Service(Parts(self.server, self.rasterizer), clock=self.clock)

    def read(self, timeout: float | None = 60.0, lane: Lane = Lane.STANDARD) -> Reading:
        async def work() -> str:
            asked = DocumentRequest(timeout=timeout, lane=lane)
            result = await self.service.recognizer.recognize(DOCUMENT, asked)
            return result.recognition.text

        return asyncio.create_task(work())

    async def crowd(self, count: int, seconds: float | None = 60.0) -> list[Reading]:
        """So many pages at once: as many at the engine as it has slots, the others behind."""
        await self.service.start()
        reading = [self.read(seconds) for _ in range(count)]
        await self.clock.run(0.5)
        return reading

    def die(self, *, watched: bool = True) -> None:
        """It is killed; whoever watches it says so at once."""
        self.server.kill()
        if watched:
            self.service.replicas.replica_down(0, "killed")

    def come_back(self, *, watched: bool = True) -> None:
        self.server.revive()
        if watched:
            self.service.replicas.replica_up(0)

    def counts(self) -> tuple[int, int]:
        """Pages with a place, and pages that wait for one."""
        now = self.service.gate.snapshot()
        return sum(now.inflight.values()), sum(now.backlog.values())


async def ends(reading: Sequence[Reading]) -> Counter[str]:
    """How they ended: ``ok`` or the name of the error. Nothing else may happen."""
    found = await asyncio.gather(*reading, return_exceptions=True)
    assert all(isinstance(end, str | OcrgateError) for end in found), found
    assert all(end == "page 1" for end in found if isinstance(end, str))
    return Counter("ok" if isinstance(end, str) else type(end).__name__ for end in found)


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("away", [1.0, 40.0])
async def test_what_waits_at_the_gate_waits_for_the_engine(away: float, *, watched: bool) -> None:
    """Twelve have a place and sixteen wait: longer than they would for other pages."""
    house = House()
    reading = await house.crowd(28)
    assert house.counts() == (12, 16)
    house.die(watched=watched)
    await house.clock.run(away)
    assert not any(each.done() for each in reading)
    assert house.counts() == (12, 16)
    house.come_back(watched=watched)
    await house.clock.run(15.0)
    assert await ends(reading) == {"ok": 28}
    assert house.counts() == (0, 0)
    await house.service.close()


async def test_who_comes_meanwhile_is_told_at_once_and_when_to_come_back() -> None:
    """It is not accepted, so that nothing is lost; a queue without an engine only gets old."""
    house = House()
    reading = await house.crowd(9)
    house.die()
    await house.clock.run(0.1)
    new = house.read()
    await house.clock.run(0.0)
    with pytest.raises(BreakerOpen, match="killed") as refused:
        await new
    assert 1.0 <= (refused.value.retry_after or 0.0) <= 5.0
    with pytest.raises(BreakerOpen):
        house.service.replicas.require()
    house.come_back()
    await house.clock.run(10.0)
    assert await ends(reading) == {"ok": 9}
    await house.service.close()


async def test_a_dead_server_is_asked_by_one_page_at_a_time() -> None:
    """Nobody tells of its return: probes find it, seldom enough, and none of them costs a page."""
    house = House()
    reading = await house.crowd(28)
    house.die(watched=False)
    await house.clock.run(1.0)
    before = house.server.refused
    await house.clock.run(40.0)
    assert house.server.refused - before <= 12
    asked = len(house.server.calls)
    house.server.revive()
    house.server.pace = 0.5  # its first token takes half a second
    while len(house.server.calls) == asked:
        await house.clock.run(0.01)
    await house.clock.run(0.4)
    assert len(house.server.calls) == asked + 1
    assert house.service.replicas.snapshot()[0].breaker is BreakerState.HALF_OPEN
    house.server.pace = 0.01
    await house.clock.run(0.2)
    assert house.service.replicas.snapshot()[0].inflight == 8
    for each in reading:
        each.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    await house.service.close()


async def test_waiting_is_no_work() -> None:
    """While nothing happens nobody is woken: what waits costs nothing."""
    house = House()
    reading = await house.crowd(28)
    house.die()
    for replica in house.service.replicas._fleet.replicas:
        replica.breaker.trip(house.clock.now() + 1000.0)  # stays open for long
    await house.clock.run(1.0)
    looks = 0
    able = house.service.replicas._fleet.able

    def counted(*without: object) -> list[int]:
        nonlocal looks
        looks += 1
        return able(*without)  # type: ignore[arg-type]

    house.service.replicas._fleet.able = counted  # type: ignore[method-assign,assignment]
    await house.clock.run(30.0)
    assert looks == 0
    for each in reading:
        each.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    await house.service.close()


async def test_who_hangs_up_while_the_engine_is_away_leaves_at_once() -> None:
    """One that it had, one that lay ready and one that waited: the next takes each place."""
    house = House()
    reading = await house.crowd(28)
    house.die()
    await house.clock.run(5.0)
    for index in (0, 9, 20):
        reading[index].cancel()
    await house.clock.run(0.0)
    assert house.counts() == (12, 13)
    house.come_back()
    await house.clock.run(15.0)
    left = [each for index, each in enumerate(reading) if index not in {0, 9, 20}]
    assert await ends(left) == {"ok": 25}
    for each in reading[1:]:
        each.cancel()
    assert house.counts() == (0, 0)
    await house.service.close()


async def test_an_outage_that_is_too_long_ends_at_the_deadline() -> None:
    """By name, in time, and no page is sent that could not be finished any more."""
    house = House()
    await house.service.start()
    first = house.read()
    await house.clock.run(1.5)
    assert await first == "page 1"  # a page takes a second here
    reading = [house.read(20.0) for _ in range(28)]
    await house.clock.run(0.5)
    house.die()
    await house.clock.run(18.7)
    asked = len(house.server.calls)
    house.come_back()
    await house.clock.run(2.0)
    assert await ends(reading) == {"DeadlineExceeded": 28}
    assert len(house.server.calls) == asked
    assert house.counts() == (0, 0)
    await house.service.close()


async def test_what_waited_without_the_engine_says_so() -> None:
    house = House()
    reading = await house.crowd(28, seconds=20.0)
    house.die()
    await house.clock.run(20.0)
    places: Counter[str] = Counter()
    for each in reading:
        with pytest.raises(DeadlineExceeded) as late:
            await each
        places[late.value.where] += 1
    assert places == {"engine": 12, "queue": 16}
    await house.service.close()


async def test_an_engine_that_is_given_up_ends_all_waits() -> None:
    """With why, at once: nothing will bring it back."""
    house = House()
    reading = await house.crowd(28)
    house.die()
    await house.clock.run(5.0)
    given_up = asyncio.create_task(house.service.replicas.until_given_up())
    house.service.replicas.replica_given_up(0, "the GPU is gone")
    await house.clock.run(0.0)
    assert await ends(reading) == {"EngineUnavailable": 28}
    assert "the GPU is gone" in str(await given_up)
    with pytest.raises(EngineUnavailable, match="the GPU is gone"):
        house.service.replicas.require()
    assert house.counts() == (0, 0)
    await house.service.close()


async def test_a_server_that_goes_away_waits_a_moment_for_its_engine() -> None:
    """As long as a breaker stays open. Then all that waits is told to go elsewhere."""
    house = House()
    reading = await house.crowd(28)
    house.die()
    await house.clock.run(5.0)
    drained = asyncio.create_task(house.service.drain(30.0))
    await house.clock.run(4.9)
    assert not any(each.done() for each in reading)
    await house.clock.run(0.2)
    assert await ends(reading) == {"Draining": 28}
    assert await drained
    await house.service.close()


async def test_a_server_that_goes_away_finishes_what_its_engine_comes_back_for() -> None:
    house = House()
    reading = await house.crowd(28)
    house.die()
    drained = asyncio.create_task(house.service.drain(30.0))
    await house.clock.run(4.0)
    house.come_back()
    await house.clock.run(10.0)
    assert await ends(reading) == {"ok": 28}
    assert await drained
    await house.service.close()


async def test_closing_ends_all_waits_by_name() -> None:
    house = House()
    reading = await house.crowd(28)
    house.die()
    await house.clock.run(1.0)
    await house.service.close()
    await house.clock.run(0.0)
    assert set(await ends(reading)) <= {"EngineUnavailable"}


async def test_later_pages_of_a_document_wait_as_its_first_does() -> None:
    """Fifty pages, of which the engine dies under the tenth: the document is read whole."""
    house = House(pages=50)
    await house.service.start()
    reading = house.read(timeout=120.0)
    await house.clock.run(1.5)
    house.die()
    await house.clock.run(40.0)
    assert not reading.done()
    house.come_back()
    await house.clock.run(20.0)
    assert (await reading).split("\f") == [f"page {number}" for number in range(1, 51)]
    await house.service.close()


async def test_an_outage_is_no_pressure() -> None:
    """What waited for the engine was not kept waiting by others: nobody gets a smaller image."""
    house = House()
    reading = await house.crowd(28)
    house.die()
    await house.clock.run(40.0)
    house.come_back()
    for _ in range(20):
        await house.clock.run(0.25)
        assert house.service.pressure.rungs == ()
        assert house.service.pressure.now < 0.5
    assert await ends(reading) == {"ok": 28}
    await house.service.close()


async def test_another_engine_reads_what_waits_as_fast_as_it_can() -> None:
    """Two at a time, a second each, one after the other; the usual engine is not waited for."""
    clock = ManualClock()
    server = VirtualServer(clock, slots=8)
    other = ScriptedEngine(delay=1.0, clock=clock, slots=2, name="cpu/other")
    parts = Parts(
        server,
        ScriptedRasterizer(clock=clock),
        other=lambda _: EngineParts((other,), PAGE),
    )
    params = ServiceParams(degrade=DegradeParams(other_engine=2))
    service = Service(parts, params, clock=clock)
    await service.start()
    asked = DocumentRequest(timeout=60.0)
    reading = [
        asyncio.create_task(service.recognizer.recognize(DOCUMENT, asked)) for _ in range(28)
    ]
    await clock.run(0.5)
    server.kill()
    service.replicas.replica_down(0, "killed")
    await clock.run(20.0)
    assert all(each.done() for each in reading)
    assert {(await each).recognition.engine for each in reading} == {"cpu/other"}
    assert other.peak == 2
    await service.close()


async def test_an_outage_does_not_count_as_slowness() -> None:
    """Pages that come right after it are judged by what pages take, not by what it took."""
    house = House()
    reading = await house.crowd(28)
    house.die()
    await house.clock.run(50.0)
    house.come_back()
    await house.clock.run(5.0)
    assert await ends(reading) == {"ok": 28}
    new = [house.read(timeout=10.0) for _ in range(8)]
    await house.clock.run(3.0)
    assert await ends(new) == {"ok": 8}
    await house.service.close()

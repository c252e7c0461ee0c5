"""The other engine: who is read there, when it comes and when it goes."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.integration.runtime.virtual_servers import PAGE

from ocrgate.control.admission import Admission, AdmissionParams
from ocrgate.control.ladder import Rung
from ocrgate.domain.document import Document
from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.domain.ticket import Lane, Ticket
from ocrgate.errors import (
    BadEngineOutput,
    BreakerOpen,
    DeadlineExceeded,
    Draining,
    EngineFailed,
    EngineUnavailable,
    OcrgateError,
    Overloaded,
)
from ocrgate.runtime.engines import EngineParts
from ocrgate.runtime.gate import Gate
from ocrgate.runtime.page import PageAsked, PageEnded, PageReader, no_spans
from ocrgate.runtime.replicas import Replicas
from ocrgate.runtime.seats import Seats
from ocrgate.runtime.spare import AGAIN, IDLE, Spare
from ocrgate.testing import ManualClock, ScriptedEngine, ScriptedRasterizer

FULL = Overloaded()
ASKED = PageAsked(PageRequest())


@dataclass
class Bench:
    """A spare, what it is told of the usual engine, and the engines that it made."""

    clock: ManualClock = field(default_factory=ManualClock)
    places: int = 1
    pressed: bool = True
    down: bool = False
    delay: float = 0.0
    fails: bool = False
    errors: Sequence[EngineFailed | None] = ()

    def __post_init__(self) -> None:
        self.made: list[ScriptedEngine] = []
        self.spare = Spare(
            self.build,
            self.clock,
            self.places,
            pressed=lambda: self.pressed,
            down=lambda: self.down,
        )

    def build(self, places: int) -> EngineParts:
        error = EngineUnavailable("no weights") if self.fails else None
        engine = ScriptedEngine(
            ["other"],
            slots=places,
            delay=self.delay,
            clock=self.clock,
            start_error=error,
            errors=self.errors,
            name="cpu/other",
        )
        self.made.append(engine)
        return EngineParts((engine,), PAGE)

    def ticket(self, **more: Any) -> Ticket:
        now = self.clock.now()
        return replace(Ticket(1, Lane.STANDARD, "ann", now, now + 10.0), **more)

    def takes(self, error: OcrgateError = FULL, asked: PageAsked = ASKED, **ticket: object) -> bool:
        return self.spare.takes(error, self.ticket(**ticket), asked)

    def full(
        self, observe: Callable[[PageEnded], None] = lambda _: None
    ) -> tuple[Gate, PageReader]:
        """A gate with one place and no room to wait, and a reader behind it."""
        gate = Gate(Admission(1, AdmissionParams(backlog_min=0, backlog_share=0.0)), self.clock)
        engine, seats = Replicas([ScriptedEngine()], self.clock), Seats(lambda: 1)
        reader = PageReader(
            gate,
            ScriptedRasterizer(),
            engine,
            seats,
            self.clock,
            observe,
            no_spans,
            elsewhere=self.spare,
        )
        return gate, reader

    def closed(self) -> list[bool]:
        return [engine.closed for engine in self.made]

    async def started(self) -> None:
        self.spare.want()
        await settle()

    async def read(self) -> str:
        rasterizer, document = ScriptedRasterizer(), Document(data=b"page")
        result = await self.spare.read(rasterizer, document, self.ticket(), ASKED)
        assert result.engine == "cpu/other"
        assert result.reading.degraded == ("other_engine",)
        return result.reading.text


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.spare.close()


async def test_it_starts_when_it_is_first_wanted(bench: Bench) -> None:
    """The first page is refused as ever; once the processes are there, pages are read."""
    assert bench.made == []
    assert not bench.takes()
    await settle()
    assert bench.spare.up
    assert bench.takes()
    assert await bench.read() == "other"


async def test_one_that_cannot_even_be_put_together_is_tried_again(bench: Bench) -> None:
    """As one that cannot be started is."""
    build, bench.spare._build = bench.spare._build, _missing
    await bench.started()
    assert not bench.spare.up
    bench.spare._build = build
    bench.clock.advance(AGAIN)
    await bench.started()
    assert bench.spare.up


def _missing(places: int) -> EngineParts:
    raise EngineUnavailable(f"no weights for {places}")


async def test_a_full_one_refuses_and_nobody_waits(bench: Bench) -> None:
    """As many pages as it has places, then the answer is what it would have been."""
    bench.delay = 1.0
    await bench.started()
    reading = asyncio.create_task(bench.read())
    await settle()
    assert not bench.takes()
    assert not bench.spare.could_take(frozenset())
    await bench.clock.run(1.0)
    assert await reading == "other"
    assert bench.takes()
    assert bench.spare.could_take(frozenset())


@pytest.mark.parametrize(
    ("asked", "ticket"),
    [
        (PageAsked(PageRequest(task=Task.TABLE)), {}),
        (PageAsked(PageRequest(prompt="Write a poem.")), {}),
        (PageAsked(PageRequest(live=True)), {}),
        (PageAsked(PageRequest(), forbidden=frozenset({Rung.OTHER_ENGINE})), {}),
        (ASKED, {"pages": 2}),
        (ASKED, {"continues": True}),
        (ASKED, {"lane": Lane.BATCH}),
        (ASKED, {"deadline": 2.5}),
    ],
)
async def test_whom_it_does_not_take(
    bench: Bench, asked: PageAsked, ticket: dict[str, Any]
) -> None:
    """What it cannot do, what was forbidden, documents, those with time and those with none."""
    await bench.started()
    assert bench.takes()
    assert not bench.takes(asked=asked, **ticket)


@pytest.mark.parametrize("error", [Overloaded(reason="bytes"), Draining(), BadEngineOutput()])
async def test_other_refusals_stay_refusals(bench: Bench, error: OcrgateError) -> None:
    """Short memory is short here too, a server that goes away goes, nonsense has its name."""
    bench.down = True
    await bench.started()
    assert not bench.takes(error)


async def test_without_pressure_only_a_missing_engine_counts(bench: Bench) -> None:
    """A burst is refused; a page that no replica takes is read, whatever the rungs."""
    bench.pressed = False
    await bench.started()
    assert not bench.takes(FULL)
    assert not bench.spare.could_take(frozenset())
    assert bench.takes(BreakerOpen())
    assert bench.takes(EngineUnavailable())
    assert not bench.takes(EngineFailed("reset"))  # the next page may be read
    bench.down = True
    assert bench.takes(EngineFailed("reset"))
    assert bench.spare.could_take(frozenset())
    assert not bench.spare.could_take(frozenset({Rung.OTHER_ENGINE}))


async def test_slow_pages_are_known_to_be_slow(bench: Bench) -> None:
    """After pages of eight seconds, one with ten left is not begun: it would be late."""
    bench.delay = 8.0
    await bench.started()
    for _ in range(12):
        reading = asyncio.create_task(bench.read())
        await bench.clock.run(8.0)
        await reading
    assert not bench.takes()
    assert bench.takes(deadline=bench.clock.now() + 20.0)


async def test_a_page_ends_at_its_deadline(bench: Bench) -> None:
    """It is told where the time went, and the place is free."""
    bench.delay = 60.0
    await bench.started()
    reading = asyncio.create_task(bench.read())
    await bench.clock.run(11.0)
    with pytest.raises(DeadlineExceeded) as caught:
        await reading
    assert caught.value.where == "engine"
    assert bench.spare.busy == 0
    assert bench.made[0].cancellations == 1


async def test_it_goes_when_nobody_needs_it(bench: Bench) -> None:
    """Two minutes after the last page, and comes back when it is wanted again."""
    await bench.started()
    await bench.clock.run(IDLE - 1)
    await bench.read()
    await bench.clock.run(IDLE - 1)
    assert bench.spare.up
    await bench.clock.run(2.0)
    assert bench.closed() == [True]
    assert not bench.takes()
    await settle()
    assert bench.takes()
    assert len(bench.made) == 2


async def test_one_that_cannot_start_is_not_tried_all_the_time(bench: Bench) -> None:
    """Pages are refused as they would be without it."""
    bench.fails = True
    for _ in range(5):
        assert not bench.takes()
        await settle()
    assert len(bench.made) == 1
    assert bench.made[0].closed
    await bench.clock.run(AGAIN)
    bench.fails = False
    assert not bench.takes()
    await settle()
    assert bench.takes()


async def test_other_numbers_leave_pages_alone(bench: Bench) -> None:
    """A page is finished where it began; the next finds as many places as are set now."""
    bench.delay = 1.0
    await bench.started()
    reading = asyncio.create_task(bench.read())
    await settle()
    bench.spare.retune(2)
    assert bench.closed() == [False]
    await bench.clock.run(1.0)
    assert await reading == "other"
    await settle()
    await bench.started()
    assert bench.closed() == [True, False]
    assert bench.made[1].description.slots == 2
    bench.spare.retune(0)
    await settle()
    assert bench.closed() == [True, True]
    assert not bench.takes()
    assert len(bench.made) == 2


async def test_a_refused_page_is_let_go_at_once(bench: Bench) -> None:
    """Its error does not hold it in a circle until the collector comes by: it may be large."""
    gate, reader = bench.full()
    gc.collect()
    gc.disable()
    try:
        async with gate.admit(bench.ticket(id=7)):
            with contextlib.suppress(Overloaded):
                document = Document(data=b"a page of its own kind")
                await reader.read(document, bench.ticket(), ASKED, asyncio.Event())
        del document
        left = [each for each in gc.get_objects() if isinstance(each, Document)]
        assert [each for each in left if each.data == b"a page of its own kind"] == []
    finally:
        gc.enable()


async def test_it_tells_when_it_reads_nothing(bench: Bench) -> None:
    """A server that goes away waits for that."""
    bench.delay = 1.0
    await bench.started()
    assert bench.spare.idle.is_set()
    reading = asyncio.create_task(bench.read())
    await settle()
    bench.spare.retune(0)  # where it stands now is another matter
    assert (bench.spare.busy, bench.spare.idle.is_set()) == (1, False)
    await bench.clock.run(1.0)
    await reading
    assert (bench.spare.busy, bench.spare.idle.is_set()) == (0, True)


async def test_a_page_that_fails_there_too_is_refused_as_it_would_have_been(bench: Bench) -> None:
    """Nobody loses by the try; and a page that was read there is no failure."""
    bench.errors = [EngineFailed("its process died"), None]
    await bench.started()
    ended: list[PageEnded] = []
    gate, reader = bench.full(ended.append)
    async with gate.admit(bench.ticket(id=7)):
        for _ in range(2):
            document, admitted = Document(data=b"page"), asyncio.Event()
            with contextlib.suppress(Overloaded):
                await reader.read(document, bench.ticket(), ASKED, admitted)
    assert [each.outcome for each in ended] == ["overloaded", "ok"]
    assert ended[1].result is not None
    assert ended[1].result.engine == "cpu/other"
    assert isinstance(ended[1].error, Overloaded)


async def test_it_can_be_closed_while_it_starts(bench: Bench) -> None:
    """Nothing is left behind, and nothing starts after that."""
    bench.spare.want()
    await bench.spare.close()
    await bench.spare.close()
    assert not bench.takes()
    await settle()
    assert all(engine.closed for engine in bench.made)

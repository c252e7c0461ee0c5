"""Document in, recognition out, over scripted engine and rasterizer."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from ocrgate.control.admission import Admission, AdmissionParams
from ocrgate.domain.document import Document, DocumentInfo, PageSelection
from ocrgate.domain.recognition import PageRequest, PageWarning, Task
from ocrgate.domain.ticket import Lane
from ocrgate.errors import (
    BadEngineOutput,
    DeadlineExceeded,
    EngineFailed,
    InvalidRequest,
    Overloaded,
    UnreadableDocument,
)
from ocrgate.runtime.doorstep import Doorstep
from ocrgate.runtime.gate import Gate
from ocrgate.runtime.page import PageEnded
from ocrgate.runtime.recognizer import DocumentRequest, PageResult, Recognizer
from ocrgate.runtime.replicas import Replicas
from ocrgate.testing import ManualClock, ScriptedEngine, ScriptedRasterizer, page_reading

DOCUMENT = Document(data=b"x" * 1000)


class Bench:
    """A recognizer on a clock moved by hand."""

    def __init__(
        self,
        *,
        pages: int = 1,
        places: int = 3,
        slots: int | None = None,
        seconds: float = 1.0,
        errors: Sequence[BaseException | None] = (),
        params: AdmissionParams | None = None,
        rasterizer: ScriptedRasterizer | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.engine = ScriptedEngine(
            delay=seconds, errors=errors, clock=self.clock, slots=slots or places
        )
        self.rasterizer = rasterizer or ScriptedRasterizer(pages, clock=self.clock)
        self.gate = Gate(Admission(places, params), self.clock)
        self.ended: list[PageEnded] = []
        self.recognizer = Recognizer(
            self.gate,
            self.rasterizer,
            Replicas([self.engine], self.clock),
            self.clock,
            lookahead=places,
            observe=self.ended.append,
        )

    def read(self, **asked: object) -> "asyncio.Task[str]":
        """Read a document in a task; its result is the text."""

        async def work() -> str:
            request = DocumentRequest(**asked)  # type: ignore[arg-type]
            return (await self.recognizer.recognize(DOCUMENT, request)).recognition.text

        return asyncio.create_task(work())

    def outcomes(self) -> list[str]:
        """How pages ended, in that order."""
        return [event.outcome for event in self.ended]

    def is_clean(self) -> bool:
        """Whether nothing is held, read or waiting."""
        counts = self.gate.snapshot()
        busy = sum(counts.inflight.values()) + sum(counts.backlog.values())
        return busy == self.rasterizer.held == self.engine.running == 0


async def test_a_picture_is_read() -> None:
    """One page: text, usage, engine and the seconds of each stage."""
    bench = Bench()
    request = DocumentRequest(PageRequest(task=Task.MARKDOWN, language="de"), timeout=10.0)
    reading = asyncio.create_task(bench.recognizer.recognize(DOCUMENT, request))
    await bench.clock.run(1.0)
    result = await reading
    assert result.recognition.text == "page 1"
    assert result.recognition.engine == "scripted"
    assert result.recognition.usage.pages == 1
    assert result.timings.engine == pytest.approx(1.0)
    assert result.timings.first_token == pytest.approx(1.0)
    asked = bench.engine.calls[0].request
    assert (asked.number, asked.task, asked.language) == (1, Task.MARKDOWN, "de")
    assert bench.is_clean()


async def test_pages_are_read_side_by_side_and_come_in_the_order_asked_for() -> None:
    """Six pages on three places take two turns, whatever order they end in."""
    bench = Bench(pages=8)
    bench.engine = ScriptedEngine(
        delay=lambda request: 1.0 if request.number % 2 else 0.5, clock=bench.clock, slots=3
    )
    bench.recognizer = Recognizer(
        bench.gate,
        bench.rasterizer,
        Replicas([bench.engine], bench.clock),
        bench.clock,
        lookahead=3,
    )
    reading = bench.read(selection=PageSelection.parse("6,1-3,8,7"))
    await bench.clock.run(2.5)
    expected = [f"page {number}" for number in (6, 1, 2, 3, 8, 7)]
    assert (await reading).split("\f") == expected
    assert bench.engine.peak == 3


async def test_pages_are_decoded_while_the_engine_works_but_are_not_sent_yet() -> None:
    """With two slots and three places the third page is ready, and waits outside of the engine."""
    bench = Bench(pages=6, places=3, slots=2)
    reading = bench.read()
    await bench.clock.run(0.9)
    assert (len(bench.rasterizer.prepared), len(bench.engine.calls)) == (3, 2)
    await bench.clock.run(10.0)
    await reading
    assert bench.engine.peak == 2
    assert sum(event.result.timings.queue for event in bench.ended if event.result) > 0
    assert bench.is_clean()


async def test_a_document_is_read_whole_when_fewer_of_its_pages_may_be_ahead_meanwhile() -> None:
    """A limit that is cut while it is read: no more begin until enough have ended."""
    bench = Bench(pages=20, places=8, slots=8)
    reading = bench.read()
    await bench.clock.run(0.9)
    assert len(bench.rasterizer.prepared) == 8
    bench.recognizer.lookahead = 2
    bench.gate.set_limit(2)
    await bench.clock.run(60.0)
    assert (await reading).split("\f") == [f"page {number}" for number in range(1, 21)]
    assert bench.is_clean()


async def test_a_slow_consumer_holds_the_work_back() -> None:
    """While nobody takes pages, no more than the lookahead are prepared, of a thousand."""
    bench = Bench(pages=1000, seconds=0.1)
    pages = bench.recognizer.pages(DOCUMENT, DocumentRequest())
    first = asyncio.create_task(anext(pages))
    await bench.clock.run(5.0)
    assert (await first).reading.number == 1
    await bench.clock.run(60.0)
    assert len(bench.rasterizer.prepared) == 3
    await pages.aclose()
    assert bench.is_clean()


async def test_closing_the_iterator_cancels_what_is_under_way() -> None:
    """A consumer that stops after one page leaves nothing running."""
    bench = Bench(pages=50)
    pages = bench.recognizer.pages(DOCUMENT, DocumentRequest())
    first = asyncio.create_task(anext(pages))
    await bench.clock.run(1.0)
    await first
    second = asyncio.create_task(anext(pages))
    await bench.clock.run(0.5)
    await second
    await pages.aclose()
    assert bench.is_clean()
    assert bench.engine.cancellations > 0


async def test_cancelling_the_task_frees_everything() -> None:
    """A client that hangs up in the middle of a long document leaves the gate empty."""
    bench = Bench(pages=50)
    reading = bench.read()
    await bench.clock.run(1.5)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert bench.is_clean()
    assert bench.outcomes() == ["ok", "ok", "ok", "cancelled", "cancelled", "cancelled"]


async def test_no_page_is_decoded_before_it_has_a_place() -> None:
    """Pages that wait or are refused cost no decoding."""
    bench = Bench(places=1, params=AdmissionParams(backlog_min=4))
    readings = [bench.read(timeout=60.0) for _ in range(8)]
    await bench.clock.run(0.5)
    assert bench.rasterizer.prepared == [1]
    refused = [task for task in readings if task.done()]
    assert len(refused) == 3
    for task in refused:
        with pytest.raises(Overloaded):
            await task
    await bench.clock.run(10.0)
    texts = await asyncio.gather(*(task for task in readings if task not in refused))
    assert texts == ["page 1"] * 5
    assert bench.outcomes().count("overloaded") == 3


async def test_a_person_goes_between_the_pages_of_a_long_document() -> None:
    """A screenshot that arrives while 100 pages are being read is not behind all of them."""
    bench = Bench(pages=100, places=2)
    long = bench.read(lane=Lane.BATCH)
    await bench.clock.run(5.2)
    bench.rasterizer._info = ScriptedRasterizer(1)._info
    quick = bench.read(lane=Lane.INTERACTIVE, timeout=10.0)
    await bench.clock.run(2.0)
    assert await quick == "page 1"
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)


async def test_time_that_runs_out_in_the_engine_is_said_so() -> None:
    """The engine's work is cancelled at the deadline."""
    bench = Bench(seconds=30.0)
    reading = bench.read(timeout=5.0)
    await bench.clock.run(5.0)
    with pytest.raises(DeadlineExceeded) as late:
        await reading
    assert late.value.where == "engine"
    assert bench.engine.cancellations == 1
    assert bench.outcomes() == ["deadline_exceeded"]


async def test_a_slow_decoder_is_bounded_by_the_deadline_too() -> None:
    """Preparing counts against the caller's time."""
    clock = ManualClock()
    bench = Bench(rasterizer=ScriptedRasterizer(delay=30.0, clock=clock))
    bench.clock = clock
    bench.gate = Gate(Admission(3), clock)
    bench.recognizer = Recognizer(
        bench.gate, bench.rasterizer, Replicas([bench.engine], clock), clock, lookahead=3
    )
    reading = bench.read(timeout=5.0)
    await clock.run(5.0)
    with pytest.raises(DeadlineExceeded):
        await reading
    assert bench.is_clean()


async def test_an_engine_that_fails_once_is_asked_again() -> None:
    """A worker that died under a page costs the caller time, not the page."""
    bench = Bench(errors=[EngineFailed("died")])
    reading = bench.read(timeout=10.0)
    await bench.clock.run(2.5)
    assert await reading == "page 1"
    assert [call.outcome for call in bench.engine.calls] == ["failed", "ok"]
    assert bench.rasterizer.prepared == [1]


async def test_an_engine_that_fails_twice_has_failed() -> None:
    """There is one retry, no more."""
    bench = Bench(errors=[EngineFailed("died"), EngineFailed("again"), None])
    reading = bench.read(timeout=10.0)
    await bench.clock.run(5.0)
    with pytest.raises(EngineFailed, match="again"):
        await reading
    assert bench.outcomes() == ["engine_failed"]


async def test_there_is_no_retry_without_time_for_it() -> None:
    """If failing took longer than what is left, trying again is a waste."""
    bench = Bench(errors=[EngineFailed("died")], seconds=3.0)
    reading = bench.read(timeout=5.0)
    await bench.clock.run(3.0)
    with pytest.raises(EngineFailed):
        await reading
    assert len(bench.engine.calls) == 1


async def test_nonsense_from_an_engine_is_not_asked_for_again() -> None:
    """The same page would give the same nonsense."""
    bench = Bench(errors=[BadEngineOutput("no text")])
    reading = bench.read()
    await bench.clock.run(3.0)
    with pytest.raises(BadEngineOutput):
        await reading
    assert len(bench.engine.calls) == 1


async def test_pages_before_a_broken_one_are_handed_out() -> None:
    """A damaged third page ends the document after two good ones."""
    bench = Bench(rasterizer=ScriptedRasterizer(5, errors={3: UnreadableDocument("page 3")}))
    got: dict[int, str] = {}

    async def consume() -> None:
        pages = bench.recognizer.pages(DOCUMENT, DocumentRequest())
        async for page in pages:
            got[page.reading.number] = page.reading.text

    reading = asyncio.create_task(consume())
    await bench.clock.run(5.0)
    with pytest.raises(UnreadableDocument):
        await reading
    assert got == {1: "page 1", 2: "page 2"}
    assert bench.is_clean()


async def test_pages_that_do_not_exist_are_an_error_before_any_work() -> None:
    """Page 9 of 3 is refused without a ticket."""
    bench = Bench(pages=3)
    reading = bench.read(selection=PageSelection.parse("9"))
    with pytest.raises(InvalidRequest):
        await reading
    assert bench.engine.calls == []
    assert bench.is_clean()


async def test_a_file_that_cannot_be_probed_costs_no_place() -> None:
    """Hostile bytes are refused before the gate."""
    bench = Bench(rasterizer=ScriptedRasterizer(probe_error=UnreadableDocument("empty")))
    with pytest.raises(UnreadableDocument):
        await bench.read()
    assert bench.is_clean()
    assert bench.ended == []


async def test_a_doubtful_page_is_counted_as_such() -> None:
    """A warning is the page's outcome in the metrics."""
    bench = Bench()
    reading = page_reading("?")
    doubtful = type(reading)(1, 10, 10, reading.blocks, warnings=(PageWarning.LOW_CONFIDENCE,))
    bench.engine = ScriptedEngine({1: doubtful}, clock=bench.clock)
    bench.recognizer = Recognizer(
        bench.gate,
        bench.rasterizer,
        Replicas([bench.engine], bench.clock),
        bench.clock,
        lookahead=1,
        observe=bench.ended.append,
    )
    assert await bench.read() == "?"
    assert bench.outcomes() == ["low_confidence"]


async def test_probing_tells_without_reading() -> None:
    """What a caller would be charged for can be asked first."""
    bench = Bench(pages=7)
    info = await bench.recognizer.probe(DOCUMENT)
    assert (info.pages, info.bytes) == (7, 1000)
    assert bench.is_clean()


async def test_many_documents_at_once_stay_within_the_places() -> None:
    """Twelve documents of ten pages never have more pages in memory than there are places."""
    patient = AdmissionParams(backlog_min=100, wait_max=1e6, wait_share=1.0)
    bench = Bench(pages=10, places=3, seconds=0.5, params=patient)
    readings = [bench.read() for _ in range(12)]
    await bench.clock.run(60.0)
    results = await asyncio.gather(*readings)
    assert len({*results}) == 1
    assert bench.engine.peak == 3
    assert bench.outcomes() == ["ok"] * 120


async def test_pages_can_be_taken_one_by_one() -> None:
    """The iterator yields each page as soon as it and those before it are read."""
    bench = Bench(pages=3, places=1)
    times: list[tuple[float, int]] = []

    async def consume() -> list[PageResult]:
        found = []
        async for page in bench.recognizer.pages(DOCUMENT, DocumentRequest()):
            times.append((bench.clock.now(), page.reading.number))
            found.append(page)
        return found

    reading = asyncio.create_task(consume())
    await bench.clock.run(3.0)
    assert len(await reading) == 3
    assert times == [(1.0, 1), (2.0, 2), (3.0, 3)]


class Slow(ScriptedRasterizer):
    """A rasterizer whose looks last until they are cancelled."""

    async def probe(self, document: Document) -> DocumentInfo:
        """Look for ever."""
        await asyncio.Event().wait()
        return await super().probe(document)


async def test_waiting_to_be_looked_at_ends_at_the_deadline() -> None:
    """Behind files that are slow to open, a caller is told in time, and nothing is left over."""
    bench = Bench(rasterizer=Slow())
    bench.recognizer = Recognizer(
        bench.gate,
        bench.rasterizer,
        Replicas([bench.engine], bench.clock),
        bench.clock,
        lookahead=3,
        doorstep=Doorstep(1, most=4),
    )
    file = Document(path=Path("slow.pdf"))
    wishes = [("flood", 60.0), ("flood", 60.0), ("flood", 60.0), ("flood", 60.0), ("ann", 2.0)]
    reading = [
        asyncio.create_task(
            bench.recognizer.recognize(file, DocumentRequest(caller=caller, timeout=timeout))
        )
        for caller, timeout in wishes
    ]
    await bench.clock.run(2.0)
    with pytest.raises(Overloaded):
        await reading[3]
    with pytest.raises(DeadlineExceeded) as caught:
        await reading[4]
    assert caught.value.where == "queue"
    assert bench.rasterizer.held == 3
    await bench.clock.run(60.0)
    ends = await asyncio.gather(*reading[:3], return_exceptions=True)
    assert [type(end) for end in ends] == [DeadlineExceeded] * 3
    assert bench.is_clean()


async def test_pages_are_counted_before_any_is_admitted() -> None:
    """What the count raises, such as a quota that is used up, ends the request."""
    bench = Bench(pages=5)
    counts: list[int] = []

    def refuse(pages: int) -> None:
        counts.append(pages)
        raise Overloaded

    request = DocumentRequest(selection=PageSelection.parse("2-4"), counted=refuse)
    with pytest.raises(Overloaded):
        await bench.recognizer.recognize(DOCUMENT, request)
    assert (counts, bench.engine.calls) == ([3], [])
    assert bench.is_clean()

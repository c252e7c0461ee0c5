"""Reading on this machine: failures stay where they are, nothing that was read is lost."""

import asyncio
import io
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ocrgate.cli.exit import Exit
from ocrgate.cli.reading.inputs import Source
from ocrgate.cli.reading.local import LocalReader, Machine, Wish
from ocrgate.cli.reading.outputs import Target
from ocrgate.cli.reading.progress import Lines
from ocrgate.cli.reading.report import MEANING, FileReport, exit_code
from ocrgate.cli.reading.run import look_at_all, read_all
from ocrgate.control.admission import PATIENT
from ocrgate.domain.document import PageSelection
from ocrgate.domain.recognition import PageWarning
from ocrgate.errors import EngineFailed, EngineUnavailable, UnreadableDocument
from ocrgate.formats import Format
from ocrgate.runtime.recognizer import DocumentRequest
from ocrgate.runtime.service import Parts, Service, ServiceParams
from ocrgate.testing import ScriptedEngine, ScriptedRasterizer, page_reading


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until something is so."""
    while not condition():  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0)


class Desk:
    """A reader over fakes, a folder for results, and what was said and printed."""

    def __init__(
        self,
        folder: Path,
        engine: ScriptedEngine,
        rasterizer: ScriptedRasterizer,
        *,
        pages: str = "",
        kind: Format = Format.TEXT,
        titled: bool = False,
    ) -> None:
        self.folder = folder
        self.said, self.printed = io.StringIO(), io.StringIO()
        self.progress = Lines(self.said)
        service = Service(Parts(engine, rasterizer), ServiceParams(gate=PATIENT))
        self.machine = Machine(service.recognizer, rasterizer, service.description)
        request = DocumentRequest(selection=PageSelection.parse(pages))
        self.wish = Wish(request, kind, self.printed, titled)
        self.reader = LocalReader(self.machine, self.wish)
        self.reports: list[FileReport] = []

    def targets(self, *names: str) -> list[Target]:
        return [Target(self._source(name), self.folder / f"{name}.txt") for name in names]

    def streams(self, *names: str) -> list[Target]:
        return [Target(self._source(name), None) for name in names]

    def _source(self, name: str) -> Source:
        (self.folder / name).write_bytes(b"x")
        return Source(self.folder / name, name, Path(name))

    async def run(self, targets: Sequence[Target]) -> list[FileReport]:
        in_order = targets[0].path is None
        self.reports += await look_at_all(self.reader, targets, self.progress)
        await read_all(self.reader, self.reports, self.progress, in_order=in_order)
        return self.reports

    def everything(self) -> list[str]:
        return [path.name for path in self.folder.iterdir()]

    def files(self) -> dict[str, str]:
        return {p.name: p.read_text() for p in sorted(self.folder.iterdir()) if p.suffix == ".txt"}


async def test_pages_go_to_the_file_in_order(tmp_path: Path) -> None:
    """A document becomes one file, whole, under its own name."""
    desk = Desk(tmp_path, ScriptedEngine(slots=3), ScriptedRasterizer(pages=5))
    (report,) = await desk.run(desk.targets("a"))
    assert desk.files() == {"a.txt": "\f".join(f"page {n}\n" for n in range(1, 6))}
    assert (report.status, report.pages, report.read) == ("ok", 5, 5)
    assert exit_code([report]) is Exit.OK


async def test_a_page_that_fails_leaves_the_others(tmp_path: Path) -> None:
    """One broken page of a long scan is named, the rest is there, and the code says so."""
    errors = {2: UnreadableDocument("page 2 is damaged"), 4: UnreadableDocument("so is 4")}
    desk = Desk(tmp_path, ScriptedEngine(), ScriptedRasterizer(pages=5, errors=errors))
    (report,) = await desk.run(desk.targets("a"))
    assert desk.files() == {"a.txt": "page 1\n\fpage 3\n\fpage 5\n"}
    assert (report.status, sorted(report.failed)) == ("partial", [2, 4])
    assert "a, page 2: page 2 is damaged" in desk.said.getvalue()
    assert exit_code([report]) is Exit.PARTIAL


@pytest.mark.parametrize("kind", [Format.TEXT, Format.HOCR, Format.PDF, Format.JSON])
async def test_what_is_doubtful_is_said(tmp_path: Path, kind: Format) -> None:
    """Other formats have no place for a warning; JSON holds it, and the report has all.

    An empty page among others is no news.
    """
    warned = {
        1: replace(page_reading("faint"), warnings=(PageWarning.LOW_CONFIDENCE,)),
        2: replace(page_reading("half a page"), warnings=(PageWarning.TRUNCATED,)),
        3: replace(page_reading(""), warnings=(PageWarning.EMPTY,)),
    }
    desk = Desk(tmp_path, ScriptedEngine(warned), ScriptedRasterizer(pages=4), kind=kind)
    (report,) = await desk.run(desk.targets("a"))
    said = (
        "a, page 1: low_confidence (the text may be wrong)\n"
        "a, page 2: truncated (the text is cut off)\n"
    )
    assert desk.said.getvalue() == ("" if kind is Format.JSON else said)
    assert report.as_json()["warnings"] == [
        {"page": 1, "warnings": ["low_confidence"]},
        {"page": 2, "warnings": ["truncated"]},
        {"page": 3, "warnings": ["empty"]},
    ]


async def test_an_empty_picture_is_said_to_be_empty(tmp_path: Path) -> None:
    """Else an empty result looks like a mistake of ours."""
    blank = replace(page_reading(""), warnings=(PageWarning.EMPTY,))
    desk = Desk(tmp_path, ScriptedEngine({1: blank}), ScriptedRasterizer())
    await desk.run(desk.targets("a"))
    assert desk.said.getvalue() == "a, page 1: empty (no text was found)\n"


def test_every_warning_has_words_for_people() -> None:
    """A new one is not shown bare."""
    assert set(MEANING) == set(PageWarning)


async def test_a_file_that_fails_leaves_the_others(tmp_path: Path) -> None:
    """Nothing is left of the failed one, not even a draft."""
    engine = ScriptedEngine(errors=[EngineFailed("it broke")] * 2)
    desk = Desk(tmp_path, engine, ScriptedRasterizer())
    first, second = await desk.run(desk.targets("a", "b"))
    assert (first.status, second.status) == ("failed", "ok")
    assert set(desk.files()) == {"b.txt"}
    assert first.sentence() == "a: it broke"
    assert desk.said.getvalue() == ""  # it is told once, at the end
    assert exit_code([first, second]) is Exit.PARTIAL
    assert exit_code([first]) is Exit.ENGINE


async def test_an_engine_that_is_gone_ends_everything(tmp_path: Path) -> None:
    """A thousand files are not tried one by one on an engine that is not there."""
    engine = ScriptedEngine(errors=[EngineUnavailable("gone")] * 100)
    desk = Desk(tmp_path, engine, ScriptedRasterizer())
    with pytest.raises(EngineUnavailable):
        await desk.run(desk.targets(*(f"f{n}" for n in range(50))))
    assert len(engine.calls) <= 2
    assert desk.files() == {}


async def test_files_are_read_side_by_side(tmp_path: Path) -> None:
    """Single pages keep every slot of the engine busy."""
    engine = ScriptedEngine(slots=3, delay=0.01)
    desk = Desk(tmp_path, engine, ScriptedRasterizer())
    await desk.run(desk.targets(*"abcdef"))
    assert engine.peak == 3


async def test_only_the_pages_asked_for_are_read(tmp_path: Path) -> None:
    """And a page past the end is told before anything is read."""
    engine = ScriptedEngine()
    desk = Desk(tmp_path, engine, ScriptedRasterizer(pages=9), pages="7-,2")
    await desk.run(desk.targets("a"))
    assert desk.files() == {"a.txt": "page 7\n\fpage 8\n\fpage 9\n\fpage 2\n"}
    short = Desk(tmp_path, engine, ScriptedRasterizer(pages=3), pages="7")
    (report,) = await short.run(short.targets("b"))
    assert exit_code([report]) is Exit.USAGE
    assert len(engine.calls) == 4


async def test_an_interrupt_keeps_the_pages_that_were_read(tmp_path: Path) -> None:
    """They are in a file whose name says that it is not all, and its end is said."""
    engine = ScriptedEngine(delay=lambda request: 60.0 if request.number == 3 else 0.0)
    desk = Desk(tmp_path, engine, ScriptedRasterizer(pages=5))
    running = asyncio.create_task(desk.run(desk.targets("a")))
    await until(lambda: bool(desk.reports) and desk.reports[0].read == 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert desk.files() == {"a.partial.txt": "page 1\n\fpage 2\n"}
    assert desk.reports[0].status == "interrupted"
    assert "2 pages kept" in desk.reports[0].sentence()
    assert engine.running == 0


class SlowPaper(io.StringIO):
    """A stream on which writing a text takes until somebody allows it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.allowed = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        if text.strip():
            self.begun.set()
            self.allowed.wait(10)
        return super().write(text)


async def test_an_interrupt_while_a_page_is_written_counts_it(tmp_path: Path) -> None:
    """It is there when the interrupt is seen to; thrown away it would be a page lost."""
    desk = Desk(tmp_path, ScriptedEngine(["one"]), ScriptedRasterizer(1))
    paper = SlowPaper()
    desk.reader = LocalReader(desk.machine, replace(desk.wish, stdout=paper))
    running = asyncio.create_task(desk.run(desk.streams("a")))
    await until(paper.begun.is_set)
    running.cancel()
    await asyncio.sleep(0)
    paper.allowed.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert "one" in paper.getvalue()
    assert [report.read for report in desk.reports] == [1]


async def test_an_interrupt_before_the_first_page_leaves_nothing(tmp_path: Path) -> None:
    """No empty file, no draft."""
    engine = ScriptedEngine(delay=60.0)
    desk = Desk(tmp_path, engine, ScriptedRasterizer(pages=5))
    running = asyncio.create_task(desk.run(desk.targets("a")))
    await until(lambda: engine.running > 0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert desk.files() == {}
    assert desk.everything() == ["a"]


async def test_several_results_on_one_stream_are_told_apart(tmp_path: Path) -> None:
    """As head and tail do it."""
    desk = Desk(tmp_path, ScriptedEngine(slots=4), ScriptedRasterizer(), titled=True)
    await desk.run(desk.streams("a", "b"))
    assert desk.printed.getvalue() == "==> a <==\npage 1\n==> b <==\npage 1\n"


async def test_printed_json_is_complete_even_when_pages_failed(tmp_path: Path) -> None:
    """What goes into a pipe can be parsed."""
    rasterizer = ScriptedRasterizer(pages=3, errors={3: UnreadableDocument("damaged")})
    desk = Desk(tmp_path, ScriptedEngine(), rasterizer, kind=Format.JSON)
    (report,) = await desk.run(desk.streams("a"))
    found = json.loads(desk.printed.getvalue())
    assert [page["index"] for page in found["pages"]] == [1, 2]
    assert report.as_json()["failed"] == [
        {"page": 3, "code": "unreadable_document", "detail": "damaged"}
    ]


async def test_a_disk_that_is_full_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    """The system's own words reach the person, not a group of exceptions."""
    desk = Desk(tmp_path, ScriptedEngine(), ScriptedRasterizer())
    (target,) = desk.targets("a")
    blocked = Target(target.source, tmp_path / "a" / "under-a-file.txt")
    with pytest.raises(OSError, match="File exists"):
        await desk.run([blocked])

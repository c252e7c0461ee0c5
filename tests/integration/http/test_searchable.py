"""A searchable PDF over HTTP, with the real decoders."""

import contextlib
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image

from ocrgate.domain.document import Document, DocumentInfo, MediaType
from ocrgate.domain.recognition import PageWarning, Recognition
from ocrgate.errors import InvalidRequest, UnreadableDocument
from ocrgate.imaging.limits import ImageLimits
from ocrgate.runtime.page import Timings
from ocrgate.runtime.rasterizer import PoolRasterizer
from ocrgate.runtime.recognizer import DocumentResult
from ocrgate.runtime.searchable import SEATS, OnDemand, SearchablePdfs, overlay_pool
from ocrgate.runtime.service import ServiceParams, raster_params
from ocrgate.runtime.workers import WorkerPool
from ocrgate.testing import ScriptedEngine, ScriptedRasterizer, page_reading


@pytest.fixture
async def rasterizer() -> AsyncIterator[PoolRasterizer]:
    """The rasterizer that serves, with one worker process."""
    pool = WorkerPool(raster_params(ServiceParams(raster_workers=1)))
    await pool.start()
    made = PoolRasterizer(ImageLimits(), pool, threads=1)
    yield made
    made.close()
    await pool.close()


def picture(kind: str, pages: int = 1) -> bytes:
    """White pages as a file of that kind."""
    images = [Image.new("L", (300, 200), 255) for _ in range(pages)]
    buffer = io.BytesIO()
    more = {"save_all": True, "append_images": images[1:]} if kind == "PDF" else {}
    images[0].save(buffer, kind, **more)
    return buffer.getvalue()


def read(pages: int = 1) -> DocumentResult:
    """A PDF of white pages, read."""
    readings = tuple(page_reading("hello", number=n + 1) for n in range(pages))
    info = DocumentInfo(MediaType.PDF, 1, 300, 200, 1000)
    return DocumentResult(info, Recognition(readings, "cpu"), Timings())


def texts(pdf: bytes) -> list[str]:
    """What a PDF reader finds on each page."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_range().strip() for page in document]


@pytest.mark.parametrize(("kind", "pages"), [("PNG", 1), ("JPEG", 1), ("PDF", 3)])
async def test_the_text_is_found_on_the_page_it_was_read_from(
    build: Any, started: Any, rasterizer: PoolRasterizer, kind: str, pages: int
) -> None:
    """An image becomes a page with unseen text, a PDF keeps its pages and gets it added."""
    site = build(ScriptedEngine(["hello", "second", "third"]), rasterizer=rasterizer)
    async with started(site) as (_, client):
        answer = await client.post("/ocr", content=picture(kind, pages), params={"format": "pdf"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert texts(answer.content) == ["hello", "second", "third"][:pages]


async def test_what_is_doubtful_is_told_beside_the_file(
    build: Any, started: Any, rasterizer: PoolRasterizer
) -> None:
    """As with every format that has no place for it."""
    faint = replace(page_reading("faint"), warnings=(PageWarning.LOW_CONFIDENCE,))
    site = build(ScriptedEngine({1: faint}), rasterizer=rasterizer)
    async with started(site) as (_, client):
        answer = await client.post("/ocr", content=picture("PNG"), params={"format": "pdf"})
    assert answer.headers["x-ocr-warnings"] == "low_confidence"


async def test_only_the_pages_asked_for_are_in_the_file(
    build: Any, started: Any, rasterizer: PoolRasterizer
) -> None:
    """Nothing of the other pages is left inside."""
    site = build(ScriptedEngine(["hello", "second", "third"]), rasterizer=rasterizer)
    async with started(site) as (_, client):
        answer = await client.post(
            "/ocr", content=picture("PDF", 3), params={"format": "pdf", "pages": "2"}
        )
    assert texts(answer.content) == ["second"]


async def test_a_photo_goes_in_as_it_came(
    build: Any, started: Any, rasterizer: PoolRasterizer
) -> None:
    """A JPEG larger than any engine wants is not encoded a second time."""
    buffer = io.BytesIO()
    Image.new("L", (5000, 120), 255).save(buffer, "JPEG")
    site = build(ScriptedEngine(["hello"]), rasterizer=rasterizer)
    async with started(site) as (_, client):
        answer = await client.post("/ocr", content=buffer.getvalue(), params={"format": "pdf"})
    assert buffer.getvalue() in answer.content
    assert texts(answer.content) == ["hello"]


async def test_no_more_are_begun_than_can_be_made(build: Any, started: Any) -> None:
    """The refusal comes before anything is read, and what was accepted goes on."""
    site = build(ScriptedEngine(["hello"]))
    async with started(site) as (_, client):
        with contextlib.ExitStack() as seats:
            for _ in range(SEATS):
                seats.enter_context(site.service.searchable.seat())
            refused = await client.post("/ocr", content=b"ABC", params={"format": "pdf"})
            assert site.engine.calls == []
        answer = await client.post("/ocr", content=b"ABC", params={"format": "pdf"})
    assert (refused.status_code, refused.json()["code"]) == (429, "overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    assert site.metric('ocrgate_refusals_total{reason="backlog"}') == 1
    assert answer.status_code == 200


async def test_a_pdf_that_cannot_be_copied_is_the_documents_fault(tmp_path: Path) -> None:
    """Its parser works in a process of its own and says so; the next document is served."""
    limits = ImageLimits()
    workers = OnDemand(lambda: overlay_pool(limits))
    pdfs = SearchablePdfs(ScriptedRasterizer(), workers, limits)
    damaged = tmp_path / "damaged.pdf"
    damaged.write_bytes(b"%PDF-1.7\n" + bytes(500))
    sound = tmp_path / "sound.pdf"
    sound.write_bytes(picture("PDF"))
    try:
        with pytest.raises(UnreadableDocument):
            await pdfs.made(Document(path=damaged), read())
        assert texts(await pdfs.made(Document(path=sound), read())) == ["hello"]
    finally:
        await workers.close()


async def test_a_result_without_pages_makes_no_file() -> None:
    """It is told, not found out by a missing file."""
    limits = ImageLimits()
    pdfs = SearchablePdfs(ScriptedRasterizer(), OnDemand(lambda: overlay_pool(limits)), limits)
    with pytest.raises(InvalidRequest):
        await pdfs.made(Document(data=b"x"), read(pages=0))


async def test_an_engine_without_places_is_said_so(
    build: Any, started: Any, rasterizer: PoolRasterizer
) -> None:
    """No file is made up where the engine gives no boxes."""
    from ocrgate.domain.recognition import Block, Line, PageReading

    bare = PageReading(1, 300, 200, (Block((Line("hello"),)),))
    site = build(ScriptedEngine({1: bare}), rasterizer=rasterizer)
    async with started(site) as (_, client):
        answer = await client.post("/ocr", content=picture("PNG"), params={"format": "pdf"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")

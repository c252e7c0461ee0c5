"""A searchable PDF over HTTP, with the real decoders."""

import io
from collections.abc import AsyncIterator
from typing import Any

import pypdfium2
import pytest
from PIL import Image

from ocrgate.imaging.limits import ImageLimits
from ocrgate.runtime.rasterizer import PoolRasterizer
from ocrgate.runtime.service import ServiceParams, raster_params
from ocrgate.runtime.workers import WorkerPool
from ocrgate.testing import ScriptedEngine


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

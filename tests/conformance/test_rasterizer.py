"""What every rasterizer must do."""

import io
from collections.abc import AsyncIterator, Callable

import pytest
from PIL import Image

from ocrgate.domain.document import Document, Encoding, ImageSpec, MediaType
from ocrgate.errors import UnreadableDocument
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.session import RasterSession
from ocrgate.ports import Rasterizer
from ocrgate.runtime.rasterizer import PoolRasterizer
from ocrgate.testing import InlineWorkers, ScriptedRasterizer

RAW = ImageSpec(max_side=4096, encoding=Encoding.RAW)
SIZE = (120, 80)


def pooled() -> PoolRasterizer:
    """The real one, with its session in a thread."""
    limits = ImageLimits()
    return PoolRasterizer(limits, InlineWorkers(RasterSession(limits, confine=False)), threads=1)


RASTERIZERS: dict[str, Callable[[], Rasterizer]] = {
    "scripted": lambda: ScriptedRasterizer(2, media=MediaType.TIFF, width=120, height=80),
    "pooled": pooled,
}


@pytest.fixture(params=RASTERIZERS)
async def rasterizer(request: pytest.FixtureRequest) -> AsyncIterator[Rasterizer]:
    """A rasterizer of each kind."""
    made = RASTERIZERS[request.param]()
    yield made
    if isinstance(made, PoolRasterizer):
        made.close()


@pytest.fixture
def document() -> Document:
    """A fax of two pages."""
    buffer = io.BytesIO()
    second = Image.new("L", SIZE, 200)
    Image.new("L", SIZE, 255).save(buffer, "TIFF", save_all=True, append_images=[second])
    return Document(data=buffer.getvalue())


async def test_a_document_is_described_before_it_is_decoded(
    rasterizer: Rasterizer, document: Document
) -> None:
    """Format, pages, pixels."""
    async with rasterizer.hold(document) as held:
        info = await rasterizer.probe(held)
    assert (info.media, info.pages, info.width, info.height) == (MediaType.TIFF, 2, *SIZE)
    assert info.bytes == len(document.data or b"")


async def test_pages_come_in_any_order(rasterizer: Rasterizer, document: Document) -> None:
    """Each as raw rows without padding, at its own size."""
    async with rasterizer.hold(document) as held:
        for number in (2, 1, 2):
            page = await rasterizer.prepare(held, number, RAW)
            assert (page.width, page.height) == (page.source_width, page.source_height) == SIZE
            assert len(page.data) == page.width * page.height * page.channels


async def test_a_page_that_is_not_there_is_an_error(
    rasterizer: Rasterizer, document: Document
) -> None:
    """Of the document, not of the server."""
    async with rasterizer.hold(document) as held:
        with pytest.raises(UnreadableDocument):
            await rasterizer.prepare(held, 3, RAW)

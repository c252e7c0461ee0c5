"""Real documents into page images, in threads and in worker processes."""

import io
import stat
import tempfile
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image
from tests import hostile_files

from ocrgate.domain.document import Document, Encoding, ImageSpec, MediaType, PageImage
from ocrgate.errors import (
    DocumentLimit,
    OcrgateError,
    Overloaded,
    PayloadTooLarge,
    UnreadableDocument,
    UnsupportedMedia,
)
from ocrgate.imaging.limits import ImageLimits
from ocrgate.runtime.rasterizer import PoolRasterizer
from ocrgate.runtime.service import ServiceParams, raster_params
from ocrgate.runtime.workers import WorkerParams, WorkerPool

RAW = ImageSpec(max_side=4096, encoding=Encoding.RAW)
LIMITS = ImageLimits()


def picture(kind: str, size: tuple[int, int] = (300, 100), frames: int = 1) -> bytes:
    """A white picture of that format."""
    buffer = io.BytesIO()
    images = [Image.new("L", size, 255 - n) for n in range(frames)]
    rest = {"save_all": True, "append_images": images[1:]} if frames > 1 else {}
    images[0].save(buffer, kind, **rest)
    return buffer.getvalue()


async def first_page(rasterizer: PoolRasterizer, document: Document) -> PageImage:
    """The first page of a document, taken all the way."""
    async with rasterizer.hold(document) as held:
        await rasterizer.probe(held)
        return await rasterizer.prepare(held, 1, RAW)


@pytest.fixture
async def rasterizer() -> AsyncIterator[PoolRasterizer]:
    """A rasterizer with one worker."""
    workers = WorkerPool(raster_params(ServiceParams(raster_workers=1)))
    await workers.start()
    made = PoolRasterizer(LIMITS, workers, threads=1)
    yield made
    made.close()
    await workers.close()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PDF"])
@pytest.mark.parametrize("on_disk", [False, True])
async def test_every_format_is_probed_and_prepared(
    rasterizer: PoolRasterizer, tmp_path: Path, kind: str, *, on_disk: bool
) -> None:
    """From memory and from disk, in a thread or in a worker: the same page."""
    data = picture(kind)
    path = tmp_path / "page"
    path.write_bytes(data)
    document = Document(path=path) if on_disk else Document(data=data)
    async with rasterizer.hold(document) as held:
        info = await rasterizer.probe(held)
        page = await rasterizer.prepare(held, 1, RAW)
    assert (info.pages, info.bytes) == (1, len(data))
    assert page.encoding is Encoding.RAW
    assert len(page.data) == page.width * page.height * page.channels
    assert min(page.data) > 200


async def test_pages_of_one_document_are_reached_one_by_one(rasterizer: PoolRasterizer) -> None:
    """A fax of three pages is written to disk once and read page by page."""
    document = Document(data=picture("TIFF", frames=3))
    async with rasterizer.hold(document) as held:
        assert held.path is not None
        assert (await rasterizer.probe(held)).pages == 3
        shades = [(await rasterizer.prepare(held, number, RAW)).data[0] for number in (3, 1, 2)]
    assert shades == [253, 255, 254]


async def test_a_spooled_upload_is_private_and_short_lived(rasterizer: PoolRasterizer) -> None:
    """Only this user can read the file, and it is gone with the document, also after an error."""
    spooled: list[Path] = []

    async def fail_while_holding() -> None:
        async with rasterizer.hold(Document(data=picture("PDF"), name="secret.pdf")) as held:
            assert held.path is not None
            assert held.name == "secret.pdf"
            spooled.append(held.path)
            assert stat.S_IMODE(spooled[0].stat().st_mode) == 0o600
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_while_holding()
    assert [path for path in spooled if path.exists()] == []


async def test_of_a_large_pdf_on_disk_only_the_start_is_read(
    rasterizer: PoolRasterizer, tmp_path: Path
) -> None:
    """A gigabyte on disk is not a gigabyte of the server's memory."""
    path = tmp_path / "large.pdf"
    with path.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(2**30)
    tracemalloc.start()
    try:
        async with rasterizer.hold(Document(path=path)) as held:
            assert held.path == path
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


async def test_a_full_disk_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch, rasterizer: PoolRasterizer, tmp_path: Path
) -> None:
    """Nothing was done, and the caller is told when to come back."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(Overloaded) as caught:
        await first_page(rasterizer, Document(data=picture("PDF")))
    assert (caught.value.reason, caught.value.retry_after) == ("bytes", 5.0)


async def test_tame_pictures_stay_in_memory(rasterizer: PoolRasterizer) -> None:
    """A JPEG is never written to disk."""
    document = Document(data=picture("JPEG"))
    async with rasterizer.hold(document) as held:
        assert held is document


async def test_a_huge_picture_is_decoded_outside_of_the_server(
    rasterizer: PoolRasterizer,
) -> None:
    """What is tame but heavy goes to a worker, whose memory is bounded."""
    document = Document(data=hostile_files.png(8900, 8900))
    async with rasterizer.hold(document) as held:
        assert held.path is not None
        assert (await rasterizer.probe(held)).media is MediaType.PNG
        page = await rasterizer.prepare(held, 1, RAW)
    assert max(page.width, page.height) == 4096


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", UnreadableDocument),
        (b"<html>", UnsupportedMedia),
        (picture("PDF")[:200], UnreadableDocument),
        (picture("TIFF")[:30], UnreadableDocument),
        (hostile_files.png(30_000, 30_000), DocumentLimit),
    ],
)
async def test_bad_files_are_typed_errors(
    rasterizer: PoolRasterizer, tmp_path: Path, data: bytes, error: type[OcrgateError]
) -> None:
    """From memory and from disk."""
    path = tmp_path / "bad"
    path.write_bytes(data)
    for document in (Document(data=data), Document(path=path)):
        with pytest.raises(error):
            await first_page(rasterizer, document)


async def test_a_file_that_is_not_there_is_an_error_of_the_document(
    rasterizer: PoolRasterizer, tmp_path: Path
) -> None:
    """A name that was mistyped is told by name."""
    with pytest.raises(UnreadableDocument, match=r"absent\.pdf: No such file"):
        await first_page(rasterizer, Document(path=tmp_path / "absent.pdf"))


async def test_an_upload_over_the_limit_is_not_written_to_disk() -> None:
    """The byte limit comes before the spool."""
    workers = WorkerPool(WorkerParams("nowhere:Nothing"))
    made = PoolRasterizer(ImageLimits(max_bytes=1000), workers, threads=1)
    with pytest.raises(PayloadTooLarge):
        async with made.hold(Document(data=b"%PDF-" + bytes(2000))):
            pass
    made.close()


@pytest.mark.parametrize(
    ("method", "error"), [("Dies", UnreadableDocument), ("Hangs", DocumentLimit)]
)
async def test_a_decoder_that_breaks_or_hangs_is_the_documents_fault(
    method: str, error: type[OcrgateError]
) -> None:
    """The caller gets an error of the document; the worker is replaced."""
    factory = f"tests.integration.runtime.odd_sessions:{method}"
    workers = WorkerPool(WorkerParams(factory, timeout=0.3))
    await workers.start()
    made = PoolRasterizer(LIMITS, workers, threads=1)
    try:
        async with made.hold(Document(data=picture("PDF"))) as held:
            with pytest.raises(error):
                await made.probe(held)
    finally:
        made.close()
        await workers.close()

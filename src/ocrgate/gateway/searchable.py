"""A searchable PDF of what was sent: the document's own pages with unseen text over them."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from ocrgate.domain.document import Document, Encoding, ImageSpec, MediaType
from ocrgate.formats.searchable_pdf.writer import PdfWriter
from ocrgate.ports import Rasterizer
from ocrgate.runtime.recognizer import DocumentResult

_PICTURE = ImageSpec(max_side=4096, encoding=Encoding.JPEG)


async def searchable_pdf(
    rasterizer: Rasterizer, document: Document, result: DocumentResult
) -> bytes:
    """The file. A PDF keeps its pages as they are; an image is put on a page.

    Raises:
        InvalidRequest: the engine gives no places.
        UnreadableDocument: the document is too damaged to be copied.
    """
    with TemporaryDirectory(prefix="ocrgate-") as folder:
        made = Path(folder) / "made.pdf"
        source = await asyncio.to_thread(_stored, document, result.info.media, Path(folder))
        writer = await asyncio.to_thread(PdfWriter, made, source)
        try:
            await _write(writer, rasterizer, document, result, pictured=source is None)
        finally:
            await asyncio.to_thread(writer.close)
        return await asyncio.to_thread(made.read_bytes)


def _stored(document: Document, media: MediaType, folder: Path) -> Path | None:
    if media is not MediaType.PDF or document.data is None:
        return None
    source = folder / "source.pdf"
    source.write_bytes(document.data)
    return source


async def _write(
    writer: PdfWriter,
    rasterizer: Rasterizer,
    document: Document,
    result: DocumentResult,
    *,
    pictured: bool,
) -> None:
    async with rasterizer.hold(document) as held:
        for page in result.recognition.pages:
            image = await rasterizer.prepare(held, page.number, _PICTURE) if pictured else None
            await asyncio.to_thread(writer.page, page, image=image)

"""A searchable PDF as the answer: read, then put together, all within the time given."""

import asyncio
import time

from starlette.responses import Response

from ocrgate.domain.document import Document
from ocrgate.errors import DeadlineExceeded
from ocrgate.formats import Format
from ocrgate.gateway.answers import doubts
from ocrgate.gateway.visit import Visit
from ocrgate.runtime.recognizer import DocumentRequest


async def searchable_pdf(visit: Visit, document: Document, asked: DocumentRequest) -> Response:
    """The document with its text, as long as the client waits for it.

    Raises:
        ClientGone: it hung up; the work was cancelled.
        Overloaded: too many are being made; refused before anything was read.
        InvalidRequest: the engine gives no places.
        RequestError, RefusedError, EngineError, DeadlineExceeded: as the runtime says.
    """
    visit.exchange.shrink(len(document.data or b""))
    with visit.gateway.service.searchable.seat():
        return await visit.attended(_made(visit, document, asked))


async def _made(visit: Visit, document: Document, asked: DocumentRequest) -> Response:
    service = visit.gateway.service
    async with service.rasterizer.hold(document) as held:
        result = await visit.reading(held, asked)
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(visit.left):
                pdf = await service.searchable.made(held, result)
        except TimeoutError:
            raise DeadlineExceeded(
                "the time ran out while the PDF was put together", where="engine"
            ) from None
    visit.exchange.timing["parse"] = time.perf_counter() - begun
    headers = {**visit.exchange.quota, **doubts(result.recognition)}
    return Response(pdf, media_type=Format.PDF.media_type, headers=headers)

"""``POST /ocr``: a document in, its text and places out."""

from starlette.requests import Request
from starlette.responses import Response

from ocrgate.formats import Format
from ocrgate.gateway.answers import chosen_format, written
from ocrgate.gateway.intake.forms import read_order
from ocrgate.gateway.searchable import searchable_pdf
from ocrgate.gateway.visit import Visit


async def read(request: Request) -> Response:
    """Read one image or a short PDF."""
    visit = await Visit.enter(request)
    order = await visit.received(read_order(request))
    kind = chosen_format(order.options.format, request.headers.get("accept", ""))
    asked = visit.ask(order.options.asked(kind.task(visit.tasks)), order.options.pages)
    if kind is not Format.PDF:
        result = await visit.read(order.document, asked)
        return await written(result.recognition, kind, visit.exchange, order.options.language)
    return await searchable_pdf(visit, order.document, asked)

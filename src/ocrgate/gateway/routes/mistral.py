"""``POST /v1/ocr``: Mistral's contract over the same gate."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from ocrgate.domain.recognition import PageRequest
from ocrgate.formats import Format
from ocrgate.gateway.answers import composed, json_answer
from ocrgate.gateway.intake.foreign import mistral_order, mistral_pages, read_json
from ocrgate.gateway.mistral import mistral_reply
from ocrgate.gateway.visit import Visit


async def read(request: Request) -> Response:
    """Read one document."""
    visit = await Visit.enter(request)
    order, document = await visit.received(read_json(request, mistral_order))
    asked = visit.ask(
        PageRequest(task=Format.MARKDOWN.task(visit.tasks)), mistral_pages(order.pages)
    )
    result = await visit.read(document, asked)
    dpi = visit.gateway.service.description.input.pdf_dpi
    compose = partial(mistral_reply, info=result.info, asked=order, pdf_dpi=dpi)
    reply = await composed(result.recognition, compose)
    return json_answer(reply, visit.exchange, result.recognition)

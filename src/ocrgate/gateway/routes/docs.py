"""``/docs``: the published contract as one page that needs nothing from elsewhere."""

from starlette.requests import Request
from starlette.responses import Response

from ocrgate.gateway.docs_page import html

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


async def page(request: Request) -> Response:
    """The page."""
    return Response(
        html(request.app.openapi()),
        media_type="text/html",
        headers={"content-security-policy": _POLICY},
    )

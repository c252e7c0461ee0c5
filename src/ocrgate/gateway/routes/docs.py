"""The published contract, and as one page that needs nothing from elsewhere."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ocrgate.gateway.docs_page import html

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


async def contract(request: Request) -> Response:
    """``/openapi.json``."""
    return JSONResponse(request.app.openapi())


async def page(request: Request) -> Response:
    """``/docs``."""
    return Response(
        html(request.app.openapi()),
        media_type="text/html",
        headers={"content-security-policy": _POLICY},
    )

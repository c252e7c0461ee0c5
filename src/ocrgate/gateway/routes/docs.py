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
        html(request.app.openapi(), _base(request)),
        media_type="text/html",
        headers={"content-security-policy": _POLICY},
    )


async def home(request: Request) -> Response:
    """``/``: the same, for whoever opens the address in a browser to see what to do."""
    return await page(request)


def _base(request: Request) -> str:
    """The server's address as the reader's browser knows it, for examples to copy."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    host = request.headers.get("host", request.url.netloc)
    return f"{'https' if scheme == 'https' else 'http'}://{host}"

"""The published contract, and as one page that needs nothing from elsewhere."""

from collections.abc import Callable
from html import escape
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ocrgate.gateway.docs_page import html

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_BASE = "http://0.0.0.0:0"  # stands in the page for the address under which it is read
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


async def contract(request: Request) -> Response:
    """``/openapi.json``."""
    return Response(_kept(request, "contract", _encode), media_type="application/json")


async def page(request: Request) -> Response:
    """``/docs``."""
    return Response(
        _kept(request, "docs", _page).replace(_BASE, escape(_base(request))),
        media_type="text/html",
        headers={"content-security-policy": _POLICY},
    )


async def home(request: Request) -> Response:
    """``/``: the same, for whoever opens the address in a browser to see what to do."""
    return await page(request)


def _kept(request: Request, name: str, make: Callable[[Any], T]) -> T:
    """What is made of the contract, once: it takes a millisecond, and strangers may ask for it."""
    state = request.app.state
    if not hasattr(state, name):
        setattr(state, name, make(request.app.openapi()))
    made: T = getattr(state, name)
    return made


def _page(spec: Any) -> str:
    return html(spec, _BASE)


def _base(request: Request) -> str:
    """The server's address as the reader's browser knows it, for examples to copy."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    host = request.headers.get("host", request.url.netloc)
    return f"{'https' if scheme == 'https' else 'http'}://{host}"

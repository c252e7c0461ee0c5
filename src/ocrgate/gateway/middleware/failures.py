"""Turns whatever the layers inside raise into an answer."""

import asyncio
from collections.abc import Callable

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocrgate.errors import EngineError, InternalError, OcrgateError
from ocrgate.gateway.exchange import Exchange
from ocrgate.gateway.hangup import ClientGone, stopped
from ocrgate.gateway.problem import respond, unrouted

_log = structlog.get_logger("ocrgate.gateway")


class Failures:
    """Answers errors. Nobody is answered who has gone, nor twice.

    A server that goes away cancels what it has waited for long enough. That is answered too, and is
    no error then: it ends here.

    Args:
        app: the application around which it stands.
        draining: whether the server is going away.
    """

    def __init__(self, app: ASGIApp, draining: Callable[[], bool] = lambda: False) -> None:
        self._app = app
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = whole = False

        async def noted(message: Message) -> None:
            nonlocal begun, whole
            begun = True
            whole = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        answer: Response | None = None
        try:
            await self._app(scope, receive, noted)
        except ClientGone:
            Exchange.of(scope).gone = True
        except asyncio.CancelledError:
            if not begun:
                await _answer(stopped(), scope)(scope, receive, noted)
            if not (whole and self._draining()):
                raise
        except Exception as raised:
            if begun:
                raise  # the server closes the connection: a cut answer must not look whole
            answer = _answer(raised, scope)
        if answer is not None:  # the error, and with it what was read of the body, is let go by now
            await answer(scope, receive, send)


def _answer(raised: Exception, scope: Scope) -> Response:
    if isinstance(raised, HTTPException):
        return unrouted(raised, scope)
    return respond(_named(raised, scope), scope["path"], Exchange.of(scope))


def _named(raised: Exception, scope: Scope) -> OcrgateError:
    """The error itself; a stranger is logged with its trace and shown as ``internal``."""
    if isinstance(raised, EngineError):  # the caller is not told which server it was
        _log.warning("engine_error", code=raised.code, detail=raised.detail)
    if isinstance(raised, OcrgateError):
        return raised
    _log.error("unexpected_error", path=scope["path"], exc_info=raised)
    return InternalError()

"""The application as an ASGI server calls it: our layers around our routes, and nothing else."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[Response]]


class Application(Starlette):
    """An application without the framework's own layers.

    Those answer errors and bound bodies, which ours do (docs/adr/0084); they took a tenth of what
    a small request costs.

    Args:
        routes: method, path and endpoint of each.
        middleware: the layers, from the outside in; one of them answers what endpoints raise and
            the ``HTTPException`` of a path or a method that nobody serves.
        lifespan: what is started and closed with the application.
        contract: the published OpenAPI document.
    """

    def __init__(
        self,
        routes: Sequence[tuple[str, str, Endpoint]],
        *,
        middleware: Sequence[Middleware],
        lifespan: "Lifespan[Application]",
        contract: Mapping[str, Any],
    ) -> None:
        listed = [Route(path, endpoint, methods=[method]) for method, path, endpoint in routes]
        super().__init__(routes=listed, middleware=middleware, lifespan=lifespan)
        self.router.redirect_slashes = False
        self._doors = Doors(self.router, routes)
        self._contract = contract

    def build_middleware_stack(self) -> ASGIApp:
        """The layers around the routes; called once, before the first request."""
        app: ASGIApp = self._doors
        for layer, args, kwargs in reversed(self.user_middleware):
            app = layer(app, *args, **kwargs)
        return app

    def openapi(self) -> Mapping[str, Any]:
        """The published contract."""
        return self._contract


class Doors:
    """Finds the endpoint of a plain path by one look; every other request goes to the router.

    Args:
        router: knows all routes, also those with parameters, and says no.
        routes: method, path and endpoint of each.
    """

    def __init__(self, router: Router, routes: Sequence[tuple[str, str, Endpoint]]) -> None:
        self._router = router
        self._plain = {
            (method, path): endpoint for method, path, endpoint in routes if "{" not in path
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the application's lifespan."""
        endpoint = None
        if scope["type"] == "http" and not scope.get("root_path"):
            endpoint = self._plain.get((scope["method"], scope["path"]))
        if endpoint is None:
            await self._router(scope, receive, send)
            return
        scope["endpoint"] = endpoint
        answer = await endpoint(Request(scope, receive, send))
        await answer(scope, receive, send)

"""Work that lasts only as long as somebody waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from starlette.types import Receive, Scope

from ocrgate.errors import Draining

T = TypeVar("T")

COME_BACK = 5.0
"""Seconds after which another node, or this one started again, answers."""

_LINE = "ocrgate.line"
Watch = Callable[[Callable[[], None]], AbstractContextManager[None]]
"""Tells once, as long as its context is open, that the client has hung up."""


class ClientGone(Exception):
    """The client closed the connection before its answer; there is nobody to tell."""


def stopped() -> Draining:
    """The error behind a cancellation that is not the client's: the server goes away, and has
    waited for this answer as long as it may.
    """
    return Draining("the server was stopped before the answer was there", retry_after=COME_BACK)


def offer_watch(scope: Scope, watch: Watch) -> None:
    """Say how to be told of the client's end: without it, a task must listen for it."""
    scope[_LINE] = watch


async def while_connected(scope: Scope, receive: Receive, work: Awaitable[T]) -> T:
    """Await ``work``, but cancel it and wait for its end as soon as the client hangs up.

    Call it once the body was read, or ``receive`` would swallow some of it. The work runs in the
    caller's own task.

    Raises:
        ClientGone: the client hung up first.
    """
    task = asyncio.current_task()
    assert task is not None
    gone = False

    def hang_up() -> None:
        nonlocal gone
        if not gone:  # a second cancellation would break off what the first one tidies up
            gone = True
            task.cancel()

    watch: Watch = scope.get(_LINE) or _Listener(receive)
    try:
        with watch(hang_up):
            return await work
    except asyncio.CancelledError:
        if gone and task.uncancel() == 0:  # it was us, and nobody else wants this task to end
            raise ClientGone from None
        raise


class _Listener:
    """Hears the end by asking for it, on servers that do not say it themselves."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    @contextmanager
    def __call__(self, told: Callable[[], None]) -> Iterator[None]:
        """Listen as long as the context is open."""
        listening = asyncio.create_task(self._listen(told))
        try:
            yield
        finally:
            listening.cancel()

    async def _listen(self, told: Callable[[], None]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        told()

"""Work that lasts only as long as somebody waits for it."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.types import Receive

T = TypeVar("T")


class ClientGone(Exception):
    """The client closed the connection before its answer; there is nobody to tell."""


async def while_connected(receive: Receive, work: Awaitable[T]) -> T:
    """Await ``work``, but cancel it and wait for its end as soon as the client hangs up.

    Call it once the body was read, or ``receive`` would swallow some of it. The work runs in the
    caller's own task: one task beside it listens.

    Raises:
        ClientGone: the client hung up first.
    """
    task = asyncio.current_task()
    assert task is not None
    gone = False

    async def listen() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        task.cancel()

    listener = asyncio.create_task(listen())
    try:
        return await work
    except asyncio.CancelledError:
        if gone and task.uncancel() == 0:  # it was us, and nobody else wants this task to end
            raise ClientGone from None
        raise
    finally:
        listener.cancel()

"""Work that lasts only as long as somebody waits for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

T = TypeVar("T")


class ClientGone(Exception):
    """The client closed the connection before its answer; there is nobody to tell."""


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Await ``work``, but cancel it and wait for its end as soon as the client hangs up.

    Call it once the body was read, or ``receive`` would swallow some of it.

    Raises:
        ClientGone: the client hung up first.
    """
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_hung_up(receive))
    try:
        await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientGone
    finally:
        await _ended(task, watch)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _ended(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

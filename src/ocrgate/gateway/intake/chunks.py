"""The pieces of a body, as they arrive."""

from collections.abc import AsyncIterator

from starlette.types import Receive

from ocrgate.gateway.hangup import ClientGone
from ocrgate.gateway.intake.decoding import off_loop


async def chunks(receive: Receive) -> AsyncIterator[bytes]:
    """The body, piece by piece; none is empty.

    Raises:
        ClientGone: the client hung up before the end.
        RequestError, Overloaded: a bound of the body was passed.
    """
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        if piece := message.get("body", b""):
            yield piece
        if not message.get("more_body", False):
            return


async def whole(receive: Receive) -> bytes:
    """The body in one piece; raises what :func:`chunks` raises."""
    pieces = [piece async for piece in chunks(receive)]
    if len(pieces) == 1:
        return pieces[0]
    return await off_loop(sum(map(len, pieces)), lambda: b"".join(pieces))

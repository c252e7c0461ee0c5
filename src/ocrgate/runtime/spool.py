"""Documents written to private files, for worker processes to read."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, cast

from ocrgate.errors import Overloaded

PREFIX = "ocrgate-"
_RETRY_AFTER = 5.0  # seconds; files here live as long as a request

Refusals = Callable[[str, float], None]
"""Told the reason of a refusal and the seconds after which to come back."""


@asynccontextmanager
async def spooled(data: bytes, refused: Refusals) -> AsyncIterator[Path]:
    """A file of ``data`` that only this user can read and that is gone when the context ends.

    Raises:
        Overloaded: the disk is full; ``refused`` was told.
    """
    with room(refused):
        file = await _written(data)
    try:
        yield Path(file.name)
    finally:
        await asyncio.shield(asyncio.to_thread(file.close))  # which deletes it


@contextmanager
def room(refused: Refusals) -> Iterator[None]:
    """Where files of our own are written: tell the caller to come back when that fails.

    Raises:
        Overloaded: the disk is full, or cannot be written to.
    """
    try:
        yield
    except OSError as error:
        refused("bytes", _RETRY_AFTER)
        raise Overloaded(
            f"the document cannot be put aside: {error.strerror}; nothing was done",
            reason="bytes",
            retry_after=_RETRY_AFTER,
        ) from error


async def _written(data: bytes) -> IO[bytes]:
    writing = asyncio.ensure_future(asyncio.to_thread(_write, data))
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        writing.add_done_callback(_discard)  # a thread cannot be stopped; its file can be closed
        raise


def _write(data: bytes) -> IO[bytes]:
    file = tempfile.NamedTemporaryFile(prefix=PREFIX)  # noqa: SIM115 - closed by ``spooled``
    try:
        file.write(data)
        file.flush()
    except OSError:
        with contextlib.suppress(OSError):  # closing tries to write the rest once more
            file.close()
        raise
    return cast("IO[bytes]", file)


def _discard(writing: "asyncio.Future[IO[bytes]]") -> None:
    if not writing.cancelled() and writing.exception() is None:
        writing.result().close()

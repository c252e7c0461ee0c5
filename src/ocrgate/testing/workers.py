"""Workers without processes."""

import asyncio
import threading

from ocrgate.errors import EngineFailed, OcrgateError


class InlineWorkers:
    """Runs a session in threads of this process (a :class:`~ocrgate.ports.Workers`).

    Args:
        session: whose methods are called, each with the keyword ``cancelled``.
        size: calls that run at the same time.
    """

    def __init__(self, session: object, *, size: int = 1) -> None:
        self._session = session
        self._places = asyncio.Semaphore(size)

    async def call(self, method: str, *args: object) -> object:
        """Run one method. Cancelling makes its probe true and waits until it has returned.

        Raises:
            EngineFailed: it raised what is not an error of ours.
        """
        stop = threading.Event()
        async with self._places:
            work = asyncio.ensure_future(asyncio.to_thread(self._run, method, args, stop))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                stop.set()
                await asyncio.gather(work, return_exceptions=True)
                raise

    def _run(self, method: str, args: tuple[object, ...], stop: threading.Event) -> object:
        try:
            return getattr(self._session, method)(*args, cancelled=stop.is_set)
        except OcrgateError:
            raise
        except Exception as error:
            raise EngineFailed(f"{method} failed: {error}") from error

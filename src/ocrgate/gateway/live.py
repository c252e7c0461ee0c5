"""Text handed out while it is written, in the order of the pages."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ocrgate.ports import Piece
from ocrgate.runtime.recognizer import PageResult


class Live:
    """Pages of one document and the text of each from before its end.

    Pages are read side by side: what a later page says is kept until its turn. What waits is
    bounded by what the pages under way can say.
    """

    def __init__(self) -> None:
        self._pieces: defaultdict[int, list[str]] = defaultdict(list)
        self._pages: asyncio.Queue[PageResult | Exception | None] = asyncio.Queue(1)
        self._news = asyncio.Event()

    def hear(self, position: int, piece: Piece) -> None:
        """The page at a 0-based position of those asked for said something."""
        if piece.text:
            self._pieces[position].append(piece.text)
            self._news.set()

    async def events(
        self, pages: AsyncGenerator[PageResult, None]
    ) -> AsyncGenerator[str | PageResult, None]:
        """Each page's text in pieces, as it comes, and then the page.

        What is known together comes together. ``pages`` runs in one task from begin to end, and
        is closed with the events.

        Raises:
            OcrgateError: whatever ``pages`` raised.
        """
        pump, position = asyncio.create_task(self._pump(pages)), 0
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                ended = not self._pages.empty()  # what it said was heard before it ended
                if text := "".join(self._pieces.pop(position, ())):
                    yield text
                if not ended:
                    continue
                page = self._pages.get_nowait()
                if page is None:
                    return
                if isinstance(page, Exception):
                    raise page
                yield page
                position += 1
                self._news.set()  # the next page may have said something meanwhile
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _pump(self, pages: AsyncGenerator[PageResult, None]) -> None:
        try:
            async with aclosing(pages):
                async for page in pages:
                    await self._put(page)
        except Exception as raised:  # noqa: BLE001 - whoever takes the events raises it
            await self._put(raised)
        else:
            await self._put(None)

    async def _put(self, item: PageResult | Exception | None) -> None:
        await self._pages.put(item)
        self._news.set()

"""One write for the head and the body of an answer."""

import asyncio
from typing import Any

from ocrgate.gateway.corked import Corked


class Inner(asyncio.Transport):
    """A transport that keeps what happens to it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def write(self, data: Any) -> None:
        """Keep it."""
        self.seen.append(bytes(data))

    def close(self) -> None:
        """Keep it."""
        self.seen.append("close")

    def write_eof(self) -> None:
        """Keep it."""
        self.seen.append("eof")

    def abort(self) -> None:
        """Keep it."""
        self.seen.append("abort")


async def test_what_is_written_in_one_turn_is_sent_at_once() -> None:
    """Head and body leave together, later events after them, nothing is lost or reordered."""
    inner = Inner()
    corked = Corked(inner, asyncio.get_running_loop())
    corked.write(b"head ")
    corked.write(b"body")
    assert inner.seen == []
    await asyncio.sleep(0)
    corked.write(b"event")
    await asyncio.sleep(0)
    assert inner.seen == [b"head body", b"event"]


async def test_closing_sends_what_was_written_first() -> None:
    """An answer that closes the connection arrives whole."""
    for end in ("close", "eof"):
        inner = Inner()
        corked = Corked(inner, asyncio.get_running_loop())
        corked.write(b"answer")
        corked.close() if end == "close" else corked.write_eof()
        await asyncio.sleep(0)
        assert inner.seen == [b"answer", end]


async def test_an_abort_sends_nothing_more() -> None:
    """What is torn down is torn down."""
    inner = Inner()
    corked = Corked(inner, asyncio.get_running_loop())
    corked.write(b"answer")
    corked.abort()
    await asyncio.sleep(0)
    assert inner.seen == ["abort"]


async def test_what_comes_after_the_end_is_dropped() -> None:
    """The socket would complain, and nobody would read it."""
    inner = Inner()
    corked = Corked(inner, asyncio.get_running_loop())
    corked.write(b"last word")
    corked.write_eof()
    corked.write(b"and one more")
    await asyncio.sleep(0)
    assert inner.seen == [b"last word", "eof"]

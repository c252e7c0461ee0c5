"""One HTTP/1.1 request as the server got it, and the bytes that it writes back."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_HEAD_LIMIT = 64 * 1024


class ClientLeft(Exception):
    """The client closed the connection."""


@dataclass
class Received:
    """A request on record.

    Attributes:
        method, path: from its first line.
        headers: by lower-case name.
        arrived: instant of its head, seconds of the event loop's clock.
        body: as much of it as came.
        unread: bytes that came while nobody wanted any.
        left: instant at which the client was seen to leave before it had its answer; None if it
            stayed.
        finished: whether its answer was written to the end.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    arrived: float
    body: bytes = b""
    unread: int = 0
    left: float | None = None
    finished: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    async def was_left(self, seconds: float = 5.0) -> float:
        """Wait until the client has left, and the instant of it.

        Raises:
            TimeoutError: it stays.
        """
        async with asyncio.timeout(seconds):
            await self.gone.wait()
        assert self.left is not None
        return self.left


class Wire:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ahead = b""  # came while nobody wanted any: a quick client's next request

    async def head(self) -> Received | None:
        """The next request's head; None once the client has no more.

        Raises:
            ClientLeft: in the middle of it.
        """
        raw = await self._until_blank_line()
        if raw is None:
            return None
        first, *lines = raw.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return Received(method, path, headers, asyncio.get_running_loop().time())

    async def _until_blank_line(self) -> bytes | None:
        found = self._ahead
        try:
            while b"\r\n\r\n" not in found and len(found) <= _HEAD_LIMIT:
                if not (part := await self._reader.read(1 << 16)):
                    break
                found += part
        except ConnectionError as error:
            raise ClientLeft from error
        head, blank, self._ahead = found.partition(b"\r\n\r\n")
        if found and not blank:
            raise ClientLeft
        return head + blank if blank else None

    async def _more(self, most: int) -> bytes:
        if not self._ahead:
            return await self._reader.read(most)
        part, self._ahead = self._ahead[:most], self._ahead[most:]
        return part

    async def body(self, received: Received) -> None:
        """Read the request's body onto the record.

        Raises:
            ClientLeft: before its end.
        """
        left = int(received.headers.get("content-length", "0"))
        parts = []
        try:
            while left and (part := await self._more(min(left, 1 << 16))):
                parts.append(part)
                left -= len(part)
        except ConnectionError as error:
            raise ClientLeft from error
        finally:
            received.body = b"".join(parts)
        if left:
            raise ClientLeft

    async def watch(self, received: Received) -> None:
        """Wait until the client closes the connection; what it sends until then is only counted.

        But for the next request of a client that already has its answer: that is kept.

        Raises:
            ClientLeft: always, in the end.
        """
        try:
            while part := await self._reader.read(1 << 16):
                received.unread += len(part)
                if len(received.body) == int(received.headers.get("content-length", "0")):
                    self._ahead += part
        except ConnectionError:
            pass
        raise ClientLeft

    async def start(
        self,
        code: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        length: int | None = None,
    ) -> None:
        """Write the answer's head; without ``length`` its body comes in chunks."""
        size = {"transfer-encoding": "chunked"} if length is None else {"content-length": length}
        lines = {**(headers or {}), **size}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        await self.raw(f"HTTP/1.1 {code} Scripted\r\n{head}\r\n".encode("latin-1"))

    async def chunk(self, data: bytes) -> None:
        """Write a piece of a chunked body."""
        if data:
            await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        """End a chunked body."""
        await self.raw(b"0\r\n\r\n")

    async def raw(self, data: bytes) -> None:
        """Write bytes as they are.

        Raises:
            ClientLeft: nobody takes them.
        """
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError as error:
            raise ClientLeft from error

    def reset(self) -> None:
        """Drop the connection as a process that died does: the client sees a reset."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

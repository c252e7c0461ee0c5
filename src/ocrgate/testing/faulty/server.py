"""The server itself: a socket, a persona, and a script per request."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

from ocrgate.testing.faulty.persona import Persona
from ocrgate.testing.faulty.scripts import Script, Talk
from ocrgate.testing.faulty.wire import ClientLeft, Received, Wire

CHAT = "/v1/chat/completions"

IDLE = 0.3
"""Seconds for which a body that is not read lies in the way of the client."""


class FaultyEngine:
    """An HTTP server that speaks OpenAI's chat completions, well or badly.

    ::

        async with FaultyEngine(Talk(after="reset"), Talk("second try")) as server:
            ...  # talk to server.url

    Args:
        scripts: what happens to the first, second… request for a completion; the last serves all
            further ones. Without any, a short answer.
        persona: what it says of itself.
        port: to listen on; 0 takes a free one.

    Attributes:
        scripts: may be replaced while it runs.
        persona: the same.
        chats: the requests for completions, in order of arrival.
        asked: all other requests.
        connections: connections that were opened until now.
    """

    def __init__(self, *scripts: Script, persona: Persona | None = None, port: int = 0) -> None:
        self.scripts: list[Script] = list(scripts)
        self.persona = persona or Persona()
        self.chats: list[Received] = []
        self.asked: list[Received] = []
        self.connections = 0
        self._port = port
        self._news = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Its base URL, without ``/v1``."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def running(self) -> int:
        """Completions that are being answered."""
        return sum(not chat.finished and chat.left is None for chat in self.chats)

    async def chat(self, number: int = 1, *, seconds: float = 10.0) -> Received:
        """Wait until the head of the first (second…) request for a completion is there.

        Raises:
            TimeoutError: it does not come.
        """
        async with asyncio.timeout(seconds):
            while len(self.chats) < number:
                self._news.clear()
                await self._news.wait()
        return self.chats[number - 1]

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self._port, limit=1 << 16
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop all connections and stop listening."""
        await self.stop()

    async def stop(self) -> None:
        """As a server that dies: every connection is dropped, new ones are refused."""
        if self._server is not None:
            self._server.close()
        for task in [*self._open]:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.ensure_future(self._serve(Wire(reader, writer)))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, wire: Wire) -> None:
        try:
            while (received := await wire.head()) is not None:
                await self._answer(wire, received)
                if not received.finished:
                    break
            await wire.close()
        except ClientLeft:
            await wire.close()
        except BaseException:
            wire.reset()
            await wire.close()
            raise

    async def _answer(self, wire: Wire, received: Received) -> None:
        authorization = received.headers.get("authorization", "")
        if not self.persona.allows(received.path, authorization):
            await self._send_page(wire, received, (401, "application/json", _UNAUTHORIZED))
        elif received.path == CHAT:
            await self._play(wire, received)
        else:
            await self._send_page(wire, received, self.persona.page(received.path))

    async def _send_page(
        self, wire: Wire, received: Received, page: tuple[int, str, bytes]
    ) -> None:
        self.asked.append(received)
        await wire.body(received)
        code, content_type, body = page
        await wire.start(code, {"content-type": content_type}, length=len(body))
        await wire.raw(body)
        received.finished = True

    async def _play(self, wire: Wire, received: Received) -> None:
        scripts = self.scripts or [Talk()]
        script = scripts[min(len(self.chats), len(scripts) - 1)]
        self.chats.append(received)
        self._news.set()
        try:
            if script.reads_body:
                await wire.body(received)
            else:
                await asyncio.sleep(IDLE)
            await self._until_left(wire, script, received)
        except ClientLeft:
            received.left = asyncio.get_running_loop().time()
            received.gone.set()
            raise

    async def _until_left(self, wire: Wire, script: Script, received: Received) -> None:
        """Play the script, and notice at once if the client closes the connection meanwhile."""
        playing = asyncio.ensure_future(script.play(wire, received))
        watching = asyncio.ensure_future(wire.watch(received))
        try:
            await asyncio.wait({playing, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                watching.result()
            playing.result()
            received.finished = True
        finally:
            for task in (playing, watching):
                task.cancel()
            with contextlib.suppress(ClientLeft):
                await asyncio.gather(playing, watching, return_exceptions=True)


_UNAUTHORIZED = b'{"error":"Unauthorized"}'

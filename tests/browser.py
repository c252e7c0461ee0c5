"""A headless Chromium over its debugging protocol: enough to read a page and to look at it."""

import asyncio
import base64
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def found() -> str | None:
    """Where a Chromium is, if there is one; ``CHROMIUM`` names another."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """One page of the browser. ``asked`` are the addresses that it wanted, ``errors`` its words."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.asked: list[str] = []
        self.errors: list[str] = []
        self._socket = socket
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._count = 0
        self._reader = asyncio.create_task(self._read())

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol and its result."""
        self._count += 1
        self._answers[self._count] = asyncio.get_running_loop().create_future()
        message = {"id": self._count, "method": method, "params": parameters}
        await self._socket.send_json(message)
        result: dict[str, Any] = await asyncio.wait_for(self._answers[self._count], 120)
        return result

    async def evaluate(self, script: str) -> Any:
        """The value of an expression in the page; promises are waited for."""
        found = await self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise AssertionError(found["exceptionDetails"])
        return found["result"].get("value")

    async def until(self, script: str, seconds: float = 60) -> None:
        """Wait until an expression is true."""
        async with asyncio.timeout(seconds):
            while not await self.evaluate(script):  # noqa: ASYNC110 - the page tells nobody
                await asyncio.sleep(0.1)

    async def show(self, address: str, *, before: str = "") -> None:
        """Open an address; ``before`` is a script that runs ahead of those of the page."""
        added = ""
        if before:
            found = await self.call("Page.addScriptToEvaluateOnNewDocument", source=before)
            added = found["identifier"]
        self.asked.clear()
        self.errors.clear()
        await self.call("Page.navigate", url=address)
        await self.until("document.readyState === 'complete'")
        if added:
            await self.call("Page.removeScriptToEvaluateOnNewDocument", identifier=added)

    async def look(
        self, *, width: int = 1280, height: int = 900, dark: bool = False, script: bool = True
    ) -> None:
        """Size and theme of the window, and whether pages may run scripts, from now on."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        await self.call("Emulation.setScriptExecutionDisabled", value=not script)

    async def picture(self) -> bytes:
        """The whole page as PNG, also what is below the window."""
        taken = await self.call(
            "Page.captureScreenshot",
            captureBeyondViewport=True,
            clip={
                "x": 0,
                "y": 0,
                "width": await self.evaluate("document.documentElement.clientWidth"),
                "height": await self.evaluate("document.documentElement.scrollHeight"),
                "scale": 1,
            },
        )
        return base64.b64decode(taken["data"])

    async def _read(self) -> None:
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                answer = self._answers.pop(told["id"])
                if not answer.done():
                    answer.set_result(told.get("result", {}))
            else:
                self._hear(told["method"], told["params"])

    def _hear(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(str(told["exceptionDetails"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.errors.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        elif method == "Runtime.consoleAPICalled" and told["type"] == "error":
            self.errors.append(str(told["args"]))

    async def close(self) -> None:
        """Stop listening."""
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader


@contextlib.asynccontextmanager
async def tab() -> AsyncIterator[Tab]:
    """A browser of its own with one empty page, and no way to any network."""
    program = found()
    assert program
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
            [
                program,
                "--headless=new",
                "--no-sandbox",
                "--remote-debugging-port=0",
                f"--user-data-dir={folder}",
                "--use-angle=swiftshader",
                "--enable-unsafe-swiftshader",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                "--no-first-run",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port = await _port(Path(folder), process)
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{port}/json") as answer,
                session.ws_connect(await _page(answer), max_msg_size=0) as socket,
            ):
                page = Tab(socket)
                try:
                    await _prepare(page)
                    yield page
                finally:
                    await page.close()
        finally:
            process.terminate()
            process.wait(timeout=20)


async def _port(folder: Path, process: subprocess.Popen[bytes]) -> int:
    told = folder / "DevToolsActivePort"
    async with asyncio.timeout(60):
        while not (told.exists() and told.read_text().count("\n")):
            assert process.poll() is None, "the browser went away"
            await asyncio.sleep(0.05)
    return int(told.read_text().split("\n")[0])


async def _page(answer: aiohttp.ClientResponse) -> str:
    pages = [each for each in await answer.json() if each["type"] == "page"]
    return str(pages[0]["webSocketDebuggerUrl"])


async def _prepare(page: Tab) -> None:
    for domain in ("Page", "Runtime", "Log", "Network"):
        await page.call(f"{domain}.enable")
    await page.look()

"""``ocrgate simulate`` as a process: how it starts, dies, comes back and ends."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from tests.integration.simulate.conftest import chat

from ocrgate.cli.exit import Exit

CHAT = "/v1/chat/completions"


@dataclass
class Running:
    """A server of its own process, and a session whose base is its address."""

    process: asyncio.subprocess.Process
    session: aiohttp.ClientSession

    async def ask(self, **fields: Any) -> tuple[int, dict[str, Any]]:
        async with self.session.post(CHAT, json=chat(**fields)) as reply:
            return reply.status, await reply.json()

    async def until_busy(self) -> None:
        """Wait until a request is under way."""
        for _ in range(500):
            async with self.session.get("/load") as reply:
                if (await reply.json())["server_load"]:
                    return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def simulate(*words: str) -> AsyncIterator[Running]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ocrgate", "simulate", "--port", "0", "--json", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        told = json.loads(await process.stdout.readline())
        async with aiohttp.ClientSession(told["url"]) as session:
            yield Running(process, session)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_sigterm_aborts_what_is_under_way_with_a_200() -> None:
    """The default, as in the real one: who looks only at the status keeps half a page."""
    async with simulate() as server:
        call = asyncio.create_task(server.ask(max_tokens=2000, ignore_eos=True))
        await server.until_busy()
        server.process.send_signal(signal.SIGTERM)
        status, reply = await call
        assert (status, reply["choices"][0]["finish_reason"]) == (200, "abort")
        assert await server.process.wait() == Exit.OK


async def test_a_shutdown_timeout_drains() -> None:
    """What is under way ends well; what comes now gets a 500; health says nothing."""
    async with simulate("--shutdown-timeout", "1") as server:
        call = asyncio.create_task(server.ask(max_tokens=30, ignore_eos=True))
        await server.until_busy()
        server.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.1)
        status, reply = await server.ask()
        assert status == 500
        assert reply["error"]["message"] == "cannot schedule new futures after shutdown"
        async with server.session.get("/health") as health:
            assert health.status == 200
        status, reply = await call
        assert (status, reply["choices"][0]["finish_reason"]) == (200, "length")
        assert await server.process.wait() == Exit.OK


async def test_death_ends_the_process_with_a_code_of_its_own(tmp_path: Path) -> None:
    """As a supervisor of a real one sees it."""
    script = tmp_path / "script.json"
    script.write_text('[{"at": 0.3, "kind": "die"}]')
    async with simulate("--script", str(script)) as server:
        assert await server.process.wait() == Exit.ENGINE
        assert server.process.stderr is not None
        assert b"the simulated engine died" in await server.process.stderr.read()


async def test_with_restart_it_comes_back_on_the_same_port(tmp_path: Path) -> None:
    """In between, nobody listens."""
    script = tmp_path / "script.json"
    script.write_text('[{"at": 2, "kind": "die"}]')
    async with simulate("--script", str(script), "--restart", "--speed", "100") as server:
        seen: set[int | str] = set()
        for _ in range(400):
            try:
                async with server.session.get("/health") as health:
                    seen.add(health.status)
                    if {503, "refused"} <= seen and health.status == 200:
                        break
            except aiohttp.ClientConnectionError:
                seen.add("refused")
            await asyncio.sleep(0.01)
        assert seen >= {200, 503, "refused"}
        assert (await server.ask(max_tokens=5))[0] == 200

"""``ocrgate serve`` before the engine's server is there, as when both start together."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from ocrgate.testing import FaultyEngine, Persona, Refuse, Talk

from .conftest import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

PICTURE = {"image": "iVBORw0KGgo="}


@contextlib.asynccontextmanager
async def serving(folder: Path, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ocrgate", "serve", "--port", "0", *words),
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"XDG_STATE_HOME": str(folder)},
        cwd=folder,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def said(process: asyncio.subprocess.Process, words: str) -> str:
    """What the process says up to and with a line that has these words."""
    assert process.stderr is not None
    lines = []
    async for line in process.stderr:
        lines.append(line.decode())
        if words in lines[-1]:
            return "".join(lines)
    pytest.fail("".join(lines))


async def test_the_server_waits_for_its_engine(tmp_path: Path) -> None:
    """It lives at once, refuses with when to come back, and is ready when the engine has come."""
    port = free_port()
    async with serving(tmp_path, "--url", f"http://127.0.0.1:{port}") as process:
        waiting = await said(process, "Waiting for the engine")
        assert f"127.0.0.1:{port} cannot be reached" in waiting
        url = waiting.split("Waiting for the engine. ")[1].split()[0]
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/livez")).status_code == 200
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["status"]) == (503, "unready")
            assert "cannot be reached" in ready.json()["detail"]
            models = (await client.get("/v1/models")).json()["data"]
            assert [model["id"] for model in models] == ["ocrgate"]
            asked = {"model": "hunyuan", "task": "table"}
            for path in ("/ocr", "/v1/ocr", "/v1/chat/completions"):
                refused = await client.post(path, json=PICTURE | asked)
                assert refused.status_code == 503, path
                assert "engine_unavailable" in refused.text
                assert refused.headers["retry-after"] == "5"
            async with FaultyEngine(Talk("here"), port=port):
                assert url in await said(process, "ocrgate is ready at")
                assert (await client.get("/readyz")).status_code == 200
                models = (await client.get("/v1/models")).json()["data"]
                assert models[0]["id"] == "vllm/tencent/HunyuanOCR"


@pytest.mark.parametrize(
    ("persona", "why"),
    [
        (Persona(key="k"), "engine.api_key"),
        (Persona(pages={"/v1/models": (200, "text/html", b"<h1>It works!</h1>")}), "no list of"),
    ],
)
async def test_what_waiting_does_not_mend_ends_the_start(
    tmp_path: Path, persona: Persona, why: str
) -> None:
    """A missing key, and a server that is none of the kind."""
    async with (
        FaultyEngine(Refuse(404, {}), persona=persona) as engine,
        serving(tmp_path, "--url", engine.url) as process,
    ):
        assert why in await said(process, "ocrgate: ")
        assert await process.wait() == 7

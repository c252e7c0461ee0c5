"""How a real vLLM ends while it works: what a gateway must not take for an answer."""

import asyncio
import contextlib
import json
import signal
import time
from pathlib import Path

import aiohttp
import psutil
import pytest
from tests.vllm import script
from tests.vllm.calls import read, until_running
from tests.vllm.pages import completion
from tests.vllm.reading import cost, made, page, sizes, text_of
from tests.vllm.server import Vllm, serve

from ocrgate.domain.recognition import PageReading, PageRequest, Usage
from ocrgate.engines.openai.faults import is_replica_fault
from ocrgate.errors import EngineError

FLAGS = ("--max-num-seqs", "16", *script.SCRIPTED)

Result = tuple[PageReading, Usage] | BaseException


async def end_under_load(server: Vllm, end: signal.Signals) -> tuple[int, int]:
    """Have the engine read 32 pages, end the server among them: pages whole, and failed.

    Whatever was returned as a success has the whole text of its page.
    """
    # In some runs a vLLM that got SIGTERM leaves clients without any answer for a minute.
    engine = made(server.url, first_token=20.0, stall=10.0)
    await engine.start()
    asked = sizes(engine, long=False, most=640)[:32]
    calls = [asyncio.create_task(engine.recognize(page(*size), PageRequest())) for size in asked]
    try:
        async with aiohttp.ClientSession(server.url) as session:
            await until_running(session, 3, at_least=True)
        server.signal(end)
        async with asyncio.timeout(60):
            results: list[Result] = await asyncio.gather(*calls, return_exceptions=True)
    finally:
        await engine.close()
    whole = 0
    for size, result in zip(asked, results, strict=True):
        if isinstance(result, BaseException):
            assert isinstance(result, EngineError), result
            assert is_replica_fault(result)
        else:
            assert result[0].text.split() == text_of(cost(engine, *size))
            whole += 1
    return whole, len(asked) - whole


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_sudden_end_gives_whole_texts_or_typed_errors(
    installed: Path, tmp_path: Path, end: signal.Signals, figures: dict[str, str]
) -> None:
    """SIGTERM without a timeout, and SIGKILL: half a page never passes for a page."""
    with serve(tmp_path, *FLAGS) as server:
        whole, failed = await end_under_load(server, end)
        figures[f"{end.name} under 32 pages"] = f"{whole} whole, {failed} typed errors, none wrong"
        assert failed > 0
        assert whole + failed == 32
        assert server.ended(30)


async def test_sigterm_with_a_timeout_finishes_what_runs_and_refuses_the_rest(
    installed: Path, tmp_path: Path
) -> None:
    """Pages in flight end well; new ones get a 500 or no connection; health says nothing of it."""
    flags = (*FLAGS, "--shutdown-timeout", "15")
    with serve(tmp_path, *flags) as server:
        body = completion(max_tokens=1200, ignore_eos=True)
        async with aiohttp.ClientSession(server.url) as session:
            calls = [asyncio.create_task(read(session, body)) for _ in range(8)]
            await until_running(session, 8)
            server.signal(signal.SIGTERM)
            await asyncio.sleep(1.0)  # vLLM takes the signal between two of its steps
            late: object = None
            with contextlib.suppress(aiohttp.ClientError, OSError):
                late = await read(session, completion(max_tokens=1))
            answers = await asyncio.gather(*calls)
        reasons = [json.loads(text)["choices"][0]["finish_reason"] for _, text in answers]
        assert reasons == ["length"] * 8
        assert late is None or (isinstance(late, tuple) and late[0] == 500)
        assert server.ended(30)


async def test_death_of_the_engine_process_ends_the_whole_server(
    installed: Path, tmp_path: Path
) -> None:
    """As by a lack of memory: what runs and what comes fails, then nobody listens."""
    with serve(tmp_path, *FLAGS) as server:
        body = completion(max_tokens=4000, ignore_eos=True)
        async with aiohttp.ClientSession(server.url) as session:
            calls = [asyncio.create_task(read(session, body)) for _ in range(8)]
            await until_running(session, 8)
            core = next(
                child
                for child in psutil.Process(server.pid).children()
                if "EngineCore" in " ".join(child.cmdline())
            )
            start = time.monotonic()
            core.kill()
            answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [a for a in answers if isinstance(a, tuple) and a[0] == 200] == []
        assert server.ended(30)
        assert time.monotonic() - start < 30

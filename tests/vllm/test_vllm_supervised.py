"""``ocrgate serve --engine vllm``: a real vLLM started, watched, killed and started again."""

import asyncio
import json
import os
import random
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest
from tests.vllm import model, script
from tests.vllm.calls import is_up, until_running
from tests.vllm.gateway import Gateway, gateway, ocr
from tests.vllm.reading import text_of
from tests.vllm.server import OFFLINE, executable, free_port, until

TYPED = {
    (429, "overloaded"),
    (502, "engine_failed"),
    (503, "engine_unavailable"),
    (503, "breaker_open"),
    (504, "deadline_exceeded"),
}


@dataclass(frozen=True)
class Supervised:
    """A gateway, where the vLLM answers that it keeps, and when it was started."""

    front: Gateway
    url: str
    begun: float

    def server(self) -> int:
        """The process id of the vLLM that answers HTTP."""
        port = urlsplit(self.url).port
        below = psutil.Process(self.front.pid).children(recursive=True)
        return next(one.pid for one in below if port in _listening(one))


def _listening(process: psutil.Process) -> set[int]:
    try:
        sockets = process.net_connections("tcp")
    except psutil.Error:
        return set()
    return {one.laddr.port for one in sockets if one.status == psutil.CONN_LISTEN}


@pytest.fixture(scope="module")
def supervised(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervised]:
    """A gateway that starts its vLLM itself."""
    folder = tmp_path_factory.mktemp("supervised")
    port = free_port()
    begun = time.monotonic()
    flags = ("--load-format", "dummy", "--enforce-eager", "--max-model-len", "8192")
    with gateway(
        folder,
        *("--engine", "vllm", "--model", str(model.write(folder / "model"))),
        seconds=300,
        OCRGATE_ENGINE__COMMAND=str(executable()),
        OCRGATE_ENGINE__PORT=str(port),
        OCRGATE_ENGINE__MAX_SEQUENCES="16",
        OCRGATE_ENGINE__MAX_PIXELS=str(1024 * 1024),
        OCRGATE_ENGINE__ARGS=json.dumps([*flags, *script.SCRIPTED]),
        OCRGATE_ENGINE__SHUTDOWN_TIMEOUT="5",
        **OFFLINE,
    ) as front:
        yield Supervised(front, f"http://127.0.0.1:{port}", begun)


async def crowd(supervised: Supervised, count: int) -> list[asyncio.Task[tuple[int, Any]]]:
    """Callers of that many pages, some of them in the engine's batch by now."""
    rng = random.Random(count)
    calls = [
        asyncio.create_task(call(supervised, rng.randint(300, 1000), rng.randint(300, 1000)))
        for _ in range(count)
    ]
    async with aiohttp.ClientSession(supervised.url) as scrapes:
        await until_running(scrapes, 3, at_least=True)
    return calls


async def call(supervised: Supervised, width: int, height: int) -> tuple[int, Any]:
    """One caller, who waits for a minute and a half."""
    async with aiohttp.ClientSession(supervised.front.url) as session:
        return await ocr(session, width, height, seconds=90)


def check(answers: list[tuple[int, Any]]) -> int:
    """Every answer is the whole text of its page or a typed error; how many pages."""
    served = [reply for status, reply in answers if status == 200]
    for reply in served:
        assert not reply["pages"][0]["warnings"] or reply["pages"][0]["warnings"] == ["truncated"]
        assert reply["text"].split() == text_of(reply["usage"]["input_tokens"])
    errors = {(status, reply["code"]) for status, reply in answers if status != 200}
    assert errors <= TYPED
    return len(served)


def test_it_answers_while_vllm_loads(supervised: Supervised, figures: dict[str, str]) -> None:
    """From its first seconds, with how far it is."""
    first, _ = supervised.front.told[0]
    last, _ = supervised.front.told[-1]
    details = [str(json.loads(text)["detail"]) for _, text in supervised.front.told[:-1]]
    stages = list(dict.fromkeys(re.split("vLLM: |so far, ", each)[-1] for each in details))
    figures["answers while vLLM loads"] = (
        f"{first - supervised.begun:.1f} s after the command, ready {last - first:.1f} s later; "
        f"{'; '.join(stages)}"
    )
    assert all(detail.startswith("the engine starts; vLLM: ") for detail in details)
    assert {"it loads the weights", "it lays out its cache"} & {*stages}
    assert first - supervised.begun < 0.5 * (last - supervised.begun)


async def test_it_reads_through_the_server_that_it_started(supervised: Supervised) -> None:
    """The flags of the recipe reach a real vLLM, and pages come back whole."""
    assert check(await asyncio.gather(*await crowd(supervised, 24))) >= 16


async def test_sigkill_under_32_pages_loses_nothing_and_heals_without_a_human(
    supervised: Supervised, figures: dict[str, str]
) -> None:
    """All callers get their page, since what was accepted waits; soon after a new vLLM is up others
    are read again.
    """
    calls = await crowd(supervised, 32)
    async with asyncio.timeout(30):
        while not _all_came(supervised.front, calls):  # noqa: ASYNC110 - see below
            await asyncio.sleep(0.02)
    before = sum(each.done() for each in calls)
    old = supervised.server()
    os.kill(old, signal.SIGKILL)
    killed = time.monotonic()
    answers = await asyncio.gather(*calls)
    whole = check(answers)
    async with asyncio.timeout(240):
        while not await is_up(supervised.url):  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.1)
        up = time.monotonic()
        while (await call(supervised, 400, 400))[0] != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    serving = time.monotonic()
    figures["SIGKILL under 32 pages"] = (
        f"{whole} whole ({before} of them before it), {len(answers) - whole} typed errors, none "
        f"wrong; vLLM answered again {up - killed:.1f} s after it, pages were read "
        f"{serving - up:.1f} s later"
    )
    assert whole == 32
    assert supervised.server() != old
    assert serving - up <= 10
    assert up - killed < 180
    assert supervised.front.ready()


def _all_came(front: Gateway, calls: list[asyncio.Task[tuple[int, Any]]]) -> bool:
    """Whether each page has a place or waits for one, or was answered."""
    answered = sum(each.done() for each in calls)
    here = front.metric("ocrgate_inflight") + front.metric("ocrgate_backlog")
    return here + answered >= len(calls)


async def test_sigterm_finishes_the_pages_and_leaves_no_process(supervised: Supervised) -> None:
    """What was accepted is answered whole, then gateway and vLLM are gone, and their memory."""
    family = psutil.Process(supervised.front.pid).children(recursive=True)
    calls = await crowd(supervised, 12)
    supervised.front.signal(signal.SIGTERM)
    answers = await asyncio.gather(*calls)
    assert check(answers) >= 8
    gone = await asyncio.to_thread(
        until, lambda: not any(map(_alive, family)) and supervised.front.guard.poll() == 0, 40
    )
    assert gone < 40


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False

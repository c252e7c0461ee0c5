"""A vLLM of ``ocrgate serve --engine vllm`` that dies for want of memory, with pages in work."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from tests.vllm import model, script
from tests.vllm.calls import until_running
from tests.vllm.gateway import Gateway, gateway, ocr
from tests.vllm.reading import text_of
from tests.vllm.server import OFFLINE, executable, free_port

PAGES = 24
MOST = 200  # tokens of a page: all but the endless ones are shorter


@dataclass(frozen=True)
class Mortal:
    """A gateway, where the vLLM answers that it keeps, and the file that ends that one."""

    front: Gateway
    url: str
    dies: Path

    def sequences(self) -> list[str]:
        """That each start of vLLM was given."""
        return re.findall(r"--max-num-seqs', '(\d+)'", self.front.tail(10**7))


@pytest.fixture
def mortal(installed: Path, tmp_path: Path) -> Iterator[Mortal]:
    """A gateway that starts its vLLM itself."""
    port, dies = free_port(), tmp_path / "dies"
    flags = ("--load-format", "dummy", "--enforce-eager", "--max-model-len", "8192")
    with gateway(
        tmp_path,
        *("--engine", "vllm", "--model", str(model.write(tmp_path / "model"))),
        seconds=300,
        OCRGATE_ENGINE__COMMAND=str(executable()),
        OCRGATE_ENGINE__PORT=str(port),
        OCRGATE_ENGINE__MAX_SEQUENCES="32",
        OCRGATE_ENGINE__ARGS=json.dumps([*flags, *script.DYING]),
        OCRGATE_ENGINE__MAX_TOKENS=str(MOST),
        OCRGATE_ENGINE__SLOTS=str(PAGES),  # all are in work when it dies
        **OFFLINE,
        **{script.DIES: str(dies)},
    ) as front:
        yield Mortal(front, f"http://127.0.0.1:{port}", dies)


async def call(mortal: Mortal, height: int) -> str:
    """How a page ends."""
    async with aiohttp.ClientSession(mortal.front.url) as session:
        status, reply = await ocr(session, 600, height, seconds=150)
    if status != 200:
        return f"{status} {reply['code']}"
    right = text_of(reply["usage"]["input_tokens"])[:MOST]
    return "whole" if reply["text"].split() == right else "wrong"


async def test_a_death_for_want_of_memory_is_learned_from_and_loses_nothing(
    mortal: Mortal, figures: dict[str, str]
) -> None:
    """Its reason stands before a traceback for each page in work; the next start carries half."""
    calls = [asyncio.create_task(call(mortal, 400 + 20 * n)) for n in range(PAGES)]
    async with aiohttp.ClientSession(mortal.url) as scrapes:
        await until_running(scrapes, 12, at_least=True)
    mortal.dies.touch()
    ends = Counter(await asyncio.gather(*calls))
    figures["death for want of memory under 24 pages"] = (
        f"{dict(ends)}; sequences of the starts: {', '.join(mortal.sequences())}"
    )
    assert not mortal.dies.exists(), "it did not die"
    assert "cause=gpu_out_of_memory" in mortal.front.tail(10**7)
    assert mortal.sequences() == ["32", "16"]
    assert ends == {"whole": PAGES}

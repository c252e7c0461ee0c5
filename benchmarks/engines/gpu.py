"""A gateway in front of a model of HunyuanOCR's shape (1B, random weights) on this machine's GPU.

Served by ``transformers serve``, since that runs wherever PyTorch and transformers are; it works on
one page after the other. Pages of A4 proportions are sent as JPEG, each is answered with 64 tokens.
Callers in a closed loop ask the server itself and the gateway in turn. Needs a Python with PyTorch
for CUDA and transformers 5.13 or newer, beside what ocrgate needs.

    python -m benchmarks.engines.gpu [--rounds 3] [--concurrency 1,2,4,8]
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from benchmarks.engines.gateway_vs_bare import Tally, jpeg, report, run, through
from tests.vllm import foreign, model
from tests.vllm.calls import CHAT
from tests.vllm.gateway import gateway
from tests.vllm.pages import MODEL, data_uri, image_part, messages, text_part
from tests.vllm.reading import RECIPE
from tests.vllm.server import OFFLINE, free_port, guarded, until

from ocrgate.domain.recognition import PageRequest

TOKENS = 64
PAGES = 8  # per round; one takes seconds, one after the other
START_SECONDS = 300.0
SIZES = [(724, 1024), (1024, 724), (640, 905), (724, 1000)]
TEXT: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 3584,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
}
VISION: dict[str, Any] = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "out_hidden_size": 1024,
    "text_hidden_size": 1024,
}


def full_size(folder: Path) -> Path:
    """The model's folder with the published sizes; the vocabulary stays small."""
    model.write(folder)
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config["text_config"] |= TEXT
    config["text_config"]["rope_parameters"]["mrope_section"] = [16, 16, 16, 16]
    config["vision_config"] |= VISION
    file.write_text(json.dumps(config))
    return folder


async def directly(session: aiohttp.ClientSession, page: bytes) -> int:
    """One page of the server itself; 0 refusals."""
    words = RECIPE.instruction(PageRequest()).text
    body = {
        "model": MODEL,
        "messages": messages(image_part(data_uri(page, "image/jpeg")), text_part(words)),
        "max_tokens": TOKENS,
    }
    async with session.post(CHAT, json=body) as reply:
        assert reply.status == 200, await reply.text()
        await reply.read()
    return 0


async def sweep(url: str, front: str, steps: list[int], rounds: int) -> dict[str, Tally]:
    """All concurrencies, both ways, in alternating rounds."""
    ways = {"bare": (directly, url), "gateway": (through, front)}
    tallies = {way: Tally() for way in ways}
    pages = [jpeg(SIZES[number % len(SIZES)]) for number in range(PAGES)]
    for ask, place in ways.values():
        await run(ask, place, pages, 1, warm=0, seconds=5)
    for number in range(rounds):
        for step in steps:
            for way in list(ways) if number % 2 == 0 else reversed(list(ways)):
                ask, place = ways[way]
                rate, refused, _ = await run(ask, place, pages, step, seconds=20)
                tallies[way].rates[step].append(rate)
                tallies[way].refused[step] += refused
    return tallies


def gpu() -> str:
    """Name and memory in use, as nvidia-smi tells them."""
    query = ["nvidia-smi", "--query-gpu=name,memory.used,temperature.gpu", "--format=csv,noheader"]
    return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()


def answers(url: str) -> bool:
    """Whether the server lists its model."""
    done = subprocess.run(["curl", "-sf", f"{url}/v1/models"], capture_output=True, check=False)
    return done.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", default="1,2,4,8")
    parser.add_argument("--device", default="cuda:0")
    options = parser.parse_args()
    steps = [int(step) for step in options.concurrency.split(",")]
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        weights, url = full_size(folder / "model"), f"http://127.0.0.1:{port}"
        home, log = folder / "cache", folder / "log"
        words = (sys.executable, foreign.__file__, str(weights), str(home), str(port))
        begun = time.monotonic()
        with guarded((*words, options.device), log, OFFLINE) as (process, _):
            until(lambda: answers(url) or process.poll() is not None, START_SECONDS, pause=0.5)
            print(f"listening after {time.monotonic() - begun:.0f} s", flush=True)
            (folder / "state").mkdir()
            front_of = gateway(
                folder / "state",
                *("--url", url),
                OCRGATE_ENGINE__SERVER="transformers",
                OCRGATE_ENGINE__MODEL=MODEL,
                OCRGATE_ENGINE__MAX_TOKENS=str(TOKENS),
                OCRGATE_ENGINE__SLOTS="2",
            )
            try:
                with front_of as front:
                    print(gpu(), flush=True)
                    report(asyncio.run(sweep(url, front.url, steps, options.rounds)), steps)
                    print(gpu())
            except BaseException:
                print(log.read_text(errors="replace")[-3000:])
                raise


if __name__ == "__main__":
    main()

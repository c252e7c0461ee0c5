"""``ocrgate serve --engine vllm`` on this machine's GPU: started, killed in several ways, ended.

The model has HunyuanOCR's shape (1B, random weights) and writes texts that are known, so what is
cut, mixed up or invented is noticed. Nothing is tuned: ocrgate chooses vLLM's flags for the GPU.

1. The start, until it has read a page.
2. A neighbour takes all memory that is free, then large pages come: vLLM dies of memory, and has
   to come back carrying less.
3. ``ocrgate bench`` against that vLLM; its record is kept for ``ocrgate plan --calibrate``.
4. SIGKILL of the vLLM under 32 pages.
5. SIGTERM of the gateway under 12 pages.

    python -m benchmarks.engines.gpu_managed --out FOLDER [--vllm vllm] [--seed 1]

Every step writes what it found to ``FOLDER/managed.json`` at once; one that fails does not keep
the next from being tried. ``--tiny`` rehearses all of it but the second step on a CPU.
"""

import argparse
import asyncio
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from benchmarks.engines.gpu_vllm import QUICK, SCRIPT, published
from tests.vllm import model, script
from tests.vllm.calls import is_up, until_running
from tests.vllm.gateway import Gateway, gateway, ocr
from tests.vllm.server import OFFLINE, free_port, until

MOST = 700  # tokens of a page's text
START_SECONDS = 200.0
FLAGS = ("--load-format", "dummy", "--max-model-len", "8192", *SCRIPT)
NOTES = re.compile(
    r"starting vLLM|vLLM is down|out of memory|carries less|may carry more|KV cache size|"
    r"KV cache memory|init engine|model pinned|Encoder cache|did not finish|hung|read no page"
)

Pages = list[asyncio.Task[tuple[int, Any]]]


@dataclass
class Stand:
    """A gateway, the vLLM that it keeps, and what was found so far.

    Attributes:
        front: the gateway.
        url: of vLLM.
        folder: where results go.
        options: of the command line.
        found: by step.
    """

    front: Gateway
    url: str
    folder: Path
    options: argparse.Namespace
    found: dict[str, Any] = field(default_factory=dict)

    def note(self, name: str, facts: object) -> None:
        """Keep what a step found."""
        self.found[name] = facts
        self.save()
        print(name, json.dumps(facts), flush=True)

    def save(self) -> None:
        """Write all of it."""
        lines = [line for line in self.front.tail(10**7).splitlines() if NOTES.search(line)]
        whole = self.found | {"log": [line[:1200] for line in lines][-200:]}
        (self.folder / "managed.json").write_text(json.dumps(whole, indent=1))

    def starts(self) -> int:
        """How often a vLLM was started."""
        return self.front.tail(10**8).count("starting vLLM")

    def server(self) -> int:
        """The process id of the vLLM that answers HTTP."""
        port = int(self.url.rpartition(":")[2])
        below = psutil.Process(self.front.pid).children(recursive=True)
        return next(one.pid for one in below if port in _listening(one))


def _listening(process: psutil.Process) -> set[int]:
    try:
        sockets = process.net_connections("tcp")
    except psutil.Error:
        return set()
    return {one.laddr.port for one in sockets if one.status == psutil.CONN_LISTEN}


def used() -> int | None:
    """MiB of the GPU that are in use."""
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    try:
        return int(subprocess.run(query, capture_output=True, text=True, check=True).stdout)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def words(prompt_tokens: int) -> list[str]:
    """The text of a page whose prompt has so many tokens."""
    count = min(MOST, script.length(prompt_tokens, script.TIMES))
    ids = (script.token(prompt_tokens, position, script.TIMES) for position in range(count))
    return model.text(ids).split()


def kind(status: int, reply: Any) -> str:
    """Whether an answer is whole, a typed error, or wrong."""
    if status != 200:
        return f"{status} {reply.get('code', '?')}"
    whole = reply["text"].split() == words(reply["usage"]["input_tokens"])
    return "whole" if whole else "WRONG"


async def call(stand: Stand, width: int, height: int) -> tuple[int, Any]:
    """One caller, who waits for two minutes."""
    try:
        async with aiohttp.ClientSession(stand.front.url) as session:
            return await ocr(session, width, height, seconds=120)
    except (aiohttp.ClientError, TimeoutError) as error:
        return 0, {"code": type(error).__name__}


async def crowd(stand: Stand, count: int, running: int, *, least: int = 300) -> Pages:
    """Callers of that many pages, ``running`` of which are in vLLM's batch by now."""
    rng = random.Random(stand.options.seed)
    sides = [(rng.randint(least, 1000), rng.randint(least, 1000)) for _ in range(count)]
    calls = [asyncio.create_task(call(stand, *side)) for side in sides]
    async with aiohttp.ClientSession(stand.url) as scrapes:
        await until_running(scrapes, running, at_least=True)
    return calls


async def answered(calls: Pages) -> dict[str, int]:
    """How many of each kind."""
    return dict(Counter(kind(*answer) for answer in await asyncio.gather(*calls)))


async def reads_again(stand: Stand, starts: int, since: float) -> dict[str, float]:
    """Seconds until vLLM lists its model again, and until a page was read."""
    async with asyncio.timeout(START_SECONDS):
        while stand.starts() <= starts or not await is_up(stand.url, "/v1/models"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        up = time.monotonic() - since
        while (await call(stand, 400, 400))[0] != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return {"vLLM answers after": round(up, 1), "reads after": round(time.monotonic() - since, 1)}


# Steps


async def read(stand: Stand) -> object:
    """Pages, all at once."""
    begun = time.monotonic()
    answers = await answered(await crowd(stand, 24, 2))
    return {"answers": answers, "seconds": round(time.monotonic() - begun, 1)}


async def memory(stand: Stand) -> object:
    """Death for want of memory, and the next start."""
    pipe = asyncio.subprocess.PIPE
    hog = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.engines.gpu_hog"), stdin=pipe, stdout=pipe
    )
    assert hog.stdin
    assert hog.stdout
    try:
        await asyncio.wait_for(hog.stdout.readline(), 60)
        starts, before = stand.starts(), used()
        hog.stdin.write(b"take\n")
        took = int(await asyncio.wait_for(hog.stdout.readline(), 60))
        since = time.monotonic()
        calls = [asyncio.create_task(call(stand, 1000, 1000 - n)) for n in range(48)]
        died = await asyncio.to_thread(until, lambda: "vLLM is down" in stand.front.tail(10**8), 40)
    finally:
        hog.kill()
        await hog.wait()
    facts = {"used before, MiB": before, "taken, MiB": took, "died after": round(died, 1)}
    if died == float("inf"):
        return facts | {"died after": None, "answers": await answered(calls)}
    again = await reads_again(stand, starts, since)
    return facts | again | {"answers": await answered(calls), "load": _loads(stand)}


def _loads(stand: Stand) -> list[str]:
    return re.findall(r"--max-num-seqs'?,? '?(\d+)", stand.front.tail(10**8))


async def bench(stand: Stand) -> object:
    """Closed loops against vLLM itself, then one through the gateway."""
    options = stand.options
    words = (sys.executable, "-m", "ocrgate", "bench", stand.url)
    how = ("-d", f"{options.bench_seconds}s", "--warmup", "3s", "--mix", "up-to-1024")
    more = ("--max-tokens", str(MOST), "--pages", "64", "--seed", str(options.seed))
    out = ("--out", str(stand.folder / "bench.json"), "--force")
    code = await _run(*words, "-c", options.bench, *how, *more, *out)
    front = (*words[:-1], stand.front.url, "-c", options.bench.rpartition(",")[2], "--retries", "9")
    out = ("--out", str(stand.folder / "bench-through.json"), "--force")
    return {"codes": [code, await _run(*front, *how, *more[2:], *out)]}


async def _run(*words: str) -> int | None:
    process = await asyncio.create_subprocess_exec(*words, stdout=sys.stderr)
    try:
        return await asyncio.wait_for(process.wait(), 120)
    except TimeoutError:
        process.terminate()
        return await process.wait()


async def kill(stand: Stand) -> object:
    """SIGKILL of the process that answers, under 32 pages."""
    starts = stand.starts()
    calls = await crowd(stand, 32, 4)
    async with aiohttp.ClientSession(stand.url) as scrapes:
        await until_running(scrapes, 4, at_least=True)
    os.kill(stand.server(), signal.SIGKILL)
    since = time.monotonic()
    again = await reads_again(stand, starts, since)
    return again | {"answers": await answered(calls)}


async def end(stand: Stand) -> object:
    """SIGTERM under 12 pages; nothing of it may be left, nor of its memory."""
    family = psutil.Process(stand.front.pid).children(recursive=True)
    before = used()
    calls = await crowd(stand, 12, 2)
    stand.front.signal(signal.SIGTERM)
    since = time.monotonic()
    answers = await answered(calls)
    took = time.monotonic() - since
    await asyncio.to_thread(until, lambda: not any(map(_alive, family)), 60)
    gone = time.monotonic() - since
    facts = {"answers": answers, "last answer after": round(took, 1)}
    left = sum(map(_alive, family))
    return facts | {"gone after": round(gone, 1), "left": left, "MiB": [before, used()]}


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


STEPS: dict[str, tuple[Callable[[Stand], Coroutine[Any, Any, object]], float]] = {
    "read": (read, 60.0),
    "memory": (memory, 180.0),
    "bench": (bench, 150.0),
    "kill": (kill, 180.0),
    "end": (end, 80.0),
}


def measure(stand: Stand) -> None:
    """All steps in turn, each for so long at most."""
    for name in stand.options.steps.split(","):
        step, seconds = STEPS[name]
        try:
            stand.note(name, asyncio.run(asyncio.wait_for(step(stand), seconds)))
        except Exception as error:  # noqa: BLE001 - the next step may go better
            traceback.print_exc()
            stand.note(name, f"failed: {type(error).__name__}: {error}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--vllm", default="vllm", help="the command")
    parser.add_argument("--flags", default=f"--compilation-config '{QUICK}'")
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--bench", default="8,32,128", help="callers at once")
    parser.add_argument("--bench-seconds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        weights = (model.write if options.tiny else published)(folder / "model")
        begun = time.monotonic()
        try:
            with gateway(
                folder,
                *("--engine", "vllm", "--model", str(weights)),
                seconds=START_SECONDS,
                OCRGATE_ENGINE__COMMAND=options.vllm,
                OCRGATE_ENGINE__PORT=str(port),
                OCRGATE_ENGINE__ARGS=json.dumps([*FLAGS, *shlex.split(options.flags)]),
                OCRGATE_ENGINE__SHUTDOWN_TIMEOUT="10",
                OCRGATE_ENGINE__MAX_TOKENS=str(MOST),
                **OFFLINE,
            ) as front:
                stand = Stand(front, f"http://127.0.0.1:{port}", options.out, options)
                took = round(time.monotonic() - begun, 1)
                stand.note("start", {"ready after": took, "MiB": used(), "load": _loads(stand)})
                measure(stand)
        finally:
            log = folder / "gateway.log"
            (options.out / "gateway.log").write_text(log.read_text(errors="replace")[-4_000_000:])


if __name__ == "__main__":
    main()

"""The same closed loop on the same server by several tools: do they agree?

    python -m benchmarks.load.crosscheck [--seconds 20] [--vllm PATH] [--json FILE]

Two servers whose speed is known: one answers a file after 20 ms, one writes twenty words 20 ms
apart. ``hey`` and ``wrk`` take the first, ``vllm bench serve`` the second; tools that are not
installed are left out (``--vllm`` names the program, else it is looked for on the path).
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvloop

from ocrgate.load.arrivals import Closed
from ocrgate.load.link import parse_url
from ocrgate.load.report.digest import StepDigest, digest
from ocrgate.load.runner import Span, run
from ocrgate.load.targets import Api, Asking, Endpoint
from ocrgate.load.workload import Document, Workload
from ocrgate.testing import FaultyEngine, PausingServer, Talk

USERS = 8
SERVICE = 0.02
WORDS = 20
BODY = b"\x89PNG" + bytes(1000)

Row = dict[str, Any]


async def _plain(pipe: Connection) -> None:
    async with PausingServer(SERVICE) as server:
        pipe.send(server.url)
        await asyncio.Event().wait()


async def _writing(pipe: Connection) -> None:
    async with FaultyEngine(Talk("word " * (WORDS - 1) + "word", delay=SERVICE)) as server:
        pipe.send(server.url)
        await asyncio.Event().wait()


def _run(serve: Callable[[Connection], Awaitable[None]], pipe: Connection) -> None:
    uvloop.run(serve(pipe))  # type: ignore[arg-type]


@contextmanager
def served(serve: Callable[[Connection], Awaitable[None]]) -> Iterator[str]:
    """A server in a process of its own."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_run, args=(serve, there))
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()


def _ours(endpoint: Endpoint, span: Span) -> StepDigest:
    workload = Workload((Document("body", "body", "image/png", BODY),), "bytes")
    return digest(uvloop.run(run(endpoint, workload, Closed(USERS), span=span))).steps[0]


def plain(seconds: float) -> Iterator[Row]:
    """Requests a second, p50 and p99 of the first server."""
    with served(_plain) as url:
        found = _ours(Endpoint(parse_url(url), Api.RAW, kind="http"), Span(seconds=seconds))
        assert found.latency is not None
        yield {
            "tool": "ocrgate bench",
            "per_second": round(found.throughput, 1),
            "p50_ms": round(1000 * found.latency.p50, 1),
            "p99_ms": round(1000 * found.latency.p99, 1),
        }
        with tempfile.TemporaryDirectory() as folder:
            yield from _others(url, Path(folder), seconds)


def _others(url: str, folder: Path, seconds: float) -> Iterator[Row]:
    body = folder / "body"
    body.write_bytes(BODY)
    if shutil.which("hey"):
        command = ["hey", "-z", f"{seconds:g}s", "-c", f"{USERS}", "-m", "POST", "-D", str(body)]
        said = _said([*command, url])
        quantiles = dict(re.findall(r"(\d+)% in ([\d.]+) secs", said))
        p50, p99 = (round(1000 * float(quantiles[share]), 1) for share in ("50", "99"))
        yield {"tool": "hey", "per_second": _rate(said), "p50_ms": p50, "p99_ms": p99}
    if shutil.which("wrk"):
        script = folder / "post.lua"
        script.write_text(
            f'wrk.method = "POST"\nlocal f = io.open("{body}", "rb")\nwrk.body = f:read("*a")\n'
        )
        command = ["wrk", "-t1", f"-c{USERS}", f"-d{seconds:g}s", "--latency", "-s", str(script)]
        said = _said([*command, url])
        quantiles = dict(re.findall(r"(\d+)%\s+([\d.]+)ms", said))
        p50, p99 = (float(quantiles.get(share, "nan")) for share in ("50", "99"))
        yield {"tool": "wrk", "per_second": _rate(said), "p50_ms": p50, "p99_ms": p99}


def _said(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | environment
    )
    return done.stdout


def _rate(said: str) -> float | None:
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    return round(float(found[1]), 1) if found else None


def writing(seconds: float, vllm: str | None) -> Iterator[Row]:
    """Requests and words a second, p50 and p99 of the second server."""
    requests = round(seconds * USERS / (SERVICE * WORDS))
    with served(_writing) as url:
        address = parse_url(f"{url}/v1/chat/completions")
        endpoint = Endpoint(address, Api.OPENAI, Asking(model="scripted"), kind="openai")
        found = _ours(endpoint, Span(seconds=None, requests=requests))
        assert found.latency is not None
        yield {
            "tool": "ocrgate bench",
            "per_second": round(found.throughput, 2),
            "p50_ms": round(1000 * found.latency.p50, 1),
            "p99_ms": round(1000 * found.latency.p99, 1),
            "tokens_per_second": round(found.tokens, 1),
        }
        if vllm is not None:
            yield _vllm(vllm, url, requests)


def _vllm(program: str, url: str, requests: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder, "prompts.jsonl")
        prompts.write_text('{"prompt": "Read the page."}\n' * requests)
        command = [program, "bench", "serve", "--backend", "openai-chat", "--base-url", url]
        command += ["--endpoint", "/v1/chat/completions", "--model", "scripted"]
        command += ["--skip-tokenizer-init", "--dataset-name", "custom", "--dataset-path"]
        command += [str(prompts), "--custom-output-len", str(WORDS), "--disable-shuffle"]
        command += ["--num-prompts", str(requests), "--max-concurrency", str(USERS)]
        command += ["--percentile-metrics", "e2el", "--metric-percentiles", "50,99"]
        command += ["--save-result", "--result-dir", folder, "--result-filename", "r.json"]
        _said(command, HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1")
        told = json.loads(Path(folder, "r.json").read_text())
    return {
        "tool": "vllm bench serve",
        "per_second": round(told["request_throughput"], 2),
        "p50_ms": round(told["p50_e2el_ms"], 1),
        "p99_ms": round(told["p99_e2el_ms"], 1),
        "tokens_per_second": round(told["output_throughput"], 1),
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--vllm", default=shutil.which("vllm"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows: list[Row] = []
    print(f"a file after 20 ms, {USERS} at once: {USERS / SERVICE:.0f}/s at most")
    for row in plain(given.seconds):
        rows.append(row)
        print(json.dumps(row))
    print(f"{WORDS} words 20 ms apart, {USERS} at once: {USERS / SERVICE / WORDS:.0f}/s at most")
    for row in writing(given.seconds, given.vllm):
        rows.append(row)
        print(json.dumps(row))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""A vLLM on this machine's GPU by itself and behind ocrgate, with nothing tuned on either side.

The model has HunyuanOCR's shape (1B, random weights); a logits processor makes it write on until
each request's own ``max_tokens``, which are drawn from a log-normal distribution with a tail.
It works on a whole batch at once, so that a step takes what it takes with a trained model's text.
vLLM's scheduler, memory and sampling are its own. Its KV cache is cut to ``--kv-tokens``, as on a
smaller GPU, so that it is what runs out.

First closed loops of several sizes, on vLLM itself: the knee. Then some times the knee in an open
loop (Poisson, seeded, latency from the intended send time), each page with ten seconds, first on
vLLM itself, then through an ``ocrgate serve`` that was just started. Both get the same requests in
the same order.

    python -m benchmarks.engines.gpu_vllm [--kv-tokens 60000] [--seconds 30] [--times 2 10]
"""

import argparse
import asyncio
import contextlib
import json
import random
import shlex
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from benchmarks.engines.gateway_vs_bare import WORDS, jpeg
from benchmarks.engines.gpu import TEXT, VISION, gpu
from tests.vllm import model
from tests.vllm.calls import CHAT
from tests.vllm.gateway import Gateway, gateway
from tests.vllm.pages import MODEL, data_uri, image_part, messages, text_part
from tests.vllm.reading import made, sizes
from tests.vllm.server import OFFLINE, Vllm, free_port, guarded, metric, until

from ocrgate.engines.openai.engine import OpenAIEngine

BLOCK = 16  # tokens
DEADLINE = 10.0
START_SECONDS = 240.0
HEAD_SECONDS = 3.0
MEDIAN, SIGMA, LONGEST, RUNAWAYS = 500.0, 0.8, 2000, 0.02  # tokens of a page's text
SCRIPT = ("--logits-processors", "benchmarks.engines.gpu_script:Batched")
FLAGS = (
    *("--load-format", "dummy", "--served-model-name", MODEL, "--max-model-len", "8192"),
    *("--limit-mm-per-prompt", '{"image": 1}', "--mm-processor-cache-gb", "0"),
    "--no-enable-prefix-caching",
    *SCRIPT,
)
QUICK = '{"mode": 0, "cudagraph_mode": "FULL_DECODE_ONLY"}'  # graphs, but no compiler at start


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is asked for, the same way of both."""

    body: bytes
    tokens: int


@dataclass
class Tally:
    """What one run brought.

    Attributes:
        way: who answered.
        offered: pages that were sent, ``good`` those answered in time.
        tokens: of those in time, as they were counted: under pressure fewer than were asked for.
        written: by vLLM altogether.
        preemptions: in vLLM.
        seconds: in which they were offered.
        answers: how many of each status.
        took: seconds of each page in time, ``refused`` of each refusal.
    """

    way: str
    offered: int = 0
    good: int = 0
    tokens: int = 0
    written: float = 0.0
    preemptions: float = 0.0
    seconds: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)


def pages(server: str, count: int, seed: int) -> list[Page]:
    """Requests for pages of many sizes, with a length of text for each."""
    rng, engine = random.Random(seed), made(server)
    asyncio.run(_started(engine))
    found = sizes(engine, long=True, most=800)
    drawn = [jpeg(size) for size in found]
    return [_page(rng.choice(drawn), _length(rng)) for _ in range(count)]


async def _started(engine: OpenAIEngine) -> None:
    await engine.start()
    await engine.close()


def _length(rng: random.Random) -> int:
    if rng.random() < RUNAWAYS:
        return LONGEST
    return max(32, min(LONGEST, round(MEDIAN * rng.lognormvariate(0, SIGMA))))


def _page(image: bytes, tokens: int) -> Page:
    body = {
        "model": MODEL,
        "messages": messages(image_part(data_uri(image, "image/jpeg")), text_part(WORDS)),
        "temperature": 0.0,
        "max_tokens": tokens,
    }
    return Page(json.dumps(body).encode(), tokens)


async def ask(session: aiohttp.ClientSession, page: Page, intended: float, tally: Tally) -> None:
    """Send one page; hang up when its time is over."""
    tally.offered += 1
    headers = {"Content-Type": "application/json", "X-Request-Timeout": f"{DEADLINE:g}"}
    answer, left = b"", aiohttp.ClientTimeout(max(0.01, DEADLINE - (time.monotonic() - intended)))
    try:
        async with session.post(CHAT, data=page.body, headers=headers, timeout=left) as reply:
            answer = await reply.read()
            status = str(reply.status)
    except TimeoutError:
        status = "left"
    except aiohttp.ClientError as error:
        status = type(error).__name__
    took = time.monotonic() - intended
    tally.answers[status] += 1
    if status == "200" and took <= DEADLINE:
        tally.good += 1
        tally.tokens += int(json.loads(answer)["usage"]["completion_tokens"])
        tally.took.append(took)
    elif status in {"429", "503"}:
        tally.refused.append(took)


async def closed(url: str, asked: list[Page], callers: int, seconds: float) -> Tally:
    """So many callers, each with the next page when the last is answered.

    What ends in the first seconds, when most pages have only begun, is not counted as good, nor is
    what is open at the end.
    """
    tally, todo = Tally(f"{callers} callers"), iter(asked * 100)

    async def caller() -> None:
        while True:
            await ask(session, next(todo), time.monotonic(), tally)

    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as session:
        tasks = [asyncio.create_task(caller()) for _ in range(callers)]
        await asyncio.sleep(HEAD_SECONDS)
        good, tokens = tally.good, tally.tokens
        await asyncio.sleep(seconds)
        tally.good, tally.tokens = tally.good - good, tally.tokens - tokens
        tally.seconds = seconds
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return tally


async def opened(url: str, asked: list[Page], rate: float, options: argparse.Namespace) -> Tally:
    """Poisson arrivals at ``rate`` a second."""
    tally, rng, tasks = Tally(""), random.Random(options.seed), []
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as session:
        intended = start = time.monotonic()
        for page in asked * 100:
            intended += rng.expovariate(rate)
            if intended > start + options.seconds:
                break
            await asyncio.sleep(max(0.0, intended - time.monotonic()))
            tasks.append(asyncio.create_task(ask(session, page, intended, tally)))
        await asyncio.gather(*tasks)
    tally.seconds = options.seconds
    return tally


def counted(server: Vllm, work: Coroutine[Any, Any, Tally]) -> Tally:
    """Run it, and note what vLLM says of it."""
    before = server.get("/metrics")[1]
    tally = uvloop.run(work)
    until(lambda: server.running() + server.waiting() == 0, 30)
    after = server.get("/metrics")[1]
    for name, total in (("written", "generation_tokens"), ("preemptions", "num_preemptions")):
        label = f"vllm:{total}_total"
        setattr(tally, name, metric(after, label) - metric(before, label))
    return tally


def shown(tally: Tally, knee: float) -> str:
    """One run as a line."""
    rate = tally.good / tally.seconds
    begun = tally.offered - len(tally.refused)
    refused = sorted(tally.refused)
    return (
        f"{tally.way:12} {rate:6.1f} pages/s in time ({rate / knee:.2f} of the knee), "
        f"{tally.tokens / tally.seconds:6.0f} tokens/s, "
        f"wasted {1 - tally.tokens / max(1.0, tally.written):.2f}, "
        f"preempted {1000 * tally.preemptions / max(1, begun):.0f} per 1,000, "
        f"refusal p50 {1000 * refused[len(refused) // 2] if refused else 0:.0f} ms, "
        f"answers {dict(tally.answers)}"
    )


def published(folder: Path) -> Path:
    """The model's folder in the form of the published one: widths, layers, flat text settings."""
    model.write(folder)
    file = folder / "config.json"
    config = json.loads(file.read_text())
    text = config.pop("text_config") | TEXT
    rope = text.pop("rope_parameters")
    text["rope_theta"] = rope.pop("rope_theta")
    rope = {name: rope[name] for name in rope if name not in {"rope_type", "mrope_section"}}
    text["rope_scaling"] = rope | {"type": "xdrope", "xdrope_section": [16, 16, 16, 16]}
    config["vision_config"] |= VISION | {"model_type": "hunyuan_vl"}
    config["image_start_token_id"] = config["im_start_id"]
    file.write_text(json.dumps(text | config))
    template = folder / "chat_template.jinja"  # vLLM 0.26 puts start and end around a page itself
    wrapped = model.IMAGE_START + model.IMAGE + model.IMAGE_END
    template.write_text(template.read_text().replace(wrapped, model.IMAGE))
    return folder


@contextlib.contextmanager
def vllm(command: str, kv_tokens: int, *flags: str) -> Iterator[Vllm]:
    """A vLLM on the GPU."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        weights = published(folder / "model")
        address = ("--host", "127.0.0.1", "--port", str(port))
        blocks = ("--num-gpu-blocks-override", str(kv_tokens // BLOCK))
        words = (*shlex.split(command), "serve", str(weights), *address, *FLAGS, *blocks, *flags)
        log = folder / "vllm.log"
        with guarded(words, log, OFFLINE) as (process, pid):
            server = Vllm(f"http://127.0.0.1:{port}", pid, process, log, folder)
            took = until(
                lambda: server_lists(server) or process.poll() is not None, START_SECONDS, pause=0.5
            )
            if process.poll() is not None or took > START_SECONDS:
                raise SystemExit(f"vLLM did not get ready:\n{server.tail(6000)}")
            print(f"vLLM listens after {took:.0f} s; {gpu()}", flush=True)
            yield server


def server_lists(server: Vllm) -> bool:
    """Whether it lists its model."""
    try:
        return server.get("/v1/models", 2)[0] == 200
    except OSError:
        return False


@contextlib.contextmanager
def fresh(server: Vllm) -> Iterator[Gateway]:
    """A gateway that has seen nothing: one that stands by sees loads that are not its own."""
    with (
        tempfile.TemporaryDirectory() as state,
        gateway(Path(state), "--engine", "openai", "--url", server.url) as front,
    ):
        yield front


def through(server: Vllm, made: Callable[[str], Coroutine[Any, Any, Tally]]) -> Tally:
    """Run it against a fresh gateway."""
    with fresh(server) as front:
        return counted(server, made(front.url))


def measure(server: Vllm, asked: list[Page], options: argparse.Namespace) -> None:
    """All runs, in turn."""
    runs = []
    uvloop.run(closed(server.url, asked, 16, 2.0))  # warm
    for callers in options.callers:
        tally = counted(server, closed(server.url, asked, callers, options.seconds / 2))
        runs.append(tally)
        print(shown(tally, tally.good / tally.seconds), flush=True)
    knee = max(tally.good / tally.seconds for tally in runs)
    if options.hasty:
        callers, seconds = max(options.callers), options.seconds / 2
        runs.append(through(server, lambda url: closed(url, asked, callers, seconds)))
        runs[-1].way = "ocrgate, closed"
        print(shown(runs[-1], knee), flush=True)
    for times in options.times:
        offered = partial(opened, asked=asked, rate=times * knee, options=options)
        for way in ("bare", "ocrgate"):
            own = way == "bare"
            runs.append(counted(server, offered(server.url)) if own else through(server, offered))
            runs[-1].way = f"{way} {times:g}x"
            print(shown(runs[-1], knee), flush=True)
            if options.out:
                options.out.write_text(json.dumps([vars(run) for run in runs]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kv-tokens", type=int, default=60_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--callers", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--times", type=float, nargs="+", default=[2.0])
    parser.add_argument("--hasty", action="store_true", help="also callers who never wait")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vllm", default="vllm", help="the command")
    parser.add_argument("--flags", default=f"--compilation-config '{QUICK}'")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with vllm(options.vllm, options.kv_tokens, *shlex.split(options.flags)) as server:
        try:
            until(lambda: server.get("/health")[0] == 200, 30)
            asked = pages(server.url, 400, options.seed + 4)
            measure(server, asked, options)
        except BaseException:
            print(server.tail(5000), flush=True)
            raise
        print(gpu())


if __name__ == "__main__":
    main()

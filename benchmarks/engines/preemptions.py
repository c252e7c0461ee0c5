"""Who is thrown out of the batch of a real vLLM with a small cache, with and without ocrgate?

A closed loop of many callers before a vLLM whose KV cache is too small for all that it lets in, and
the same callers before ``ocrgate serve`` with default settings before the same vLLM. Rounds
alternate. Pages have different sizes and texts (of 96 to 640 tokens, ``script.LENGTHY``); ocrgate
learns how long they are. Callers who are refused come back when told to.

All of it shares the machine: on two cores, what gateway and callers use is taken from vLLM too, so
pages a second are told beside the CPU that each side took.

    python -m benchmarks.engines.preemptions [--rounds 5] [--callers 64] [--blocks 96]
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
from benchmarks.engines.gateway_vs_bare import chosen, cpu_seconds, directly, run, through
from benchmarks.engines.stand import vllm
from benchmarks.overload.figure import Panel, draw
from tests.vllm import script
from tests.vllm.gateway import Gateway, gateway
from tests.vllm.server import Vllm, metric

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one way, over the seconds that count.

    Attributes:
        way: ``bare`` or ``gateway``.
        number: of the round.
        rate: pages a second.
        tokens: written by vLLM a second.
        preemptions: in vLLM.
        refused: answers that told a caller to come back, in the warm-up too.
        engine: cores that vLLM took, ``front`` those of ocrgate.
        seconds: that were counted.
    """

    way: str
    number: int
    rate: float
    tokens: float
    preemptions: int
    refused: int
    engine: float
    front: float
    seconds: float

    @property
    def pages(self) -> float:
        """Read in the seconds that count."""
        return self.rate * self.seconds

    @property
    def thrown_out(self) -> float:
        """Preemptions per 1,000 pages."""
        return 1000 * self.preemptions / max(1.0, self.pages)


@dataclass(frozen=True, slots=True)
class Counted:
    """What had been counted at one instant: by vLLM, and seconds of CPU of both sides."""

    preemptions: float
    tokens: float
    engine: float
    front: float

    @classmethod
    async def now(cls, server: Vllm, front: Gateway | None) -> "Counted":
        """Look."""
        text = (await asyncio.to_thread(server.get, "/metrics"))[1]
        return cls(
            metric(text, "vllm:num_preemptions_total"),
            metric(text, "vllm:generation_tokens_total"),
            cpu_seconds(server.pid),
            cpu_seconds(front.pid) if front else 0.0,
        )


async def patiently(session: aiohttp.ClientSession, page: bytes) -> int:
    """A page of vLLM itself, once more where it had just closed the connection that was kept."""
    try:
        return await directly(session, page)
    except aiohttp.ServerDisconnectedError:
        return await directly(session, page)


@dataclass(frozen=True, slots=True)
class Stand:
    """What all rounds share."""

    server: Vllm
    folder: Path
    pages: list[bytes]
    callers: int
    warm: float
    seconds: float

    async def measured(self, number: int, front: Gateway | None) -> Round:
        """One round, with a gateway or without."""
        ask, url = (through, front.url) if front else (patiently, self.server.url)
        load = asyncio.create_task(
            run(ask, url, self.pages, self.callers, warm=self.warm, seconds=self.seconds)
        )
        await asyncio.sleep(self.warm)
        before, start = await Counted.now(self.server, front), time.monotonic()
        await asyncio.sleep(self.seconds - 0.5)  # before the callers leave
        after, took = await Counted.now(self.server, front), time.monotonic() - start
        rate, refused, _ = await load
        return Round(
            "gateway" if front else "bare",
            number,
            rate,
            (after.tokens - before.tokens) / took,
            int(after.preemptions - before.preemptions),
            refused,
            (after.engine - before.engine) / took,
            (after.front - before.front) / took,
            took,
        )

    def rounds(self, count: int) -> list[Round]:
        """All of them, in turns. Every gateway is a new one, which has seen nothing of what went
        past it, and learns in the warm-up how long texts are.
        """
        found = []
        for number in range(1, count + 1):
            for way in ("bare", "gateway")[:: 1 if number % 2 else -1]:
                with contextlib.ExitStack() as stack:
                    front = None
                    if way == "gateway":
                        home = self.folder / f"gateway-{number}"
                        home.mkdir()
                        words = ("--engine", "openai", "--url", self.server.url)
                        front = stack.enter_context(gateway(home, *words))
                    found.append(asyncio.run(self.measured(number, front)))
                    print(found[-1], flush=True)
        return found


def table(found: Sequence[Round]) -> str:
    """Medians over rounds, with the range of the preemptions, and the two ratios that matter."""
    lines = ["| before vLLM | pages/s | tokens/s | preempted per 1,000 pages | of all rounds | "]
    lines[0] += "CPU a page, ms: vLLM | ocrgate |\n|---|--:|--:|--:|--:|--:|--:|"

    def of(way: str, value: Callable[[Round], float]) -> float:
        return statistics.median(value(one) for one in found if one.way == way)

    for way in ("bare", "gateway"):
        each = sorted(one.thrown_out for one in found if one.way == way)
        cells = [
            {"bare": "nothing", "gateway": "ocrgate"}[way],
            f"{of(way, lambda one: one.rate):.2f}",
            f"{of(way, lambda one: one.tokens):.0f}",
            f"{statistics.median(each):.0f}",
            f"{each[0]:.0f} to {each[-1]:.0f}",
            f"{of(way, lambda one: 1000 * one.engine / one.rate):.0f}",
            f"{of(way, lambda one: 1000 * one.front / one.rate):.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    pairs = [
        (bare, ours)
        for bare in found
        for ours in found
        if (bare.way, ours.way) == ("bare", "gateway") and bare.number == ours.number
    ]
    by = ", ".join(f"{ours.rate / bare.rate:.2f}" for bare, ours in pairs)
    lines.append(f"\npages/s, ocrgate over nothing, by round: {by}")
    return "\n".join(lines)


def figure(found: Sequence[Round], path: Path) -> None:
    """Preemptions and pages a second, by round."""

    def panel(title: str, up: str, value: Callable[[Round], float]) -> Panel:
        lines = {
            name: [(float(one.number), value(one)) for one in found if one.way == way]
            for way, name in (("gateway", "ocrgate"), ("bare", "bare"))
        }
        top = 1.2 * max(y for line in lines.values() for _, y in line)
        return Panel(title, "round", up, lines, top)

    panels = [
        panel("Thrown out of the batch", "per 1,000 pages", lambda one: one.thrown_out),
        panel("Pages read", "pages/s", lambda one: one.rate),
    ]
    draw(path, "A real vLLM with a small KV cache", panels)


def options() -> argparse.Namespace:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--callers", type=int, default=64)
    made.add_argument("--slots", type=int, default=48, help="--max-num-seqs of vLLM")
    made.add_argument("--blocks", type=int, default=96, help="KV blocks of 128 tokens")
    made.add_argument("--warm", type=float, default=15.0, help="seconds before anything counts")
    made.add_argument("--seconds", type=float, default=20.0, help="counted in each round")
    made.add_argument("--out", type=Path, help="write every round as JSON")
    made.add_argument("--no-figure", action="store_true")
    return made.parse_args()


def main() -> None:
    """Run it."""
    asked = options()
    flags = (
        *("--max-num-seqs", str(asked.slots), "--num-gpu-blocks-override", str(asked.blocks)),
        *("--max-model-len", "4992", *script.LENGTHY),
    )
    with tempfile.TemporaryDirectory() as name, vllm(Path(name), *flags) as server:
        pages = asyncio.run(chosen(server, 4 * asked.callers))
        stand = Stand(server, Path(name), pages, asked.callers, asked.warm, asked.seconds)
        found = stand.rounds(asked.rounds)
    print("\n" + table(found))
    print(f"load average {os.getloadavg()[0]:.1f}")
    if asked.out:
        asked.out.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")
    if not asked.no_figure:
        figure(found, IMAGES / "preemptions-vllm.svg")


if __name__ == "__main__":
    main()

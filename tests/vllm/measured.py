"""A model of a running server, from a short measurement of it: no constants but the server's own.

What is read off the server: its KV blocks, by its own metrics. What is measured: the time of a step
for batches of several sizes, what a picture or a longer prompt takes from those who write
meanwhile, and how long a picture is under way before it is in any queue. What is told: the limits
it was started with, which no metric says.

Everything that enters is measured while others write, since that is when it costs: the process that
prepares pictures and the one that schedules share what the machine has.
"""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import aiohttp
from tests.vllm.calls import CHAT, until_running
from tests.vllm.pages import MODEL, completion, messages, text_part
from tests.vllm.server import metric

from ocrgate.simulate.cost import ImageRule
from ocrgate.simulate.profile import Preprocessing, Profile, Speed

SIDES = (512, 640, 768)  # of the pictures that are measured
PROMPTS = (32, 512, 1024)  # words of the prompts
WRITERS = 4  # who write while something enters
TIMES = 6  # that each thing is measured
WINDOW = 0.3  # seconds in which steps are counted
TRIES = 5
_INSIDE = "vllm:request_prefill_time_seconds_sum"
_RULE = ImageRule()


class TooSlow(Exception):
    """Who was to write all the while had written all before the measurement was over."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server was started with: slots, tokens of a request, tokens of a step."""

    slots: int
    context: int
    batched: int = 2048


@dataclass(frozen=True, slots=True)
class Entry:
    """What one thing that enters costs.

    Attributes:
        tokens: of its prompt.
        held: seconds that it takes from those who write.
        before: seconds until it is in the engine.
    """

    tokens: int
    held: float
    before: float


def words(count: int) -> dict[str, Any]:
    """A request without a picture, of about so many tokens."""
    return {"model": MODEL, "messages": messages(text_part(" the" * count)), "temperature": 0.0}


def line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Offset and slope of the least squares through points, neither of them below 0."""
    across, up = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    spread = sum((x - across) ** 2 for x, _ in points)
    slope = sum((x - across) * (y - up) for x, y in points) / spread
    if slope < 0:
        return max(0.0, up), 0.0
    if up < slope * across:
        return 0.0, max(0.0, sum(x * y for x, y in points) / sum(x * x for x, _ in points))
    return up - slope * across, slope


@dataclass(slots=True)
class Meter:
    """Takes measurements of a server that nobody else uses."""

    session: aiohttp.ClientSession
    context: int
    block: int
    blocks: int
    written: list[int] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def scraped(self, name: str) -> float:
        """One metric."""
        async with self.session.get("/metrics") as reply:
            return metric(await reply.text(), name)

    async def step(self, batch: int) -> float:
        """Seconds of a step in which so many write."""
        async with self._busy(batch, 0):
            seconds, steps = await self._steps(asyncio.sleep(WINDOW))
        return seconds / steps

    async def entry(self, body: dict[str, Any]) -> Entry:
        """What a request for one token costs, while others write."""
        tokens, before = 0, list[float]()

        async def several() -> None:
            nonlocal tokens
            for _ in range(TIMES):
                known, start = await self.scraped(_INSIDE), time.monotonic()
                async with self.session.post(CHAT, json=body | {"max_tokens": 1}) as reply:
                    tokens = json.loads(await reply.text())["usage"]["prompt_tokens"]
                took = time.monotonic() - start
                before.append(took - (await self.scraped(_INSIDE) - known))

        async with self._busy(WRITERS, 10):
            alone = await self._steps(asyncio.sleep(WINDOW))
            seconds, steps = await self._steps(several())
        held = seconds - steps * alone[0] / alone[1]
        return Entry(tokens, max(0.0, held) / TIMES, max(0.0, median(before)))

    @contextlib.asynccontextmanager
    async def _busy(self, count: int, spare: int) -> AsyncIterator[None]:
        """So many write, in all blocks but ``spare``.

        Raises:
            TooSlow: one of them ended meanwhile.
        """
        room = min(self.context, (self.blocks - spare) // count * self.block) - 40
        self.written = [0] * count
        self.begun.clear()
        tasks = [asyncio.create_task(self._write(number, room)) for number in range(count)]
        try:
            begun = asyncio.create_task(self.begun.wait())
            await asyncio.wait([begun, *tasks], return_when=asyncio.FIRST_COMPLETED)
            begun.cancel()
            if any(task.done() for task in tasks):
                raise TooSlow
            yield
            if any(task.done() for task in tasks):
                raise TooSlow
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await until_running(self.session, 0)

    async def _write(self, number: int, tokens: int) -> None:
        body = words(8) | {"max_tokens": tokens, "ignore_eos": True, "stream": True}
        body["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
        async with self.session.post(CHAT, json=body) as reply:
            async for piece in reply.content:
                if piece.startswith(b"data: {"):
                    self.written[number] = json.loads(piece[6:])["usage"]["completion_tokens"]
                    if all(self.written):
                        self.begun.set()

    async def _steps(self, until: Awaitable[None]) -> tuple[float, float]:
        """Seconds, and steps of the engine, until something is done."""
        before, start = sum(self.written), time.monotonic()
        await until
        return time.monotonic() - start, (sum(self.written) - before) / len(self.written)


async def calibrated(url: str, limits: Limits) -> Profile:
    """A profile of the server at ``url``, which must be idle; some ten seconds."""
    async with aiohttp.ClientSession(
        url, connector=aiohttp.TCPConnector(limit=0, force_close=True)
    ) as session:
        async with session.get("/metrics") as reply:
            found = re.findall(r'(block_size|num_gpu_blocks)="(\d+)"', await reply.text())
        size = {name: int(value) for name, value in found}
        meter = Meter(session, limits.context, size["block_size"], size["num_gpu_blocks"] - 1)
        for _ in range(TRIES):
            with contextlib.suppress(TooSlow):
                speed, preprocessing = await _measured(meter, limits.slots)
                break
        else:
            raise TooSlow
    return Profile(
        name="measured",
        about="a running server",
        source="measured just now",
        speed=speed,
        kv_tokens=size["block_size"] * size["num_gpu_blocks"],
        max_num_seqs=limits.slots,
        max_num_batched_tokens=limits.batched,
        max_model_len=limits.context,
        block_size=size["block_size"],
        preprocessing=preprocessing,
    )


async def _measured(meter: Meter, slots: int) -> tuple[Speed, Preprocessing]:
    await meter.entry(completion(SIDES[0], SIDES[0]))  # the first of anything is slow
    batches = sorted({1, WRITERS, max(1, slots // 2), slots})
    knots = tuple([(batch, await meter.step(batch)) for batch in batches])
    texts = [await meter.entry(words(count)) for count in PROMPTS]
    pictures = [await meter.entry(completion(side, side)) for side in SIDES]
    _, per_token = line([(one.tokens, one.held) for one in texts])
    patches = [4 * _RULE.tokens(side, side) for side in SIDES]
    each = [
        (many, max(0.0, one.held - per_token * one.tokens) / many)
        for many, one in zip(patches, pictures, strict=True)
    ]
    outside = [(side * side / 1e6, one.before) for side, one in zip(SIDES, pictures, strict=True)]
    per_patch, per_pair = line(each)
    speed = Speed(0.0, 0.0, per_token, per_patch, per_pair, knots)
    return speed, Preprocessing(*line(outside))


def apart(one: Profile, other: Profile) -> float:
    """By what part two measurements of one server differ: the machine was not quiet if by much."""
    patches = 2000

    def each(profile: Profile) -> list[float]:
        found = [seconds for _, seconds in profile.speed.knots]
        return [*found, profile.speed.encode(patches), profile.preprocessing.takes(500_000)]

    return max(abs(a - b) / max(a, b, 1e-9) for a, b in zip(each(one), each(other), strict=True))


def between(one: Profile, other: Profile) -> Profile:
    """The mean of two measurements of one server."""

    def mean(of: Callable[[Profile], float]) -> float:
        return (of(one) + of(other)) / 2

    pairs = zip(one.speed.knots, other.speed.knots, strict=True)
    speed = replace(
        one.speed,
        per_prefill_token=mean(lambda it: it.speed.per_prefill_token),
        per_patch=mean(lambda it: it.speed.per_patch),
        per_patch_pair=mean(lambda it: it.speed.per_patch_pair),
        knots=tuple((batch, (first + second) / 2) for (batch, first), (_, second) in pairs),
    )
    preprocessing = Preprocessing(
        mean(lambda it: it.preprocessing.seconds),
        mean(lambda it: it.preprocessing.per_megapixel),
    )
    return replace(one, speed=speed, preprocessing=preprocessing)

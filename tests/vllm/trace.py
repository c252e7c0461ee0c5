"""Pages that come at given times, before a server over HTTP and before its model in virtual time.

What both gave is one :class:`Course`: when each page had its first token and its last, what the
engine's own gauges said meanwhile, and what it counted.
"""

import asyncio
import heapq
import itertools
import json
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace

import aiohttp
from tests.vllm.calls import CHAT
from tests.vllm.pages import completion
from tests.vllm.server import metric

from ocrgate.simulate.cost import TEXT_BEFORE, ImageRule
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.request import Event, Finished, FirstToken, Request

POLL = 0.1  # seconds between two looks at the gauges
STEPS = "vllm:iteration_tokens_total_count"
_RULE = ImageRule()


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page.

    Attributes:
        at: when it comes, in seconds from the start.
        width: of its picture; ``height`` too.
        tokens: written of it.
        leaves: seconds after which its client leaves.
    """

    at: float
    width: int
    height: int
    tokens: int
    leaves: float = math.inf

    def body(self) -> dict[str, object]:
        """The request to a server."""
        return completion(
            self.width, self.height, max_tokens=self.tokens, ignore_eos=True, stream=True
        )

    def request(self, number: int, text: int) -> Request:
        """The request to the model; ``text`` are the prompt's tokens beside the image."""
        image = _RULE.tokens(self.width, self.height)
        return Request(
            number,
            image + text,
            self.tokens,
            self.tokens,
            image,
            self.width * self.height,
            text_before=TEXT_BEFORE,
        )


@dataclass(frozen=True, slots=True)
class Gauges:
    """What the engine said at ``at``: in its batch, in its queue, share of the KV cache in use."""

    at: float
    running: float
    waiting: float
    usage: float


@dataclass(slots=True)
class Course:
    """What became of a trace; all times in seconds from its start, lists by page.

    A page whose client left has ended when it left, and perhaps never had a first token (infinity).
    """

    sent: list[float]
    first: list[float]
    ended: list[float]
    gauges: list[Gauges] = field(default_factory=list)
    preemptions: int = 0
    steps: int = 0

    @classmethod
    def of(cls, pages: int) -> "Course":
        """Before anything has happened."""
        return cls([0.0] * pages, [math.inf] * pages, [math.inf] * pages)

    @property
    def rate(self) -> float:
        """Pages a second, from the first that came to the last that ended."""
        return len(self.ended) / (max(self.ended) - min(self.sent))

    @property
    def waits(self) -> list[float]:
        """From sending to the first token, by page."""
        return [first - sent for sent, first in zip(self.sent, self.first, strict=True)]

    def mean(self, value: Callable[[Gauges], float]) -> float:
        """Of a gauge over time, until the last page ended."""
        seen = [value(one) for one in self.gauges if one.at <= max(self.ended)]
        return sum(seen) / len(seen)


def mixed(
    count: int, rate: float, seed: int, tokens: Sequence[int], impatient: float = 0.0
) -> list[Sheet]:
    """Pages of different sizes that come at random (Poisson) with one of these text lengths; of a
    share of them the client leaves within three seconds.
    """
    source = random.Random(seed)
    at = itertools.accumulate(source.expovariate(rate) for _ in range(count))

    def sheet(when: float) -> Sheet:
        width, height = (32 * source.randint(10, 24) for _ in range(2))
        leaves = source.uniform(0.1, 3.0) if source.random() < impatient else math.inf
        return Sheet(when, width, height, source.choice(tokens), leaves)

    return [sheet(when) for when in at]


# Before a server


async def replay(url: str, sheets: Sequence[Sheet]) -> Course:
    """Send the pages to a server when they are due, and look at its gauges meanwhile."""
    bodies = [json.dumps(sheet.body()).encode() for sheet in sheets]
    course = Course.of(len(sheets))
    headers = {"Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(url, connector=connector, headers=headers) as session:
        before = await _counts(session)
        start = time.monotonic()

        async def one(number: int) -> None:
            await asyncio.sleep(start + sheets[number].at - time.monotonic())
            course.sent[number] = time.monotonic() - start
            try:
                first = _read(session, bodies[number])
                leaves = sheets[number].leaves
                async with asyncio.timeout(None if math.isinf(leaves) else leaves):
                    async for at in first:
                        course.first[number] = at - start
            except TimeoutError:
                assert not math.isinf(sheets[number].leaves)
            course.ended[number] = time.monotonic() - start

        watching = asyncio.create_task(_watch(session, start, course.gauges))
        await asyncio.gather(*(one(number) for number in range(len(sheets))))
        watching.cancel()
        after = await _counts(session)
    course.preemptions, course.steps = (b - a for a, b in zip(before, after, strict=True))
    return course


async def _read(session: aiohttp.ClientSession, body: bytes) -> AsyncIterator[float]:
    """Read an answer to its end; the instant of its first token."""
    begun = False
    async with session.post(CHAT, data=body) as reply:
        assert reply.status == 200, await reply.text()
        async for line in reply.content:
            if begun or not line.startswith(b"data: {"):
                continue
            choices = json.loads(line[6:])["choices"]
            if choices and choices[0]["delta"].get("content"):
                begun = True
                yield time.monotonic()


async def _watch(session: aiohttp.ClientSession, start: float, seen: list[Gauges]) -> None:
    names = ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc")
    for tick in itertools.count():
        await asyncio.sleep(start + tick * POLL - time.monotonic())
        async with session.get("/metrics") as reply:
            text = await reply.text()
        values = [metric(text, f"vllm:{name}") for name in names]
        seen.append(Gauges(time.monotonic() - start, *values))


async def _counts(session: aiohttp.ClientSession) -> tuple[int, int]:
    """Preemptions and steps since the server's start."""
    async with session.get("/metrics") as reply:
        text = await reply.text()
    return int(metric(text, "vllm:num_preemptions_total")), int(metric(text, STEPS))


# Before the model


@dataclass(slots=True)
class _Model:
    engine: VirtualEngine
    course: Course
    left: int

    def hear(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, FirstToken):
                self.course.first[int(event.id)] = event.at
            elif isinstance(event, Finished):
                self.course.ended[int(event.id)] = event.at
                self.left -= 1

    def look(self, now: float) -> None:
        seen = self.engine.snapshot(now)
        self.course.gauges.append(Gauges(now, seen.running, seen.waiting, seen.kv_usage))


def imagined(engine: VirtualEngine, sheets: Sequence[Sheet], text: int) -> Course:
    """The same in virtual time, before an engine that has done nothing yet.

    Args:
        engine: the model.
        sheets: pages, with the times at which they really came.
        text: tokens of the prompt beside the image.
    """
    model = _Model(engine, Course.of(len(sheets)), len(sheets))
    model.course.sent = [sheet.at for sheet in sheets]
    due = [(sheet.at, 0, number) for number, sheet in enumerate(sheets)]
    due += [(sheet.at + sheet.leaves, 1, number) for number, sheet in enumerate(sheets)]
    heapq.heapify(due)
    now = poll = 0.0
    while model.left:
        times = [poll, *(at for at, _, _ in due[:1])]
        event = engine.next_event()
        now = max(now, min(times if event is None else [*times, event]))
        model.hear(engine.advance(now))
        while due and due[0][0] <= now:
            _, leaves, number = heapq.heappop(due)
            if leaves:
                engine.abort(now, number)
            else:
                engine.submit(now, sheets[number].request(number, text))
        if now >= poll:
            poll += POLL
            model.look(now)
    seen = engine.snapshot(now)
    model.course.preemptions, model.course.steps = seen.preemptions, seen.steps
    return model.course


def as_sent(sheets: Sequence[Sheet], course: Course) -> list[Sheet]:
    """The pages at the times at which they were really sent."""
    return [replace(each, at=at) for each, at in zip(sheets, course.sent, strict=True)]

"""The load generator, a process of its own.

``python -m benchmarks.overload.generator PLAN RECORD``

Reads a plan as JSON and writes a JSON line for each page as it ends, so that memory is that of the
pages under way. Pages are sent when they are due, whatever came of those before.
"""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import aiohttp
import msgspec
import uvloop
from benchmarks.overload import pages
from benchmarks.overload.plan import REFUSALS, Begun, Flow, Plan, Row

_ANY = Flow("closed", 0.0)


@dataclass(slots=True)
class _Answer:
    status: int
    tokens: int = 0
    retry_after: float = 0.0
    why: str = ""


@dataclass(slots=True)
class _Client:
    """One user with one page, through all its tries."""

    flow: Flow
    at: float
    due: float
    body: bytes
    source: random.Random
    patience: float
    quits: bool = False
    refused: float | None = None
    tries: int = 0
    begun: float = 0.0
    answer: _Answer = field(default_factory=lambda: _Answer(0))

    def headers(self) -> dict[str, str]:
        found = {"Content-Type": "application/json", "X-Request-Timeout": f"{self.patience:.3f}"}
        if self.flow.key:
            found["Authorization"] = f"Bearer {self.flow.key}"
        if self.flow.lane:
            found["X-Priority"] = self.flow.lane
        return found

    def pause(self) -> float | None:
        """Seconds until the next try; None when there is none."""
        if self.quits:
            return None
        answer = self.answer
        return self.flow.pause(self.tries, answer.status, answer.retry_after, self.source)

    def sent(self) -> bytes | AsyncIterator[bytes]:
        """Its page, at once or in a trickle."""
        return trickle(self.body, self.flow.upload) if self.flow.upload else self.body


PARCELS = 20


async def trickle(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    """A body in parcels, spread over some seconds."""
    size = -(-len(body) // PARCELS)
    for start in range(0, len(body), size):
        yield body[start : start + size]
        await asyncio.sleep(seconds / PARCELS)


class Generator:
    """Carries out a plan.

    Args:
        plan: what to do.
        record: where the lines go.
    """

    def __init__(self, plan: Plan, record: IO[bytes]) -> None:
        self._plan = plan
        self._record = record
        self._pages = random.Random(f"{plan.seed} pages")
        self._begun = 0.0

    async def run(self) -> None:
        """Send, wait for the last answers, or hang up."""
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            self._begun = time.monotonic() + 0.1
            self._write(Begun(self._begun))
            self._record.flush()
            tasks: set[asyncio.Task[None]] = set()
            if self._plan.clients:
                closed = (self._closed(session, name) for name in range(self._plan.clients))
                tasks = {asyncio.create_task(each) for each in closed}
            else:
                await self._open(session, tasks)
            if self._plan.hang_up:
                for task in tasks:
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=self._plan.hang_up)

    async def _open(self, session: aiohttp.ClientSession, tasks: set[asyncio.Task[None]]) -> None:
        for number, (at, flow) in enumerate(self._plan.sends()):
            await asyncio.sleep(max(0.0, self._begun + at - time.monotonic()))
            client = self._client(self._plan.flows[flow], at, number)
            task = asyncio.create_task(self._serve(session, client))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.sleep(max(0.0, self._begun + self._plan.seconds - time.monotonic()))

    async def _closed(self, session: aiohttp.ClientSession, name: int) -> None:
        number = name * 1_000_000
        while (at := time.monotonic() - self._begun) < self._plan.seconds:
            number += 1
            await self._serve(session, self._client(_ANY, at, number))

    def _client(self, flow: Flow, at: float, number: int) -> _Client:
        source = random.Random(f"{self._plan.seed} {number}")
        quits = flow.leaves > 0 and source.random() < 0.5
        patience = source.uniform(0.0, flow.leaves) if quits else self._plan.patience(flow)
        body = pages.chat(self._pages, flow.pages)
        return _Client(flow, at, self._begun + at, body, source, patience, quits)

    async def _serve(self, session: aiohttp.ClientSession, client: _Client) -> None:
        lag = time.monotonic() - client.due
        try:
            await self._try_all(session, client)
        finally:  # also when all hang up
            self._write(self._row(client, lag))

    def _row(self, client: _Client, lag: float) -> Row:
        return Row(
            client.flow.name,
            round(client.at, 4),
            round(lag, 5),
            round(time.monotonic() - client.due, 5),
            client.answer.status,
            client.answer.tokens,
            client.tries,
            client.refused,
            client.quits,
            round(time.monotonic() - client.begun, 5),
            client.answer.why,
            self._plan.patience(client.flow),
        )

    async def _try_all(self, session: aiohttp.ClientSession, client: _Client) -> None:
        client.begun = client.due
        while True:
            client.tries += 1
            client.answer = await self._try(session, client, client.begun + client.patience)
            if client.answer.status in REFUSALS and client.tries == 1:
                client.refused = time.monotonic() - client.due
            pause = client.pause()
            if pause is None:
                return
            await asyncio.sleep(pause)
            client.begun = time.monotonic()

    async def _try(self, session: aiohttp.ClientSession, client: _Client, until: float) -> _Answer:
        url = f"{self._plan.url}/v1/chat/completions"
        left = max(0.0, until - time.monotonic())
        try:
            async with (
                asyncio.timeout(left),
                session.post(url, data=client.sent(), headers=client.headers()) as reply,
            ):
                return _answer(reply.status, reply.headers, await reply.read())
        except TimeoutError:
            return _Answer(0)
        except aiohttp.ClientError:
            return _Answer(-1)

    def _write(self, line: Row | Begun) -> None:
        self._record.write(msgspec.json.encode(line) + b"\n")


def _answer(status: int, headers: Any, body: bytes) -> _Answer:
    if status != 200:
        after = headers.get("Retry-After", "")
        told = float(after) if after.isdigit() else 0.0
        return _Answer(status, retry_after=told, why=body[:160].decode(errors="replace"))
    usage = msgspec.json.decode(body).get("usage") or {}
    return _Answer(status, int(usage.get("completion_tokens") or 0))


@contextmanager
def _opened(arguments: list[str]) -> Iterator[tuple[Plan, IO[bytes]]]:
    plan, record = map(Path, arguments)
    with record.open("wb") as lines:
        yield msgspec.json.decode(plan.read_bytes(), type=Plan), lines


def main() -> None:
    """Run it."""
    with _opened(sys.argv[1:]) as (plan, lines):
        uvloop.run(Generator(plan, lines).run())


if __name__ == "__main__":
    main()
